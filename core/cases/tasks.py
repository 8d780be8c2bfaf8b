"""What staff do with tasks: claim, give back, hand on, ask one more opinion, comment, watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
)

from core.cases.colleagues import colleague
from core.cases.holding import find, hold
from core.cases.live import Engine
from core.cases.rows import Case, Task
from core.cases.step import Step
from core.cases.suspending import PART as PAUSE
from core.cases.who import covers, has_voice, is_ask, is_extra, is_side, may_claim
from core.cases.words import words
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.store.case_tables import CASE_PARTY, TIMER
from core.store.database import Insert, Transaction
from core.store.ids import uuid7
from core.store.rows import read
from core.store.statement import statement

NO_TASK = "找不到这项任务"
BATCH_MAX = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one task of a batch: the case as it stands now, or why not."""

    task_id: str
    case: Case | None
    error: RequestError | None = None


async def claim(engine: Engine, actor: Actor, task_id: str) -> Case:
    """Take a task of the pool, of one's unit, or that one was offered. One of any number of callers gets it."""
    task = await _task(engine, task_id)
    if task.status != "open" and task.assignee != actor.staff:
        await find(engine, actor, task.number)
        raise _taken(task)
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, task.number, "claim")
        task = step.tasks[task.id]
        if task.status == "claimed" and task.assignee == actor.staff:
            return step.case
        if task.status != "open":
            raise _taken(task)
        if not may_claim(step, task):
            raise PermissionDeniedError("这项任务不由您办理", hint="请看办件现在由谁办理")
        step.change_task(task.id, status="claimed", assignee=actor.staff, claimed_at=step.now)
        # Whoever is asked beside the state does not answer for the case.
        if not is_side(task):
            step.change(owner=actor.staff, org=actor.org or step.case.org)
        return await _done(step, "claim", task)


async def release(engine: Engine, actor: Actor, task_id: str) -> Case:
    """Give a task back to where it came from."""
    async with engine.transaction() as tx:
        step, task = await _mine(engine, tx, actor, task_id, "release")
        step.change_task(task.id, status="open", assignee=None, claimed_at=None)
        return await _done(step, "release", task)


async def transfer(engine: Engine, actor: Actor, task_id: str, staff: str, reason: str) -> Case:
    """Hand one's task on to a colleague of the role, who covers it; the one who had it goes on seeing the case."""
    reason = words(reason, "请写明转办的理由")
    async with engine.transaction() as tx:
        step, task = await _mine(engine, tx, actor, task_id, "transfer")
        to = await _colleague(step, staff, task)
        step.change_task(task.id, status="cancelled", done_at=step.now, outcome="transfer")
        new = replace(
            task,
            id=uuid7(),
            assignee=to.staff,
            status="claimed",
            claimed_at=step.now,
            opened_at=task.opened_at,
            version=1,
        )
        step.add_task(new)
        # What was to happen when this task is late goes on to him.
        text = "UPDATE tb_timer SET task_id = {new:task_id} WHERE task_id = {task_id}"
        await tx.execute(*statement(engine.database.dialect, TIMER, text, new=new.id, task_id=task.id))
        if not is_extra(task):
            step.change(owner=to.staff, org=to.org)
        return await _done(step, "transfer", task, reason)


async def countersign(engine: Engine, actor: Actor, task_id: str, staff: str, question: str) -> Case:
    """Ask a colleague for his opinion; the case goes on only when he has given it."""
    question = words(question, "请写明请对方看什么")
    async with engine.transaction() as tx:
        step, task = await _mine(engine, tx, actor, task_id, "countersign")
        to = await _colleague(step, staff, None)
        new = replace(
            task, id=uuid7(), part=f"+{len(step.tasks)}", title=f"会签：{task.title}", assignee=to.staff,
            status="claimed", opened_at=step.now, claimed_at=step.now, candidates=None, version=1,
        )  # fmt: skip
        step.add_task(new)
        return await _done(step, "countersign", task, question)


async def sign(engine: Engine, actor: Actor, task_id: str, agrees: bool, opinion: str = "") -> Case:
    """Give the opinion one was asked for; against needs a reason."""
    opinion = opinion.strip() if agrees else words(opinion, "请写明不同意的理由")
    async with engine.transaction() as tx:
        step, task = await _mine(engine, tx, actor, task_id, "sign", side=True)
        if task.part == PAUSE:
            raise ConflictError("挂起申请不会签", hint="请批准或不批准挂起")
        step.change_task(task.id, status="done", done_at=step.now, outcome="agree" if agrees else "disagree")
        return await _done(step, "sign", task, opinion)


