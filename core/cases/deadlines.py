"""Timers that follow a due date: whoever moves the date writes them anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from core.cases.timers import timer_row
from core.store.case_tables import TIMER
from core.store.statement import statement

if TYPE_CHECKING:
    from core.cases.step import Step

ESCALATE, STATE_DUE = "escalate", "state_due"


async def set_levels(step: Step, moments: Iterable[tuple[int, datetime]]) -> None:
    """When which share (%) of the case's limit has passed, as it now stands. A level that was told and is past is not
    told again."""
    await withdraw(step, ESCALATE, "case_id", step.case.id)
    told = {row.facts["percent"] for row in step.trail if row.action == ESCALATE and row.facts}
    for percent, at in moments:
        if at > step.now or percent not in told:
            step.rows.append(timer_row(ESCALATE, at, case_id=step.case.id, percent=percent))


async def set_due(step: Step, task_id: str, at: datetime | None, action: str) -> None:
    """The step that follows when the limit of a task's state has passed; none without a limit."""
    await withdraw(step, STATE_DUE, "task_id", task_id)
    if at is not None and action:
        step.rows.append(timer_row(STATE_DUE, at, case_id=step.case.id, task_id=task_id, action=action))


async def withdraw(step: Step, kind: str, name: str, id: str) -> None:
    """Timers of a kind that a case ("case_id") or task ("task_id") has, those of this step included."""
    step.rows[:] = [
        row for row in step.rows if row.table is not TIMER or (row.values["kind"], row.values[name]) != (kind, id)
    ]
    if not step.is_new:
        text = f"DELETE FROM tb_timer WHERE {name} = {{id:{name}}} AND kind = {{kind}}"
        await step.tx.execute(*statement(step.engine.database.dialect, TIMER, text, id=id, kind=kind))
