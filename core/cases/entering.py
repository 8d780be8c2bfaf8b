"""A case comes into a state: automatic steps, the clock, the tasks that open, the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError

from core.access.service import service_actor
from core.cases import merging, records
from core.cases.dispatching import dispatch
from core.cases.longest import set_limit
from core.cases.offering import offer
from core.cases.rows import Task
from core.cases.step import Step, count_of
from core.cases.timers import BUNDLE, forget, timer_row
from core.cases.timing import begin_clock, end_pauses, pause, resume, task_times
from core.cases.who import EXTRA, is_extra
from core.manifest.cases import APPLICANT, SYSTEM_ROLE, CaseAction, State
from core.store.case_tables import TIMER
from core.store.database import Transaction
from core.store.ids import uuid7

#: Have a look whether all bills of the case are paid; see core/cases/paying.py.
PAID = "paid"
#: Automatic steps in a row; more is a circle.
AUTO_MAX = 20


@dataclass(frozen=True, slots=True)
class Opening:
    """A task to open."""

    title: str
    roles: tuple[str, ...]
    part: str = ""
    dispatch: str = ""


def target(step: Step, action: CaseAction) -> str:
    """Where an action leads: "" = the state stays; beyond `times_max` to whoever rules (`over`)."""
    if action.times_max and count_of(step, action) >= action.times_max:
        if not action.over:
            raise ConflictError(f"“{action.title}”至多 {action.times_max} 次，已经用完")
        return action.over
    return action.to


async def enter(step: Step, state_id: str) -> None:
    """Leave the state there is, come into this one, and go on as far as automatic steps lead."""
    for _ in range(AUTO_MAX):
        _leave(step)
        state = step.workflow.states[state_id]
        await _come(step, state)
        if state.end:
            await _end(step, state)
            return
        action = None if state.children else await next_step(step, state)
        if action is None:
            await _open_tasks(step, state)
            return
        state_id = await automatic(step, action)
        if not state_id:
            await _open_tasks(step, state)
            return
    raise ConflictError("自动步骤转了圈，这件办件没有变动", hint="请联系系统管理员检查办理流程")


async def automatic(step: Step, action: CaseAction) -> str:
    """Take a step in the engine's own name; the state it leads to, "" = it stays."""
    to = target(step, action)
    by = service_actor(step.case.plugin_id)
    step.record(action.id, step.case.state, to or step.case.state, role=SYSTEM_ROLE, actor=by)
    await start_clock_by(step, action.id)
    await step.engine.effects.run(step, action)
    return to


async def start_clock_by(step: Step, action: str) -> None:
    """The clock of a service item begins with the step it names."""
    if step.service.clock_from == action and step.case.started_at is None:
        await begin_clock(step)


def _leave(step: Step) -> None:
    for task in step.live_tasks:
        if not is_extra(task):
            step.change_task(task.id, status="cancelled", done_at=step.now)
    # A suspension nobody has granted was wished for where the case no longer is.
    for wished in list(step.pauses.values()):
        if wished.status == "asked":
            step.pauses[wished.id] = replace(wished, status="refused")


async def _come(step: Step, state: State) -> None:
    before = step.workflow.states.get(step.case.state)
    step.change(state=state.id)
    if before is not None and before.pause and before.pause != state.pause:
        await resume(step, before.pause)
    if state.pause:
        await pause(step, state.pause)
    if step.workflow.mirror:
        step.patch[step.workflow.mirror] = state.id


async def next_step(step: Step, state: State) -> CaseAction | None:
    """The first automatic step whose condition holds."""
    conditions = [when for when, _ in state.auto if when is not None]
    answers = iter(await step.holds(conditions))
    for when, action in state.auto:
        if when is None or next(answers):
            return step.workflow.actions[action]
    return None


async def _open_tasks(step: Step, state: State) -> None:
    if state.children:
        await set_limit(step, state)
        step.rows.append(timer_row(BUNDLE, step.now, case_id=step.case.id))
    if state.on_paid:
        step.rows.append(timer_row(PAID, step.now, case_id=step.case.id))
    for opening in _openings(state):
        await open_task(step, state, opening)