async def finish(engine: Engine, actor: Actor, task_id: str, words: str = "") -> Case:
    """Done: what a step had set off besides. The tasks of a state end by its actions."""
    async with engine.transaction() as tx:
        step, task = await _mine(engine, tx, actor, task_id, "task_done")
        if not is_extra(task):
            raise ConflictError("这项任务由办理的步骤完成", hint="请看现在可以办的步骤")
        step.change_task(task.id, status="done", done_at=step.now, outcome="task_done")
        return await _done(step, "task_done", None, words.strip())


async def comment(engine: Engine, actor: Actor, number: str, text: str) -> Case:
    """A note for all staff of the case; the applicant does not see it."""
    text = words(text, "请写下内容")
    _require_staff(actor)
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, number, "comment")
        return await _done(step, "comment", None, text)


async def watch(engine: Engine, actor: Actor, number: str, *, on: bool = True) -> Case:
    """Keep a case in one's list, or no longer."""
    staff = _require_staff(actor)
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, number, "watch" if on else "unwatch")
        named = {"case_id": step.case.id, "staff": staff}
        text = "DELETE FROM tb_case_party WHERE case_id = {case_id} AND staff = {staff} AND kind = 'watcher'"
        await tx.execute(*statement(engine.database.dialect, CASE_PARTY, text, **named))
        if on:
            party = {"id": uuid7(), **named, "kind": "watcher", "joined_at": step.now}
            await tx.insert([Insert(CASE_PARTY, party)])
        return step.case


async def claim_many(engine: Engine, actor: Actor, task_ids: Sequence[str]) -> list[Outcome]:
    """Each by itself: one that another was faster at hinders none."""
    if len(task_ids) > BATCH_MAX:
        raise InvalidInputError(f"一次至多认领 {BATCH_MAX} 项")
    outcomes = []
    for task_id in task_ids:
        try:
            outcomes.append(Outcome(task_id, await claim(engine, actor, task_id)))
        except RequestError as error:
            outcomes.append(Outcome(task_id, None, error))
    return outcomes


async def _mine(
    engine: Engine, tx: Transaction, actor: Actor, task_id: str, action: str, *, side: bool = False
) -> tuple[Step, Task]:
    """A step on the case of a task the caller holds."""
    task = await _task(engine, task_id)
    step = await hold(engine, tx, actor, task.number, action)
    task = step.tasks[task.id]
    if task.status != "claimed" or task.assignee is None or task.assignee != actor.staff or is_ask(task) != side:
        raise ConflictError("这项任务不在您手上", hint="请刷新后再试")
    return step, task


async def _task(engine: Engine, id: str) -> Task:
    try:
        found = await read(engine.database, engine.database.dialect, Task, "id = {id}", id=parse_uuid(id))
    except FieldError as error:
        raise NotFoundError(NO_TASK) from error
    if not found:
        raise NotFoundError(NO_TASK)
    return found[0]


async def _colleague(step: Step, staff: str, task: Task | None) -> Actor:
    """Somebody in service; with a task, one who may do it. InvalidInputError."""
    actor = await colleague(step, staff)
    if actor is None or actor.staff == step.actor.staff:
        raise _not_him("没有这位在岗的同事")
    if task is not None and not (
        actor.roles & set(task.roles) and (actor.org == task.org or covers(actor, task.division, task.grid, None))
    ):
        raise _not_him("这位同事的角色或辖区办不了这项任务")
    if task is not None and has_voice(step, actor.staff, task):
        raise _not_him("这位同事在这一环节已有一票")
    return actor


def _not_him(message: str) -> InvalidInputError:
    return InvalidInputError("填写的内容有误", [InputProblem(("staff",), message, "case.staff")])


async def _done(step: Step, action: str, task: Task | None, words: str = "") -> Case:
    state, role = step.case.state, next(iter(sorted(step.actor.roles - {"anonymous"})), "staff")
    role = next((r for r in task.roles if r in step.actor.roles), role) if task else role
    step.record(action, state, state, role=role, task=task.id if task else None, reason=words, is_public=False)
    return await step.finish()


def _require_staff(actor: Actor) -> str:
    if actor.staff is None:
        raise PermissionDeniedError("只有工作人员可以这样做")
    return actor.staff


def _taken(task: Task) -> ConflictError:
    if task.status == "claimed":
        return ConflictError("这项任务已被他人认领", hint="请刷新待办")
    return ConflictError("这项任务已经办完或撤销", hint="请刷新待办")
