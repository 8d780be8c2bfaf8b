"""Citizens: hold places, confirm them, give them up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError

from core.access.service import service_actor
from core.booking.desk import Desk
from core.booking.places import free_up, take
from core.booking.rights import NO_BOOKING, NO_SLOT, Owner, check_applicant, in_scopes, known, owner_of
from core.booking.rows import Booking, Slot, change, new_number, typed_number
from core.booking.rules import cancel_until, length, paused_until, running_kind
from core.booking.telling import day_time, event, line
from core.manifest.bookings import BookingKind
from core.store.case_tables import CASE
from core.store.database import Transaction
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.rows import insert, read
from core.store.statement import statement
from core.store.tables import table_of

#: Entities of owners, whose row keeps one from booking twice at one moment.
_OWNERS = {"person": "core.person", "legal_entity": "core.legal_entity"}
#: What a company or person may still want, as SQL over tb_booking.
_WANTED = "state IN ('held', 'confirmed') AND (due_at IS NULL OR due_at > {now:due_at})"


@dataclass(frozen=True, slots=True)
class Wish:
    """Places of a slot, as they are asked for."""

    slot: str
    quantity: int = 1
    #: Ward of the caller it is for.
    ward: str | None = None


async def hold(desk: Desk, actor: Actor, wish: Wish, key: str | None = None) -> Booking:
    """Take places until the hold expires. Repeated under one key: the same booking."""
    slot, kind = await _seen_slot(desk, actor, wish.slot)
    check_applicant(actor, kind)
    owner = await owner_of(actor, desk.people, wish.ward)
    _check_quantity(kind, wish.quantity)
    made = uuid7()

    async def work(tx: Transaction) -> Booking:
        return await _hold(desk, tx, actor, owner, kind, wish, made)

    async def again(id: str) -> Booking:
        return (await read(desk.database, desk.dialect, Booking, "id = {id}", id=id))[0]

    asked = ["slots.hold", slot.id, wish.quantity, owner.person, owner.legal_entity]
    return await desk.once(actor, key, asked, made, work, again)


async def _hold(
    desk: Desk, tx: Transaction, actor: Actor, owner: Owner, kind: BookingKind, wish: Wish, id: str
) -> Booking:
    now = desk.now()
    await _lock_owner(desk, tx, owner)
    await _check_owner(desk, tx, owner, kind, now)
    (slot,) = await read(tx, desk.dialect, Slot, "id = {id}", id=known(wish.slot, NO_SLOT))
    _check_bookable(slot, now)
    gone = await take(tx, desk.dialect, slot.id, wish.quantity, now)
    booking = Booking(
        id=id, number=new_number(), slot=slot.id, kind=kind.key, plugin_id=kind.plugin_id, person=owner.person,
        legal_entity=owner.legal_entity, agent=owner.agent, account=actor.id, quantity=wish.quantity, state="held",
        case_number=None, held_at=now, due_at=now + length(kind.hold_for),
    )  # fmt: skip
    await tx.insert([insert(booking), event("booking.held", slot, now)])
    lines = [line(service_actor(slot.plugin_id), "booking.expire", slot, gone)] if gone else []
    await desk.audit.within(tx, *lines, line(actor, "booking.hold", slot, [booking]))
    return booking


async def _lock_owner(desk: Desk, tx: Transaction, owner: Owner) -> None:
    """Of two wishes of one person at one moment the second sees the first; another person waits for nobody."""
    entity = desk.live.world.entities[_OWNERS[owner.column]]
    lock = " FOR NO KEY UPDATE" if desk.dialect.name == "postgres" else ""
    text = f"SELECT id FROM {quote(entity.table)} WHERE id = {{id}} AND deleted_at IS NULL{lock}"
    if not await tx.fetch(*statement(desk.dialect, table_of(entity), text, id=owner.id)):
        raise NotFoundError("找不到这个人")


async def _check_owner(desk: Desk, tx: Transaction, owner: Owner, kind: BookingKind, now: datetime) -> None:
    mine = f"kind = {{kind}} AND {owner.column} = {{owner:{owner.column}}}"
    if kind.per_person:
        found = await read(
            tx, desk.dialect, Booking, f"{mine} AND {_WANTED}", kind=kind.key, owner=owner.id, now=now
        )  # fmt: skip
        if len(found) >= kind.per_person:
            numbers = "、".join(one.number for one in found)
            raise ConflictError(f"“{kind.title}”每人同时至多 {kind.per_person} 个预约", hint=f"已有：{numbers}")
    if kind.no_show is None:
        return
    where = f"{mine} AND (state = 'missed' OR (state = 'confirmed' AND due_at <= {{now:due_at}}))"
    missed = await read(tx, desk.dialect, Booking, where, kind=kind.key, owner=owner.id, now=now)
    until = paused_until(kind.no_show, [at for one in missed if (at := one.ended_at or one.due_at)], now)
    if until is not None:
        message = f"爽约 {kind.no_show.times} 次，“{kind.title}”暂停预约，{until.isoformat()} 起恢复"
        raise ConflictError(message, hint="有异议的，请向管理单位申诉")


def _check_bookable(slot: Slot, now: datetime) -> None:
    if slot.closed_at is not None:
        raise ConflictError("这个时段已经停办", hint="请换一个时段")
    if slot.starts_at is not None and slot.starts_at <= now:
        raise ConflictError("这个时段已经开始，不能再约", hint="请换一个时段")
    if slot.opens_at > now:
        raise ConflictError(f"还没有放号，{day_time(slot.opens_at)}开始", hint="到时再来预约")


def _check_quantity(kind: BookingKind, quantity: int) -> None:
    if not 1 <= quantity <= kind.quantity_max:
        problem = InputProblem(("quantity",), f"每次应约 1 到 {kind.quantity_max} 个", "booking.quantity")
        raise InvalidInputError("填写的内容有误", [problem])


async def _seen_slot(desk: Desk, actor: Actor, id: str) -> tuple[Slot, BookingKind]:
    """Of a resource that is there and that a rule shows the caller."""
    found = await read(desk.database, desk.dialect, Slot, "id = {id}", id=known(id, NO_SLOT))
    if not found:
        raise NotFoundError(NO_SLOT)
    (slot,) = found
    kind, rights = running_kind(desk.live, slot.kind, slot.division, takes_new=True), desk.rights
    is_there = await rights.place(slot.entity, slot.resource) is not None
    if not is_there or not await rights.sees(actor, slot.entity, slot.resource):
        raise NotFoundError(NO_SLOT)
    return slot, kind


async def confirm(desk: Desk, actor: Actor, number: str) -> Booking:
    """Make a hold good. What is confirmed already is answered as it is."""
    booking, slot = await own(desk, actor, number)
    running_kind(desk.live, slot.kind, slot.division)
    if booking.state == "confirmed":
        return booking
    async with desk.database.transaction() as tx:
        done = await confirm_in(desk, tx, booking, slot)
        await told(desk, tx, actor, "booking.confirm", "booking.confirmed", slot, done)
    return done


async def confirm_in(
    desk: Desk, tx: Transaction, booking: Booking, slot: Slot, case_number: str | None = None
) -> Booking:
    """By the state alone: whoever ends the booking first has ended it."""
    now = desk.now()
    text = (
        "UPDATE tb_booking SET state = 'confirmed', confirmed_at = {now:confirmed_at}, due_at = {ends:due_at}, "
        "case_number = {case_number}, claim = NULL, claimed_until = NULL "
        "WHERE id = {id} AND state = 'held' AND due_at > {now:confirmed_at}"
    )
    values: dict[str, Any] = {"id": booking.id, "now": now, "ends": slot.ends_at, "case_number": case_number}
    if await change(tx, desk.dialect, text, **values) != 1:
        raise ConflictError("占位已经过期或已经取消", hint="请重新预约")
    return replace(booking, state="confirmed", confirmed_at=now, due_at=slot.ends_at, case_number=case_number)


async def cancel(desk: Desk, actor: Actor, number: str) -> Booking:
    """Give places up. What is over already is answered as it is."""
    booking, slot = await own(desk, actor, number)
    kind = running_kind(desk.live, slot.kind, slot.division)
    if booking.state in ("released", "expired", "cancelled"):
        return booking
    if not booking.is_open:
        raise ConflictError("这个预约已经用过或已经过期，不能取消")
    _check_in_time(desk, kind, booking, slot)
    async with desk.database.transaction() as tx:
        if booking.case_number and await _is_case_open(desk, tx, booking.case_number):
            raise ConflictError("这个预约属于正在办理的事项", hint=f"请撤回办件 {booking.case_number}")
        state, now = ("released" if booking.state == "held" else "cancelled"), desk.now()
        if not await free_up(tx, desk.dialect, booking, state, now, f"state = '{booking.state}'"):
            raise ConflictError("预约刚刚有变化", hint="请刷新后再试")
        done = replace(booking, state=state, ended_at=now, due_at=None)
        await told(desk, tx, actor, "booking.cancel", f"booking.{state}", slot, done)
    return done


def _check_in_time(desk: Desk, kind: BookingKind, booking: Booking, slot: Slot) -> None:
    until = cancel_until(kind, slot.starts_at)
    if booking.state == "confirmed" and until is not None and desk.now() > until:
        raise ConflictError(f"已过最晚取消时间（{day_time(until)}）", hint="来不了的，请联系管理单位")


async def _is_case_open(desk: Desk, tx: Transaction, number: str) -> bool:
    text = "SELECT 1 FROM tb_case WHERE number = {number} AND closed_at IS NULL"
    return bool(await tx.fetch(*statement(desk.dialect, CASE, text, number=number)))


async def own(desk: Desk, actor: Actor, number: str) -> tuple[Booking, Slot]:
    """One of the caller's bookings; another's and none look alike."""
    found = await read(desk.database, desk.dialect, Booking, "number = {number}", number=typed_number(number))
    owners = await desk.owners(actor)
    if not found or not any(is_of(found[0], owner) for owner in owners):
        raise NotFoundError(NO_BOOKING)
    (slot,) = await read(desk.database, desk.dialect, Slot, "id = {id}", id=found[0].slot)
    if not in_scopes(actor, slot.plugin_id, slot.entity):
        raise NotFoundError(NO_BOOKING)
    return found[0], slot


def is_of(booking: Booking, owner: Owner) -> bool:
    return (booking.person, booking.legal_entity) == (owner.person, owner.legal_entity)


async def told(
    desk: Desk, tx: Transaction, actor: Actor, action: str, topic: str, slot: Slot, booking: Booking
) -> None:
    await tx.insert([event(topic, slot, desk.now())])
    await desk.audit.within(tx, line(actor, action, slot, [booking]))
