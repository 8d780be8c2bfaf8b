"""What comes back for a case: an answer, a failure, a message. The engine takes the step where it fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.cases.effects import event_row
from core.cases.entering import automatic, enter
from core.cases.step import Step
from core.manifest.cases import SYSTEM_ROLE, CaseAction

#: Line of the trail when only the row has changed.
HEARD = "connector"


async def go_on(step: Step, action_id: str, patch: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Set fields of the row and take the action. False: the case is elsewhere by now, or there is no such action; then
    the fields are set, and nothing else happens."""
    step.patch.update(patch)
    action = step.workflow.actions.get(action_id)
    is_taken = action is not None and await _fits(step, action)
    if action is not None and is_taken:
        if to := await automatic(step, action):
            await enter(step, to)
            step.rows.append(event_row(step, "case.state"))
    elif patch:
        step.record(HEARD, step.case.state, step.case.state, role=SYSTEM_ROLE, facts=facts, is_public=False)
    if is_taken or patch:
        await step.finish()
    return is_taken


async def _fits(step: Step, action: CaseAction) -> bool:
    if SYSTEM_ROLE not in action.roles or step.case.state not in action.from_:
        return False
    return action.guard is None or await step.holds([action.guard]) == [True]
