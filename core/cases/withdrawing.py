"""A bundle is withdrawn, and with it those of its parts that can be; who works on one that goes on is told.

Each part follows by a timer of its own: nobody waits for the rows of another case.
"""

from __future__ import annotations

from core.cases import merging
from core.cases.effects import event_row
from core.cases.entering import automatic, end_as_withdrawn, enter
from core.cases.filing import SUBMIT
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.rows import Case
from core.cases.step import Step, count_of
from core.cases.timers import Timer, timer_row
from core.manifest.cases import APPLICANT, SYSTEM_ROLE, CaseAction
from core.store.database import Transaction
from core.store.rows import read

#: The timer, and the line of a part that nobody had begun.
FOLLOW = "withdraw_part"
#: Line of a part that goes on by itself.
GOES_ON = "whole_withdrawn"


async def tell_parts(step: Step) -> None:
    """A case has ended: its open parts hear of it if it was withdrawn."""
    if step.case.outcome != "withdrawn" or not any(state.children for state in step.workflow.states.values()):
        return
    where = "parent = {parent} AND closed_at IS NULL ORDER BY id"
    parts = await read(step.tx, step.engine.database.dialect, Case, where, parent=step.case.id)
    step.rows += [timer_row(FOLLOW, step.now, case_id=part.id) for part in parts]


async def follow(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """As its applicant may withdraw it; else as if never filed while nobody has begun it; else it goes on."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, FOLLOW)
    if not step.case.is_open:
        return
    can_end = step.case.phase != merging.MERGED and not await merging.has_reporters(step)
    if can_end and (action := await _way(step)) is not None:
        await enter(step, await automatic(step, action))
    elif can_end and not _is_begun(step):
        _record(step, FOLLOW)
        await end_as_withdrawn(step)
    else:
        _record(step, GOES_ON)
    step.rows.append(event_row(step, "case.state" if not step.case.is_open else f"case.{GOES_ON}"))
    await step.finish()


async def _way(step: Step) -> CaseAction | None:
    """The action by which the applicant could withdraw it now."""
    for action in step.workflow.actions.values():
        if action.kind != "withdraw" or APPLICANT not in action.roles or step.case.state not in action.from_:
            continue
        is_used_up = action.times_max and count_of(step, action) >= action.times_max
        if not action.to or action.required or is_used_up:
            continue
        if action.guard is None or await step.holds([action.guard]) == [True]:
            return action
    return None


def _is_begun(step: Step) -> bool:
    """Somebody has worked on it, or it has moved by itself."""
    return any(row.staff or (row.action != SUBMIT and row.from_state != row.to_state) for row in step.trail)


def _record(step: Step, line: str) -> None:
    step.record(line, step.case.state, step.case.state, role=SYSTEM_ROLE)
