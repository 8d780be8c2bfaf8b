"""The loop that hands messages over: claimed in batches, each tried again later, then the next channel.

A worker that is killed between handing over and noting it hands over again under the same key: gateways know it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.clock import Calendars, due
from core.fields.times import utc_now
from core.identity.providers import PROVIDER_TIMEOUT_S
from core.jobs.claims import Claims
from core.jobs.loop import Loop, run_all
from core.manifest.cases import Limit
from core.messages.addresses import Addresses
from core.messages.gateway import Gateway, Post
from core.messages.preferences import INBOX, PERSON, USUAL, preferences_of
from core.messages.rows import Delivery, Message, delivery_row
from core.store.database import Database, Transaction
from core.store.message_tables import DELIVERY, MESSAGE
from core.store.rows import change, named, read
from core.store.statement import statement

log = logging.getLogger("tongban.messages")

BATCH = 50
#: Longer than a batch can take: each of it is handed over side by side.
LEASE_S = 60.0
#: Waits between the tries of one channel; after the last one it is dead and the next channel's turn comes.
RETRY_S = (10.0, 60.0, 300.0, 1800.0)
#: How often gateways are asked for receipts.
RECEIPTS_S = 5.0
#: Nobody to be reached on a channel.
NO_ADDRESS = "no-address"

Unreached = Callable[[Transaction, Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    status: str
    #: When to try again, for one that is still waiting.
    at: datetime | None = None
    tries: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """A channel that failed for good."""

    message_id: str
    template: str
    case_number: str | None
    channel: str
    tries: int
    error: str | None


@dataclass
class Delivering:
    """One per process that works."""

    database: Database
    calendars: Calendars
    addresses: Addresses
    gateway: Gateway
    #: Told inside the transaction that notes it; None = the message stays in the inbox, and nobody is told.
    unreached: Unreached | None = None
    retry_s: Sequence[float] = RETRY_S
    clock: Callable[[], datetime] = utc_now
    loop: Loop = field(init=False)
    _asked_at: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("messages", self._look, batch=BATCH)

    async def turn(self) -> int:
        """Hand over what is due, one batch of it; how many were claimed."""
        found = await self._claim()
        await asyncio.gather(*map(self._deliver, found))
        return len(found)

    async def run_all(self) -> int:
        """Everything due, and what comes due by it."""
        return await run_all(self.turn)

    async def take_receipts(self) -> int:
        """Ask the gateway who has got what; how many were new."""
        return sum([await self.received(key) for key in await self.gateway.receipts()])

    async def received(self, key: str) -> bool:
        """The person has it; False for a receipt that was known, or of nothing."""
        now, dialect = self.clock(), self.database.dialect
        async with self.database.transaction() as tx:
            # Without its claim a worker that is still at it notes nothing over this.
            new = {"status": "delivered", "receipt_at": now, "claim": None}
            if not await change(tx, dialect, DELIVERY, new, "id = {id} AND receipt_at IS NULL", id=key):
                return False
            inside = "reached_at IS NULL AND id = (SELECT message_id FROM tb_delivery WHERE id = {id})"
            await change(tx, dialect, MESSAGE, {"reached_at": now}, inside, id=key)
        return True

    async def dead(self, limit: int = 100) -> list[Dead]:
        """Channels that failed for good while the message has not reached its person, the newest first."""
        text = (
            "SELECT m.id, m.template, m.case_number, d.channel, d.tries, d.error FROM tb_delivery d "
            "JOIN tb_message m ON m.id = d.message_id WHERE d.status = 'dead' AND m.reached_at IS NULL "
            f"ORDER BY d.id DESC LIMIT {int(limit)}"
        )
        id = MESSAGE.by_name["id"]
        return [Dead(self.database.dialect.load(id, row[0]), *row[1:]) for row in await self.database.fetch(text, [])]

    async def check(self) -> str | None:
        """For the status page: a gateway that is away; that a single person has no phone is no fault of the host."""
        text = (
            "SELECT count(*) FROM tb_delivery d JOIN tb_message m ON m.id = d.message_id "
            "WHERE d.status = 'dead' AND m.reached_at IS NULL AND d.error <> 'no-address' AND d.at >= {at}"
        )
        since = self.clock() - timedelta(days=1)
        count = await self.database.fetch_value(*statement(self.database.dialect, DELIVERY, text, at=since))
        return f"一天内 {count} 条消息多次发送失败，请检查消息通道" if count else None

    async def _look(self) -> int:
        count = await self.turn()
        if time.monotonic() - self._asked_at >= RECEIPTS_S:
            self._asked_at = time.monotonic()
            await self.take_receipts()
        return count

    async def _claim(self) -> list[Delivery]:
        claims = Claims(self.database, DELIVERY, LEASE_S, waits="status = 'waiting'", clock=self.clock)
        return [named(Delivery, row) for row in await claims.take(BATCH)]

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            [message] = await read(self.database, self.database.dialect, Message, "id = {id}", id=delivery.message_id)
            outcome = await self._outcome(message, delivery)
            await self._note(message, delivery, outcome)
        except Exception as error:
            # Tried again when the claim lapses. The kind only: the text of an error may hold an address.
            log.error("delivery %s (%s) failed: %s", delivery.id, delivery.channel, type(error).__name__)

    async def _outcome(self, message: Message, delivery: Delivery) -> Outcome:
        if message.reached_at is not None:
            return Outcome("skipped", tries=delivery.tries)
        if delivery.channel in (INBOX, PERSON):
            return Outcome("sent", tries=delivery.tries)
        if (quiet := await self._quiet_until(message)) is not None:
            return Outcome("waiting", quiet, delivery.tries)
        address = await self.addresses.of(message, delivery.channel)
        if address is None:
            return Outcome("dead", tries=delivery.tries, error=NO_ADDRESS)
        return await self._hand_over(message, delivery, address)

    async def _hand_over(self, message: Message, delivery: Delivery, address: str) -> Outcome:
        tries = delivery.tries + 1
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                has_it = await self.gateway.send(
                    Post(delivery.id, delivery.channel, address, message.title, message.text)
                )
        except Exception as error:
            kind = type(error).__name__
            log.warning("delivery %s (%s) not taken, try %d: %s", delivery.id, delivery.channel, tries, kind)
            if tries > len(self.retry_s):
                return Outcome("dead", tries=tries, error=kind)
            return Outcome("waiting", self.clock() + timedelta(seconds=self.retry_s[tries - 1]), tries, kind)
        return Outcome("delivered" if has_it else "sent", tries=tries)

    async def _quiet_until(self, message: Message) -> datetime | None:
        if message.is_urgent:
            return None
        wishes = await preferences_of(self.database, self.database, [message.person] if message.person else [])
        return wishes.get(message.person or "", USUAL).quiet_until(self.clock())

    async def _note(self, message: Message, delivery: Delivery, outcome: Outcome) -> None:
        now, dialect = self.clock(), self.database.dialect
        new: dict[str, Any] = {
            "status": outcome.status, "tries": outcome.tries, "error": outcome.error, "claim": None,
            "claimed_until": None, "at": outcome.at or delivery.at,
            "sent_at": now if outcome.status in ("sent", "delivered") else None,
            "receipt_at": now if outcome.status == "delivered" else None,
        }  # fmt: skip
        next_at = await self._next_at(message, delivery, outcome, now)
        async with self.database.transaction() as tx:
            where = "id = {id} AND claim = {token:claim}"
            if not await change(tx, dialect, DELIVERY, new, where, id=delivery.id, token=delivery.claim):
                return
            if outcome.status == "delivered":
                await change(tx, dialect, MESSAGE, {"reached_at": now}, "id = {id}", id=message.id)
            if next_at is not None:
                await tx.insert([delivery_row(message.id, message.channels, delivery.place + 1, next_at)])
            if delivery.channel == PERSON and outcome.status == "sent" and self.unreached is not None:
                await self.unreached(tx, message)

    async def _next_at(self, message: Message, delivery: Delivery, outcome: Outcome, now: datetime) -> datetime | None:
        """When the next channel's turn comes; None = it does not, or there is none."""
        if delivery.place + 1 >= len(message.channels):
            return None
        if outcome.status == "dead":
            return now
        if outcome.status != "sent":
            return None
        if message.limit is not None:
            return due(await self.calendars.of(message.division), now, Limit(*message.limit)).at
        # The inbox rings nowhere: with nothing that must reach, the first channel outside goes along.
        return now if delivery.channel == INBOX else None
