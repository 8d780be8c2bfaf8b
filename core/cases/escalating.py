"""What follows when time passes: a level of the chain hears of it, a ticket is opened, the step of a limit is taken."""

from __future__ import annotations

from collections.abc import Sequence

from core.cases.deadlines import ESCALATE, STATE_DUE
from core.cases.dispatching import Member, members, to_reach
from core.cases.effects import event_row
from core.cases.entering import automatic, enter
from core.cases.holding import system_step
from core.cases.live import Engine
from core.cases.step import Step
from core.cases.supervision import LATE, open_in
from core.cases.timers import Handler, Timer
from core.manifest.cases import SYSTEM_ROLE, Escalation
from core.store.case_tables import CASE_PARTY
from core.store.database import Insert, Transaction
from core.store.ids import uuid7
from core.store.statement import statement

#: Not a role: a 督办 ticket is opened.
SUPERVISION = "supervision"
DUTY_LEADER = "duty_leader"
#: So many of a role hear of one case.
TOLD_MAX = 20


async def escalate(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """A share of the limit has passed. Whoever the chain names has the case among those he watches from now on."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, ESCALATE)
    level = next((e for e in step.workflow.escalation if e.at_percent == timer.args["percent"]), None)
    if level is None or not step.case.is_open or step.case.due_at is None:
        return
    staff = await _tell(step, level)
    facts = {"percent": level.at_percent, "to": level.to, "staff": staff}
    step.record(ESCALATE, step.case.state, step.case.state, role=SYSTEM_ROLE, facts=facts, is_public=False)
    step.rows.append(event_row(step, "case.escalated"))
    # Rooms above may have words for it; args: percent, to, staff.
    if (function := engine.effects.functions.get(ESCALATE)) is not None:
        await function(tx, step, facts)
    await step.finish()


async def _tell(step: Step, level: Escalation) -> list[str]:
    """core.staff who hear of it."""
    if level.to == SUPERVISION:
        await open_in(step, LATE)
        # A ticket nobody has asked for lies with whoever leads now.
        return await _watch(step, [member for member in await members(step, DUTY_LEADER) if member.on_duty])
    unit = await to_reach(step, level.to, org=step.case.org) if step.case.org else []
    return await _watch(step, unit or await to_reach(step, level.to))


async def _watch(step: Step, told: Sequence[Member]) -> list[str]:
    found = [member.id for member in told][:TOLD_MAX]
    known = await _watchers(step)
    step.rows += [
        Insert(
            CASE_PARTY,
            {"id": uuid7(), "case_id": step.case.id, "kind": "watcher", "staff": staff, "joined_at": step.now},
        )
        for staff in found
        if staff not in known
    ]
    return found


async def _watchers(step: Step) -> set[str]:
    dialect, text = step.engine.database.dialect, "SELECT staff FROM tb_case_party WHERE case_id = {id:case_id}"
    rows = await step.tx.fetch(*statement(dialect, CASE_PARTY, f"{text} AND kind = 'watcher'", id=step.case.id))
    return {dialect.load(CASE_PARTY.by_name["staff"], row[0]) for row in rows}


async def state_due(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """The limit of a state has passed: its `on_due` step, in the engine's own name."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, STATE_DUE)
    task = step.tasks.get(timer.task_id or "")
    action = step.workflow.actions.get(timer.args["action"])
    if task is None or not task.is_live or action is None or step.case.state not in action.from_:
        return
    if to := await automatic(step, action):
        await enter(step, to)
        step.rows.append(event_row(step, "case.state"))
    await step.finish()


HANDLERS: dict[str, Handler] = {ESCALATE: escalate, STATE_DUE: state_due}
