"""The loop that does what time does: holds expire, confirmed bookings nobody came for are missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.access.service import service_actor
from core.booking.desk import Desk
from core.booking.places import end, give_back
from core.booking.rows import Booking, hold_slots
from core.booking.telling import event, line
from core.jobs.claims import Claims
from core.jobs.loop import Loop, run_all
from core.store.booking_tables import BOOKING
from core.store.database import Transaction
from core.store.rows import named

log = logging.getLogger("tongban.booking")

BATCH = 50
#: A claim nobody has used for this long belongs to a worker that died.
LEASE_S = 60.0


@dataclass
class Settling:
    """One per process that works."""

    desk: Desk
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("bookings", self.turn, batch=BATCH)

    async def turn(self) -> int:
        """What is due, one batch of it; how many were claimed."""
        claims = Claims(self.desk.database, BOOKING, LEASE_S, at="due_at", clock=self.desk.now)
        found = await claims.take(BATCH)
        await asyncio.gather(*map(self._settle, found))
        return len(found)

    async def run_all(self) -> int:
        """Everything due."""
        return await run_all(self.turn)

    async def _settle(self, row: Mapping[str, Any]) -> None:
        booking = named(Booking, row)
        try:
            async with self.desk.database.transaction() as tx:
                await self._end(tx, booking)
        except Exception as error:
            # Tried again when the claim lapses. The kind only: the text of an error may hold data.
            log.error("booking %s not settled: %s", booking.id, type(error).__name__)

    async def _end(self, tx: Transaction, booking: Booking) -> None:
        """Whoever ended it meanwhile has done so."""
        desk, due = self.desk, booking.due_at
        assert due is not None
        (slot,) = await hold_slots(tx, desk.dialect, [booking.slot])
        state, topic = self._fate(booking, slot.division)
        where = "id = {id} AND state = {was:state} AND due_at <= {now:due_at}"
        # A miss counts from the end of its slot, however late anybody looks.
        gone = await end(tx, desk.dialect, state, due, where, id=booking.id, was=booking.state, now=desk.now())
        if state != "missed":
            await give_back(tx, desk.dialect, slot.id, sum(one.quantity for one in gone))
        if gone:
            await tx.insert([event(f"booking.{state}", slot, desk.now())])
            await desk.audit.within(tx, line(service_actor(slot.plugin_id), f"booking.{topic}", slot, gone))

    def _fate(self, booking: Booking, division: str) -> tuple[str, str]:
        """The state it ends in, and the deed."""
        if booking.state == "held":
            return "expired", "expire"
        live = self.desk.live
        is_on = booking.plugin_id in live.world.plugins and live.choice(booking.plugin_id, division) != "off"
        # Where the application was switched off nobody could have come.
        return ("missed", "miss") if is_on else ("released", "release")
