"""挂起: the clock stands still for a reason of the workflow; asked for by who has the case, granted by another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, PermissionDeniedError

from core.cases.deadlines import withdraw
from core.cases.entering import Opening, open_task
from core.cases.holding import hold, system_step
from core.cases.live import Engine
from core.cases.rows import Case, Pause, StepRow, Task
from core.cases.step import Step
from core.cases.timers import Timer, timer_row
from core.cases.timing import retime, retime_tasks
from core.cases.who import covers, is_own
from core.cases.words import words
from core.manifest.cases import SYSTEM_ROLE
from core.store.database import Transaction
from core.store.ids import uuid7

RESUME = "resume"
#: Part of the task by which the approver hears of it.
PART = "+pause"


@dataclass(frozen=True, slots=True)
class Wish:
    """Why a case is to stand still: a reason of the workflow, and until when at most (aware; None = by hand)."""

    reason: str = ""
    until: datetime | None = None


def suspension(step: Step) -> Pause | None:
    """The one that runs."""
    found = step.pauses.values()
    return next((pause for pause in found if pause.status == "running" and pause.approved_by is not None), None)


def asked(step: Step) -> Pause | None:
    return next((pause for pause in step.pauses.values() if pause.status == "asked"), None)


async def ask(step: Step, wish: Wish) -> None:
    """Put it before the approver. The clock runs on until he agrees."""
    _check(step, wish)
    pause = Pause(
        id=uuid7(), case_id=step.case.id, reason=_reason(step, wish), asked_by=_who(step.actor), approved_by=None,
        from_at=None, until_at=wish.until, status="asked",
    )  # fmt: skip
    step.pauses[pause.id] = pause
    opening = Opening(f"批准挂起：{step.workflow.pauses[pause.reason]}", (step.workflow.pause_approver,), PART)
    await open_task(step, replace(step.state, assign="pool", on_due=""), opening)


def _check(step: Step, wish: Wish) -> None:
    if asked(step) is not None:
        raise ConflictError("已有一个挂起申请等待批准", hint="请等批准人答复")
    problems = []
    if (wish.reason and wish.reason not in step.workflow.pauses) or not (wish.reason or len(step.workflow.pauses) == 1):
        message = f"挂起原因应是以下之一：{'、'.join(step.workflow.pauses)}"
        problems.append(InputProblem(("pause",), message, "case.pause-reason"))
    if wish.until is not None and wish.until <= step.now:
        problems.append(InputProblem(("until",), "恢复时间应在现在之后", "case.pause-until"))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)


def _reason(step: Step, wish: Wish) -> str:
    return wish.reason or next(iter(step.workflow.pauses))


async def decide(engine: Engine, actor: Actor, number: str, agrees: bool, *, version: int, reason: str = "") -> Case:
    """The approver's word on what was asked for, in the version he has seen; never by who asked, under whatever
    account, nor by the applicant. No needs a reason."""
    reason = reason.strip() if agrees else words(reason, "请写明不同意挂起的理由")
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, number, "approve_pause" if agrees else "refuse_pause")
        pause, role = asked(step), _approver(step)
        if pause is None:
            raise ConflictError("没有等待批准的挂起申请", hint="请刷新后再试")
        if step.case.version != version:
            raise ConflictError("办件已有新的进展", hint="请刷新后再办理")
        if pause.asked_by == _who(actor) or await is_own(step, _wishes(step)):
            raise PermissionDeniedError("不能批准自己申请的挂起", hint="请另一位负责人批准")
        for task in _approvals(step):
            step.change_task(task.id, status="done", assignee=actor.staff, done_at=step.now, outcome=step.action)
        if agrees:
            await _stop(step, pause)
        else:
            step.pauses[pause.id] = replace(pause, status="refused", approved_by=actor.staff)
        facts = {"pause": pause.reason}
        step.record(step.action, step.case.state, step.case.state, role=role, reason=reason, facts=facts)
        return await step.finish()


async def _stop(step: Step, pause: Pause) -> None:
    step.pauses[pause.id] = replace(pause, status="running", from_at=step.now, approved_by=_who(step.actor))
    step.change(phase="paused")
    await _move(step)
    if pause.until_at is not None:
        at = max(pause.until_at, step.now)
        step.rows.append(timer_row(RESUME, at, case_id=step.case.id))


async def resume(engine: Engine, actor: Actor, number: str, reason: str = "") -> Case:
    """The clock runs again: by who has the case, or the approver."""
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, number, RESUME)
        if actor.staff is None or actor.staff not in step.holders | {step.case.owner}:
            _approver(step)
        if suspension(step) is None:
            raise ConflictError("办件没有挂起", hint="请刷新后再试")
        await _go_on(step)
        step.record(RESUME, step.case.state, step.case.state, role="staff", reason=reason.strip())
        return await step.finish()


async def resume_by_date(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """The day that was named when it was asked for has come."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, RESUME)
    if suspension(step) is not None:
        await _go_on(step)
        step.record(RESUME, step.case.state, step.case.state, role=SYSTEM_ROLE)
        await step.finish()


async def _go_on(step: Step) -> None:
    pause = suspension(step)
    assert pause is not None
    step.pauses[pause.id] = replace(pause, status="ended", until_at=step.now)
    if not any(found.status == "running" for found in step.pauses.values()):
        step.change(phase="open")
    await withdraw(step, RESUME, "case_id", step.case.id)
    await _move(step)


async def _move(step: Step) -> None:
    """Due dates of the case and its tasks, and all that hangs on them."""
    await retime(step)
    await retime_tasks(step)


def _approvals(step: Step) -> list[Task]:
    return [task for task in step.live_tasks if task.part == PART]


def _wishes(step: Step) -> list[StepRow]:
    """The line by which the suspension was asked for that is open now."""
    kinds = {action.id: action.kind for action in step.workflow.actions.values()}
    return [row for row in step.trail if kinds.get(row.action) == "suspend"][-1:]


def _approver(step: Step) -> str:
    role, case = step.workflow.pause_approver, step.case
    if not role or role not in step.actor.roles or not covers(step.actor, case.division, case.grid, case.org):
        raise PermissionDeniedError("挂起由流程写明的批准人办理")
    return role


def _who(actor: Actor) -> str:
    return actor.staff or actor.id
