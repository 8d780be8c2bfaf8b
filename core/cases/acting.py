"""Somebody takes a step: everything is asked before anything is changed, and all of it is written or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError

from core.cases import participants
from core.cases.effects import event_row
from core.cases.entering import enter, start_clock_by, target
from core.cases.holding import find, hold
from core.cases.joining import other_way, verdict
from core.cases.live import Engine
from core.cases.rows import Case, Task
from core.cases.step import DECIDED, Step
from core.cases.suspending import Wish
from core.cases.turns import check_stands, turn
from core.cases.who import Standing, is_ask, refuse_own, standing
from core.fields.refs import File
from core.fields.times import utc_now
from core.manifest.cases import APPLICANT, CaseAction
from core.store.database import Insert, Transaction
from core.store.ids import uuid7
from core.write.once import Once, Work
from core.write.once import once as write_once

REASON_MAX_CHARS = 1000
#: Kinds that a person must explain, whatever the workflow says.
EXPLAINED = frozenset({"return", "refuse", "suspend"})


async def act(
    engine: Engine, actor: Actor, number: str, action_id: str, *, version: int,
    values: Mapping[str, Any] | None = None, reason: str = "", key: str | None = None, wish: Wish | None = None,
) -> Case:  # fmt: skip
    """Take a step of a case the caller sees, in the version he has seen. Repeated under one key: the same answer.
    `wish` goes with an action that asks for a suspension."""
    wish = wish or Wish()
    asked = [number, action_id, version, dict(values or {}), reason, wish.reason, wish.until]

    async def work(tx: Transaction, beside: Sequence[Insert]) -> Case:
        step = await hold(engine, tx, actor, number, action_id)
        step.rows += beside
        return await _act(step, version, values or {}, reason.strip(), wish)

    async def again(_: str) -> Case:
        return await find(engine, actor, number)

    return await once(engine, actor, key, asked, work, again, uuid7())


async def once(
    engine: Engine, actor: Actor, key: str | None, asked: Any, work: Work[Case],
    again: Callable[[str], Awaitable[Case]], made: str,
) -> Case:  # fmt: skip
    """As core.write.once, for requests of the engine."""
    seen = None if key is None else Once(engine.database, engine.vault, actor, key, asked)
    return await write_once(seen, engine.transaction, work, again, made, utc_now())


async def _act(step: Step, version: int, values: Mapping[str, Any], reason: str, wish: Wish) -> Case:
    action = _find(step, version)
    by = standing(step, action)
    await refuse_own(step, action)
    _check(step, action, values, reason)
    await _take(step, by)
    await _write_values(step, action, by, values)
    await _check_guard(step, action)
    await turn(step, action, wish)
    await carry_out(step, action, by, reason, facts=_facts(step, values))
    return await step.finish()


def _find(step: Step, version: int) -> CaseAction:
    case = step.case
    action = step.workflow.actions.get(step.action)
    if action is None:
        raise NotFoundError("没有这个办理步骤")
    if case.version != version:
        raise ConflictError("办件已有新的进展", hint="请刷新后再办理")
    if case.state not in action.from_:
        raise ConflictError(f"办件现在是“{step.state.title}”，不能“{action.title}”", hint="请刷新后再办理")
    return action


def _check(step: Step, action: CaseAction, values: Mapping[str, Any], reason: str) -> None:
    check_stands(step, action)
    problems = [
        InputProblem(("values", name), f"“{action.title}”不填写这一项", "input.unknown-field")
        for name in values
        if name not in action.fields
    ]
    if not reason and (action.needs_reason or action.kind in EXPLAINED):
        problems.append(InputProblem(("reason",), f"请写明“{action.title}”的理由", "case.reason"))
    if len(reason) > REASON_MAX_CHARS:
        problems.append(InputProblem(("reason",), f"理由至多 {REASON_MAX_CHARS} 个字", "case.reason-long"))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)
    if action.kind == "forward" and any(is_ask(task) for task in step.live_tasks):
        raise ConflictError("会签意见或挂起审批还没有答复", hint="请等对方答复")


async def _take(step: Step, by: Standing) -> None:
    """Whoever does a task of the pool has it from now on; rules that ask for participants know him before he writes."""
    if by.task is None or by.task.status == "claimed" or step.actor.staff is None or APPLICANT in by.task.roles:
        return
    step.change_task(by.task.id, status="claimed", assignee=step.actor.staff, claimed_at=step.now)
    step.change(owner=step.actor.staff, org=step.actor.org or step.case.org)
    await participants.sync(step)


async def _write_values(step: Step, action: CaseAction, by: Standing, values: Mapping[str, Any]) -> None:
    """The caller's own rights decide; then what must be filled is filled."""
    if values:
        await step.write_row(step.actor, values)
    if not action.required:
        return
    row = step.row if values else await step.read_row()
    missing = [name for name in action.required if row.get(name) in (None, "", [], ())]
    if missing:
        fields = step.entity.fields
        raise InvalidInputError(
            "填写的内容有误",
            [InputProblem(("values", name), f"{fields[name].title}是必填项", "input.required") for name in missing],
        )


async def _check_guard(step: Step, action: CaseAction) -> None:
    if action.guard is not None and await step.holds([action.guard]) != [True]:
        raise ConflictError(action.guard_message or f"现在还不能“{action.title}”")


async def carry_out(
    step: Step, action: CaseAction, by: Standing, reason: str = "", *, facts: Mapping[str, Any] | None = None
) -> None:
    """The step itself, once it is clear that it may be taken: its line, its task, its effects, and the next state."""
    done = _finish_task(step, action, by) if target(step, action) else None
    way = verdict(step, action) if done is not None else "pass"
    decisive = other_way(step, action) if way == "lost" else action
    to = target(step, decisive) if way != "wait" else ""
    if decisive is not action:
        facts = {**(facts or {}), DECIDED: decisive.id}
    step.record(
        action.id, step.case.state, to or step.case.state, role=by.role, task=done.id if done else None,
        reason=reason, facts=facts, is_public=way != "wait",
    )  # fmt: skip
    if way == "wait":
        return
    await start_clock_by(step, action.id)
    await step.engine.effects.run(step, decisive)
    if to:
        await enter(step, to)
        step.rows.append(event_row(step, "case.state"))


def _finish_task(step: Step, action: CaseAction, by: Standing) -> Task | None:
    return step.change_task(by.task.id, status="done", done_at=step.now, outcome=action.id) if by.task else None


def _facts(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was set, by name; files by id: evidence. Nothing personal."""
    files = [values[name] for name in values if isinstance(step.entity.fields.get(name), File) and values[name]]
    return {"fields": sorted(values), **({"files": files} if files else {})} if values else {}
