"""Places taken and given back: the one condition by which nothing is ever oversold.

Whoever changes `taken` holds the slot's row; whoever ends a booking does so by its state. So each place is taken by
one statement that looks at the quota, and comes back once, whoever is first: the person, the case, the loop, or the
next one who wants it.
"""

from __future__ import annotations

from datetime import datetime

from tongban_sdk.errors import ConflictError

from core.booking.rows import Booking, change, hold_slots
from core.store.booking_tables import BOOKING, SLOT
from core.store.database import Transaction
from core.store.dialect import Dialect
from core.store.rows import columns, load
from core.store.statement import statement

#: Free places count what an expired hold will give back, even if nobody has looked yet.
EXPIRED = "state = 'held' AND due_at <= {now:due_at}"


async def take(tx: Transaction, dialect: Dialect, slot: str, quantity: int, now: datetime) -> list[Booking]:
    """Take places; returns the expired holds that made room. ConflictError when there are not enough."""
    if await _take(tx, dialect, slot, quantity):
        return []
    await hold_slots(tx, dialect, [slot])
    gone = await end(tx, dialect, "expired", now, f"slot = {{slot}} AND {EXPIRED}", slot=slot, now=now)
    await give_back(tx, dialect, slot, sum(booking.quantity for booking in gone))
    if not await _take(tx, dialect, slot, quantity):
        raise ConflictError("名额已满", hint="请换一个时段，或稍后再看有没有退出来的名额")
    return gone


async def _take(tx: Transaction, dialect: Dialect, slot: str, quantity: int) -> bool:
    text = (
        "UPDATE tb_slot SET taken = taken + {quantity:quota} "
        "WHERE id = {id} AND closed_at IS NULL AND taken + {quantity:quota} <= quota"
    )
    return await change(tx, dialect, text, SLOT, id=slot, quantity=quantity) == 1


async def give_back(tx: Transaction, dialect: Dialect, slot: str, quantity: int) -> None:
    if quantity:
        text = "UPDATE tb_slot SET taken = taken - {quantity:quota} WHERE id = {id}"
        await change(tx, dialect, text, SLOT, id=slot, quantity=quantity)


async def free_up(
    tx: Transaction, dialect: Dialect, booking: Booking, state: str, now: datetime, where: str = "TRUE"
) -> bool:
    """End an open booking and give its places back; False when somebody else ended it, or `where` does not hold."""
    await hold_slots(tx, dialect, [booking.slot])
    found = await end(tx, dialect, state, now, f"id = {{id}} AND {where}", id=booking.id)
    await give_back(tx, dialect, booking.slot, sum(one.quantity for one in found))
    return bool(found)


async def end(
    tx: Transaction, dialect: Dialect, state: str, at: datetime, where: str, **values: object
) -> list[Booking]:
    """End open bookings: those that were still open, as they are now, the oldest first. The caller holds their slot."""
    text = (
        "UPDATE tb_booking SET state = {new_state:state}, ended_at = {ended_at}, due_at = NULL "
        f"WHERE state IN ('held', 'confirmed') AND {where} RETURNING {columns(Booking)}"
    )
    bound = statement(dialect, BOOKING, text, new_state=state, ended_at=at, **values)
    found = [load(dialect, Booking, row) for row in await tx.fetch(*bound)]
    return sorted(found, key=lambda booking: booking.id)