def _openings(state: State) -> Sequence[Opening]:
    if state.parts:
        return [Opening(part.title, part.roles, part.id, part.dispatch) for part in state.parts]
    if state.assign == "applicant":
        return [Opening(state.title, (APPLICANT,))]
    by_table = state.dispatch if state.assign == "dispatch" else ""
    return [Opening(state.title, state.roles, dispatch=by_table)] if state.roles or by_table else []


async def open_task(step: Step, state: State, opening: Opening) -> Task:
    """One task of a state; others may be open beside it."""
    case = step.case
    task = Task(
        id=uuid7(), case_id=case.id, number=case.number, plugin_id=case.plugin_id, service=case.service,
        state=state.id, part=opening.part, title=opening.title, role="|".join(opening.roles), division=case.division,
        org=None, grid=case.grid, assignee=None, candidates=None, status="open", urgency=case.urgency,
        opened_at=step.now, claimed_at=None, done_at=None, outcome=None, version=1,
        **await task_times(step, state.within),
    )  # fmt: skip
    if opening.dispatch:
        task = await dispatch(step, task, opening.dispatch)
    elif state.assign == "owner":
        task = _to_owner(step, task)
    if state.on_due and task.due_at is not None:
        args = {"action": state.on_due}
        step.rows.append(timer_row("state_due", task.due_at, case_id=case.id, task_id=task.id, **args))
    step.add_task(task)
    return task


async def task_effect(tx: Transaction, step: Step, args: Mapping[str, Any]) -> None:
    """The effect `task`: one more task beside the state's, which nothing waits for."""
    state = replace(step.state, assign="pool", on_due="", within=args["within"])
    await open_task(step, state, Opening(args["title"], args["roles"], f"{EXTRA}{len(step.tasks)}"))
    step.record("task_opened", step.case.state, step.case.state, role=SYSTEM_ROLE, is_public=False)


def _to_owner(step: Step, task: Task) -> Task:
    """Whoever did a task of these roles last has this one, too."""
    done = [t for t in step.tasks.values() if t.status == "done" and t.assignee and set(t.roles) & set(task.roles)]
    if not done:
        return task
    last = max(done, key=lambda t: (t.done_at or t.opened_at, t.id))
    step.change(owner=last.assignee)
    return replace(task, assignee=last.assignee, status="claimed", claimed_at=step.now)


async def _end(step: Step, state: State) -> None:
    if state.end == "done":
        await _check_close(step)
    else:
        # What a step has set off besides is done after a good end, too.
        for task in step.live_tasks:
            step.change_task(task.id, status="cancelled", done_at=step.now)
    await end_pauses(step)
    step.change(
        phase=state.end, closed_at=step.now, outcome=state.end, yellow_at=None, orange_at=None, purple_at=None,
    )  # fmt: skip
    await forget(step.tx, step.engine, case_id=step.case.id)
    step.rows[:] = [row for row in step.rows if row.table is not TIMER]
    if step.case.parent is not None:
        step.rows.append(timer_row(BUNDLE, step.now, case_id=step.case.parent))
    await records.close(step)
    await merging.end_joined(step)
    await offer(step)
    for told in step.engine.effects.ended:
        await told(step)


async def end_as_withdrawn(step: Step) -> None:
    """By no action of the workflow: in its state for that, else where the case stands."""
    found = next((state for state in step.workflow.states.values() if state.end == "withdrawn"), None)
    if found is not None:
        await enter(step, found.id)
    else:
        _leave(step)
        await _end(step, replace(step.state, end="withdrawn"))


async def _check_close(step: Step) -> None:
    """Everything that still keeps the case from ending, at once."""
    conditions = step.workflow.close_conditions
    answers = await step.holds([when for when, _ in conditions])
    missing = [message for (_, message), holds in zip(conditions, answers, strict=True) if not holds]
    if missing:
        problems = [InputProblem(("values",), message, "case.close-condition") for message in missing]
        raise InvalidInputError("还不能办结：" + "；".join(missing), problems)
