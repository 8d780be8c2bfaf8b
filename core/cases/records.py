"""办件库: one row per case as statistics want it, codes and times only. Written with the case, completed at its end."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from core.cases.step import Step
from core.cases.timing import stood_s, stretches
from core.clock import passed_ms
from core.store.case_tables import CASE_RECORD
from core.store.database import Insert
from core.store.rows import change

_CENT = Decimal("0.01")


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
        "paused_s": stood_s(step.pauses.values(), step.now), **await _hours(step),
    }  # fmt: skip
    if step.is_new:
        step.rows.append(Insert(CASE_RECORD, {**begin(step).values, **values}))
    else:
        await change(step.tx, step.engine.database.dialect, CASE_RECORD, values, "id = {id}", id=step.case.id)


async def reopen(step: Step) -> None:
    """Not over after all: the row is completed at the next end."""
    values = {"closed_at": None, "outcome": None, "is_on_time": None, "hours": None, "working_hours": None}
    await change(step.tx, step.engine.database.dialect, CASE_RECORD, values, "id = {id}", id=step.case.id)


async def _hours(step: Step) -> dict[str, Decimal | None]:
    """How long it took, and how long until somebody on the staff did a first step; None when nobody did."""
    calendar, filed = await step.engine.calendars.of(step.case.division), step.case.filed_at
    pauses = stretches(step.pauses.values())

    def hours(end: datetime, *, on_duty: bool = False) -> Decimal:
        return (Decimal(passed_ms(calendar, filed, end, pauses, on_duty=on_duty)) / 3_600_000).quantize(_CENT)

    # A case filed at a counter is filed by staff: that is no answer.
    first = next((row.at for row in step.trail if row.staff is not None and row.action != "submit"), None)
    return {
        "hours": hours(step.now), "working_hours": hours(step.now, on_duty=True),
        "first_reply_hours": hours(first) if first else None,
    }  # fmt: skip


def is_on_time(step: Step) -> bool | None:
    """None for a case without a limit."""
    due_at = step.case.due_at
    return None if due_at is None else step.now <= due_at


def _is_return(step: Step, action: str) -> bool:
    found = step.workflow.actions.get(action)
    return found is not None and found.kind == "return"
