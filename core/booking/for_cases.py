"""What a case does with the hold of its applicant, in the transaction of its step."""

from __future__ import annotations

from dataclasses import dataclass

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError

from core.booking.desk import Desk
from core.booking.holding import confirm_in, is_of, told
from core.booking.places import end, give_back
from core.booking.rights import Owner
from core.booking.rows import Booking, Slot, hold_slots, typed_number
from core.store.database import Transaction
from core.store.rows import read


@dataclass(frozen=True, slots=True)
class Claimant:
    """The case that wants a booking: its number, its application, and whom it is for."""

    case: str
    plugin_id: str
    owner: Owner


async def confirm_for(desk: Desk, tx: Transaction, actor: Actor, claimant: Claimant, number: str) -> None:
    """ConflictError when there is no such hold of this person any more: then the step does not happen either."""
    booking = await _of(desk, tx, claimant, number)
    if booking is None:
        raise ConflictError("没有申请人的这个预约", hint="请先占位，再填写预约号")
    if booking.case_number == claimant.case and booking.state == "confirmed":
        return
    (slot,) = await read(tx, desk.dialect, Slot, "id = {id}", id=booking.slot)
    done = await confirm_in(desk, tx, booking, slot, claimant.case)
    await told(desk, tx, actor, "booking.confirm", "booking.confirmed", slot, done)


async def release_for(desk: Desk, tx: Transaction, actor: Actor, claimant: Claimant, number: str) -> None:
    """Give back the hold of the applicant's that is meant, or what the case made of it; nothing when it is over."""
    booking = await _of(desk, tx, claimant, number)
    if booking is not None and booking.case_number in (None, claimant.case):
        where = "id = {id} AND (case_number = {case:case_number} OR (state = 'held' AND case_number IS NULL))"
        await _release(desk, tx, actor, [booking], where, claimant.case)


async def release_all(desk: Desk, tx: Transaction, actor: Actor, case: str) -> None:
    """The case came to nothing: what it confirmed is free again."""
    found = await read(tx, desk.dialect, Booking, "case_number = {case:case_number} AND state = 'confirmed'", case=case)
    await _release(desk, tx, actor, found, "id = {id} AND case_number = {case:case_number}", case)


async def _release(desk: Desk, tx: Transaction, actor: Actor, bookings: list[Booking], where: str, case: str) -> None:
    if not bookings:
        return
    slots = {slot.id: slot for slot in await hold_slots(tx, desk.dialect, sorted({one.slot for one in bookings}))}
    for booking in bookings:
        for gone in await end(tx, desk.dialect, "released", desk.now(), where, id=booking.id, case=case):
            await give_back(tx, desk.dialect, gone.slot, gone.quantity)
            await told(desk, tx, actor, "booking.release", "booking.released", slots[gone.slot], gone)


async def _of(desk: Desk, tx: Transaction, claimant: Claimant, number: str) -> Booking | None:
    """The booking of the applicant in the case's own application; another's and none look alike."""
    found = await read(tx, desk.dialect, Booking, "number = {number}", number=typed_number(number))
    is_his = bool(found) and is_of(found[0], claimant.owner) and found[0].plugin_id == claimant.plugin_id
    return found[0] if is_his else None
