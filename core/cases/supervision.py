"""督办: a ticket on a case that is late or badly done, with a deadline of its own.

Opened by a leader or by the chain of escalation, answered by who has the case, closed by a leader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError

from core.cases.effects import event_row
from core.cases.holding import find, hold, system_step
from core.cases.live import Engine
from core.cases.sight import SUPERVISORS
from core.cases.step import Step
from core.cases.timers import Timer, timer_row
from core.cases.who import covers
from core.cases.words import words
from core.clock import due
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.manifest.cases import SYSTEM_ROLE, Limit
from core.store.case_tables import SUPERVISION
from core.store.database import Database, Insert, Transaction
from core.store.ids import uuid7
from core.store.rows import change
from core.store.statement import load_row, statement

#: Causes: the chain of escalation, or a leader, whose words are the reason of the step "supervise".
LATE, LEADER = "late", "leader"
LIMIT = Limit(3, "WD")
OVERDUE = "supervision_due"
ANSWER = "tb_supervision.answer:"
NO_TICKET = "找不到这张督办单"
_NAMES = ("id", "cause", "opened_at", "due_at", "answer", "answered_by", "answered_at", "closed_at")


@dataclass(frozen=True, slots=True)
class Supervision:
    """A ticket as people read it. `answer` is null where there is none yet."""

    id: str
    number: str
    cause: str
    opened_at: datetime
    due_at: datetime | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    closed_at: datetime | None


async def open_in(step: Step, cause: str) -> str | None:
    """A ticket in a step under way; None when one is open already."""
    if await _read(step.engine, step.tx, "s.case_id = {id:case_id} AND s.closed_at IS NULL", step.case.id):
        return None
    id, calendar = uuid7(), await step.engine.calendars.of(step.case.division)
    at = due(calendar, step.now, LIMIT).at
    values = {
        "id": id, "case_id": step.case.id, "cause": cause, "opened_by": step.actor.id or "system",
        "opened_at": step.now, "due_at": at,
    }  # fmt: skip
    step.rows += [Insert(SUPERVISION, values), timer_row(OVERDUE, at, case_id=step.case.id, ticket=id)]
    step.rows.append(event_row(step, "case.supervised"))
    return id


async def open_ticket(engine: Engine, actor: Actor, number: str, reason: str) -> Supervision:
    """A leader asks why: the reason is told to who has the case."""
    reason = words(reason, "请写明督办的事由")
    async with engine.transaction() as tx:
        step = await hold(engine, tx, actor, number, "supervise")
        role = _leader(step)
        if not step.case.is_open:
            raise ConflictError("办件已经办完，不能督办", hint="可以先重开办件")
        id = await open_in(step, LEADER)
        if id is None:
            raise ConflictError("这件办件已有一张没有办结的督办单", hint="请先办结那一张")
        _record(step, "supervise", role, reason)
        await step.finish()
    return await ticket_of(engine, id)


async def answer(engine: Engine, actor: Actor, ticket: str, text: str) -> Supervision:
    """By who has the case, or by staff of the unit that answers for it; once."""
    text = words(text, "请写明办理情况")
    async with engine.transaction() as tx:
        step, row = await _hold(engine, tx, actor, ticket, "answer_supervision")
        case = step.case
        if actor.staff is None or not (
            actor.staff in step.holders | {case.owner} or (case.org and case.org == actor.org)
        ):
            raise PermissionDeniedError("督办单由承办人或承办单位答复")
        if row.answered_at is not None:
            raise ConflictError("督办单已经答复过")
        sealed = engine.vault.seal(text, f"{ANSWER}{row.id}")
        await _change(step, row, answer=sealed, answered_by=actor.staff, answered_at=step.now)
        _record(step, "answer_supervision", "staff")
        await step.finish()
    return await ticket_of(engine, row.id)


async def close(engine: Engine, actor: Actor, ticket: str, reason: str = "") -> Supervision:
    """By a leader who did not answer it himself. Without an answer only when the case is over."""
    async with engine.transaction() as tx:
        step, row = await _hold(engine, tx, actor, ticket, "close_supervision")
        role = _leader(step)
        if row.answered_by is not None and row.answered_by == actor.staff:
            raise PermissionDeniedError("不能办结自己答复的督办单", hint="请另一位领导办结")
        if row.answered_at is None and step.case.is_open:
            raise ConflictError("督办单还没有答复", hint="请等承办人答复")
        await _change(step, row, closed_at=step.now)
        _record(step, "close_supervision", role, reason.strip())
        await step.finish()
    return await ticket_of(engine, row.id)


async def tickets(engine: Engine, actor: Actor, number: str) -> list[Supervision]:
    """Of a case the caller sees, for staff only; the oldest first."""
    case = await find(engine, actor, number)
    if actor.kind == "citizen":
        return []
    return await _read(engine, engine.database, "s.case_id = {id:case_id} ORDER BY s.id", case.id)


async def overdue(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """Nobody has answered in time: it is written down, and told to whoever listens."""
    assert timer.case_id is not None
    step = await system_step(engine, tx, timer.case_id, OVERDUE)
    found = await _read(engine, tx, "s.id = {id}", timer.args["ticket"])
    if not found or found[0].answered_at is not None or found[0].closed_at is not None:
        return
    _record(step, OVERDUE, SYSTEM_ROLE)
    step.rows.append(event_row(step, "case.supervision-overdue"))
    await step.finish()


def _leader(step: Step) -> str:
    case, actor = step.case, step.actor
    role = next((role for role in SUPERVISORS if role in actor.roles), None)
    if role is None or not covers(actor, case.division, case.grid, None):
        raise PermissionDeniedError("督办由县领导或值班长办理")
    return role


def _record(step: Step, action: str, role: str, reason: str = "") -> None:
    step.record(action, step.case.state, step.case.state, role=role, reason=reason, is_public=False)


async def _hold(engine: Engine, tx: Transaction, actor: Actor, ticket: str, action: str) -> tuple[Step, Supervision]:
    """A ticket that is not closed, of a case the caller sees."""
    found = await ticket_of(engine, ticket)
    try:
        step = await hold(engine, tx, actor, found.number, action)
    except NotFoundError as error:
        raise NotFoundError(NO_TICKET) from error
    [row] = await _read(engine, tx, "s.id = {id}", found.id)
    if row.closed_at is not None:
        raise ConflictError("督办单已经办结")
    return step, row


async def ticket_of(engine: Engine, id: str) -> Supervision:
    """By id, for who has seen its case."""
    try:
        found = await _read(engine, engine.database, "s.id = {id}", parse_uuid(id))
    except FieldError as error:
        raise NotFoundError(NO_TICKET) from error
    if not found:
        raise NotFoundError(NO_TICKET)
    return found[0]


async def _change(step: Step, row: Supervision, **values: object) -> None:
    await change(step.tx, step.engine.database.dialect, SUPERVISION, values, "id = {id}", id=row.id)


async def _read(engine: Engine, source: Database | Transaction, where: str, id: str) -> list[Supervision]:
    dialect = engine.database.dialect
    text = (
        f"SELECT {', '.join(f's.{name}' for name in _NAMES)}, c.number FROM tb_supervision s "
        f"JOIN tb_case c ON c.id = s.case_id WHERE {where}"
    )
    found = []
    for *raw, number in await source.fetch(*statement(dialect, SUPERVISION, text, id=id)):
        row = dict(load_row(dialect, SUPERVISION, _NAMES, raw))
        if row["answer"]:
            row["answer"] = engine.vault.unseal(row["answer"], f"{ANSWER}{row['id']}")
        found.append(Supervision(number=number, **row))
    return found
