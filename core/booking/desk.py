"""What every module of this room works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from tongban_sdk.actor import Actor

from core.audit import Audit
from core.booking.rights import Owner, Rights, owners_of
from core.crypto import Vault
from core.fields.times import utc_now
from core.messages import Messages
from core.privacy.people import People
from core.privacy.rows import Lying
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect
from core.write.live import Live
from core.write.once import Once, once

T = TypeVar("T")


@dataclass
class Desk:
    """One per process; `now` is the clock."""

    database: Database
    vault: Vault
    audit: Audit
    messages: Messages
    standing: Callable[[], Live]
    now: Callable[[], datetime] = utc_now

    @property
    def live(self) -> Live:
        return self.standing()

    @property
    def dialect(self) -> Dialect:
        return self.database.dialect

    @property
    def rights(self) -> Rights:
        return Rights(self.live, self.database)

    @property
    def people(self) -> People:
        return People(Lying(self.database, self.vault), self.live.world)

    async def owners(self, actor: Actor) -> Sequence[Owner]:
        return await owners_of(actor, self.people)

    async def once(
        self, actor: Actor, key: str | None, asked: Any, made: str, work: Callable[[Transaction], Awaitable[T]],
        again: Callable[[str], Awaitable[T]],
    ) -> T:  # fmt: skip
        """As core.write.once, for requests of this desk."""

        async def whole(tx: Transaction, beside: Sequence[Insert]) -> T:
            await tx.insert(beside)
            return await work(tx)

        seen = None if key is None else Once(self.database, self.vault, actor, key, asked)
        return await once(seen, self.database.transaction, whole, again, made, self.now())
