"""The counter: who comes, in which order; and what staff see of a slot."""

from __future__ import annotations

from dataclasses import replace

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError

from core.booking.closing import managed_slots
from core.booking.desk import Desk
from core.booking.rights import NO_BOOKING
from core.booking.rows import Booking, Slot, change, typed_number
from core.booking.rules import running_kind
from core.booking.telling import day_time, event, line
from core.expr.clock import china_day
from core.identity.required import require_login
from core.store.booking_tables import SLOT
from core.store.database import Transaction
from core.store.rows import read
from core.store.statement import statement

#: Bookings of a slot that staff see at once.
SHOWN_MAX = 1000


async def check_in(desk: Desk, actor: Actor, number: str) -> Booking:
    """Somebody has come (签到、核销): he gets the next number of the queue. Once; again it is the same number."""
    booking, slot = await _managed(desk, actor, number)
    if booking.state == "arrived":
        return booking
    _check_time(desk, slot)
    async with desk.database.transaction() as tx:
        queue, now = await _next(desk, tx, slot), desk.now()
        text = (
            "UPDATE tb_booking SET state = 'arrived', ended_at = {now:ended_at}, due_at = NULL, queue = {queue} "
            "WHERE id = {id} AND state = 'confirmed'"
        )
        if await change(tx, desk.dialect, text, id=booking.id, now=now, queue=queue) != 1:
            (found,) = await read(tx, desk.dialect, Booking, "id = {id}", id=booking.id)
            raise ConflictError(f"这个预约现在是“{STATES[found.state]}”，不能签到", hint=_HINTS.get(found.state, ""))
        done = replace(booking, state="arrived", ended_at=now, due_at=None, queue=queue)
        await tx.insert([event("booking.arrived", slot, now)])
        await desk.audit.within(tx, line(actor, "booking.check_in", slot, [done]))
    return done


#: In the words of offices.
STATES = {
    "held": "待确认", "confirmed": "已预约", "released": "已释放", "expired": "占位过期", "cancelled": "已取消",
    "arrived": "已签到", "missed": "爽约",
}  # fmt: skip
_HINTS = {"held": "请本人先确认预约"}


async def _next(desk: Desk, tx: Transaction, slot: Slot) -> int:
    text = "UPDATE tb_slot SET arrived = arrived + 1 WHERE id = {id} RETURNING arrived"
    return int((await tx.fetch(*statement(desk.dialect, SLOT, text, id=slot.id)))[0][0])


def _check_time(desk: Desk, slot: Slot) -> None:
    if slot.starts_at is None or slot.ends_at is None:
        return
    if china_day(desk.now()) < china_day(slot.starts_at):
        raise ConflictError(f"预约的是{day_time(slot.starts_at)}，当天才能签到")
    if desk.now() >= slot.ends_at:
        raise ConflictError(f"预约的时段{day_time(slot.ends_at)}已经结束", hint="请重新预约")


async def _managed(desk: Desk, actor: Actor, number: str) -> tuple[Booking, Slot]:
    """A booking of a resource the caller looks after."""
    if require_login(actor).kind != "staff":
        raise PermissionDeniedError("签到由工作人员办理")
    found = await read(desk.database, desk.dialect, Booking, "number = {number}", number=typed_number(number))
    if not found:
        raise NotFoundError(NO_BOOKING)
    (slot,) = await read(desk.database, desk.dialect, Slot, "id = {id}", id=found[0].slot)
    kind = running_kind(desk.live, slot.kind, slot.division)
    if not await desk.rights.manages(actor, kind, slot.resource):
        raise NotFoundError(NO_BOOKING)
    return found[0], slot


async def bookings_of(desk: Desk, actor: Actor, slot: str) -> tuple[Slot, list[Booking]]:
    """Who is to come, who has come: the open ones and those that are over by coming or missing, by the queue."""
    ((found, _),) = await managed_slots(desk, actor, [slot])
    where = (
        "slot = {slot} AND state IN ('confirmed', 'arrived', 'missed') "
        f"ORDER BY coalesce(queue, 1000000), held_at, id LIMIT {SHOWN_MAX}"
    )
    return found, await read(desk.database, desk.dialect, Booking, where, slot=found.id)
