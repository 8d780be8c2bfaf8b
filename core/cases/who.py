"""Who may take a step: the applicant, who holds the task, or staff of a role that covers the place of the case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, PermissionDeniedError

from core.cases.rows import Case, StepRow, Task
from core.cases.step import Step
from core.expr.subtree import subtree_range
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.manifest.cases import APPLICANT, ASSIGNEE, PSEUDO_ROLES, CaseAction
from core.store.account_tables import ACCOUNT_PERSON
from core.store.statement import statement

#: Whether a member of the staff, an account (or who holds a company's) is a person.
STAFF_PERSON = "SELECT 1 FROM core_staff WHERE id = {id} AND person_id = {person}"
ACCOUNT_PERSONS = (
    "SELECT 1 FROM tb_account_person WHERE person = {person} "
    "AND (account = {id:account} OR account IN (SELECT holder FROM tb_account WHERE id = {id}))"
)


#: Begins the part of a task that is no part of the way.
EXTRA = "*"


@dataclass(frozen=True, slots=True)
class Standing:
    """In which role somebody takes a step, and the task he does by it."""

    role: str
    task: Task | None = None


def standing(step: Step, action: CaseAction) -> Standing:
    """PermissionDeniedError when the caller may not take the step; ConflictError when another has the task."""
    actor, case, tasks = step.actor, step.case, [t for t in step.live_tasks if not is_side(t)]
    if APPLICANT in action.roles and is_applicant(actor, case):
        return Standing(APPLICANT, next((t for t in tasks if APPLICANT in t.roles), None))
    mine = next((t for t in tasks if actor.staff and t.assignee == actor.staff), None)
    roles = [role for role in action.roles if role not in PSEUDO_ROLES and role in actor.roles]
    if mine is not None and (ASSIGNEE in action.roles or roles):
        return Standing(_own(mine, actor, roles), mine)
    free = next((t for t in tasks if may_claim(step, t) and (ASSIGNEE in action.roles or {*t.roles} & {*roles})), None)
    if free is not None:
        return Standing(_own(free, actor, roles), free)
    covering = [role for role in roles if covers(actor, case.division, case.grid, case.org)]
    if not covering:
        raise PermissionDeniedError(f"“{action.title}”不由您办理", hint="请看办件现在由谁办理")
    role = next((role for role in covering if not any(role in task.roles for task in tasks)), None)
    if role is None:
        raise ConflictError("这项任务正由他人办理", hint="请刷新后再试，或请对方转办")
    return Standing(role)


def may_claim(step: Step, task: Task) -> bool:
    """Like `may_take`, and nobody has two voices in one vote or quorum."""
    return may_take(step.actor, task) and not has_voice(step, step.actor.staff, task)


def has_voice(step: Step, staff: str | None, task: Task) -> bool:
    """Whether another part of the same vote or quorum is his, or was."""
    if step.workflow.states[task.state].join not in ("quorum", "vote") or is_side(task):
        return False
    voices = [t for t in step.tasks.values() if t.part and t.opened_at == task.opened_at and t.id != task.id]
    return any(t.assignee == staff and t.status in ("claimed", "done") and not is_side(t) for t in voices)


def may_take(actor: Actor, task: Task) -> bool:
    """Whether somebody may claim a task: it is offered to him, to his unit, or to the pool he works for."""
    if actor.staff is None or task.status != "open":
        return False
    if task.assignee is not None:
        return task.assignee == actor.staff
    if not actor.roles & set(task.roles):
        return False
    return task.org == actor.org if task.org is not None else covers(actor, task.division, task.grid, None)


def is_side(task: Task) -> bool:
    """A task beside those of the state."""
    return is_ask(task) or is_extra(task)


def is_ask(task: Task) -> bool:
    """Somebody asked for one more opinion: forward steps wait for it."""
    return task.part.startswith("+")


def is_extra(task: Task) -> bool:
    """What a step has set off besides (the effect `task`): nothing waits for it."""
    return task.part.startswith(EXTRA)


def is_applicant(actor: Actor, case: Case) -> bool:
    """The person himself, who acts for him within the scopes, or the legal entity's operator."""
    if actor.kind != "citizen":
        return False
    if case.legal_entity is not None:
        return actor.legal_entity == case.legal_entity
    if actor.person is None or actor.person != case.applicant:
        return False
    return actor.agent is None or bool({case.plugin_id, case.entity} & set(actor.scopes))


def covers(actor: Actor, division: str, grid: str | None, org: str | None) -> bool:
    """Whether a place lies in what the caller works for, or the unit that answers is his own."""
    if grid is not None and grid in actor.grids:
        return True
    if org is not None and org == actor.org:
        return True
    if not actor.division:
        return False
    first, last = subtree_range(actor.division)
    return first <= division <= last


async def refuse_own(step: Step, action: CaseAction) -> None:
    """Nobody approves what he did himself, under whatever account: neither the step before nor the last one staff
    did."""
    if action.self_approve:
        return
    moves = [row for row in step.trail if row.from_state != row.to_state]
    before = [*moves[-1:], *[row for row in moves if row.staff is not None][-1:]]
    if await is_own(step, before):
        raise PermissionDeniedError(f"不能由同一人“{action.title}”自己经办的办件", hint="请另一位工作人员办理")


async def is_own(step: Step, rows: Sequence[StepRow]) -> bool:
    """Whether the person who acts did one of these steps, under whatever account, or is the applicant himself."""
    actor = step.actor
    is_hers = actor.person is not None and actor.person in (step.case.applicant, step.case.agent)
    return is_hers or any(_is_by(row, actor) for row in rows) or await _is_by_person(step, rows)


async def _is_by_person(step: Step, rows: Iterable[StepRow]) -> bool:
    """Whether the person behind the caller did one of these under another account: as somebody else of the staff, as
    a delegate, for a company."""
    asked = ((STAFF_PERSON, {row.staff for row in rows if row.staff}),
             (ACCOUNT_PERSONS, {row.actor for row in rows if row.staff is None}))  # fmt: skip
    if step.actor.person is None:
        return False
    dialect = step.engine.database.dialect
    for text, ids in asked:
        for id in sorted(filter(_is_uuid, ids)):
            if await step.tx.fetch(*statement(dialect, ACCOUNT_PERSON, text, id=id, person=step.actor.person)):
                return True
    return False


def _is_uuid(id: str) -> bool:
    try:
        return bool(parse_uuid(id))
    except FieldError:
        return False


def _is_by(row: StepRow, actor: Actor) -> bool:
    return row.actor == actor.id or (row.staff is not None and row.staff == actor.staff)


def _own(task: Task, actor: Actor, roles: Iterable[str]) -> str:
    """The role he acts in: one that the task asks for, if he has it."""
    return next((role for role in (*task.roles, *roles) if role in actor.roles), task.roles[0])
