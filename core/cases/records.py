"""办件库: one row per case as statistics want it, codes and times only. Written with the case, completed at its end."""

from __future__ import annotations

from core.cases.rows import change
from core.cases.step import Step
from core.cases.timing import stood_s
from core.store.case_tables import CASE_RECORD
from core.store.database import Insert


def begin(step: Step) -> Insert:
    case = step.case
    values = {
        "id": case.id, "number": case.number, "service": case.service, "task_code": step.service.task_code or None,
        "plugin_id": case.plugin_id, "division": case.division, "org": case.org, "channel": case.channel,
        "filed_at": case.filed_at, "returns": 0, "paused_s": 0,
    }  # fmt: skip
    return Insert(CASE_RECORD, values)


async def close(step: Step) -> None:
    """How the case ended, and whether in time. A case of its first step has no row yet: it comes with this one."""
    values = {
        "org": step.case.org, "closed_at": step.now, "outcome": step.case.outcome, "is_on_time": is_on_time(step),
        "returns": sum(_is_return(step, row.action) for row in step.trail),
        "paused_s": stood_s(step.pauses.values(), step.now),
    }  # fmt: skip
    if step.is_new:
        step.rows.append(Insert(CASE_RECORD, {**begin(step).values, **values}))
    else:
        await change(step.tx, step.engine.database.dialect, CASE_RECORD, values, "id = {id}", id=step.case.id)


async def reopen(step: Step) -> None:
    """Not over after all: the row is completed at the next end."""
    values = {"closed_at": None, "outcome": None, "is_on_time": None}
    await change(step.tx, step.engine.database.dialect, CASE_RECORD, values, "id = {id}", id=step.case.id)


def is_on_time(step: Step) -> bool | None:
    """None for a case without a limit."""
    due_at = step.case.due_at
    return None if due_at is None else step.now <= due_at


def _is_return(step: Step, action: str) -> bool:
    found = step.workflow.actions.get(action)
    return found is not None and found.kind == "return"
