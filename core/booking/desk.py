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
from core.store.database import Database, Transaction
from core.store.dialect import Dialect
from core.store.engine import IDEMPOTENCY
from core.store.errors import UniqueError
from core.write.live import Live
from core.write.once import Once

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
        """Do work in one transaction. Under a key that was used already nothing is done: `again` finds the result by
        the id that the first request put down as `made`."""
        if key is None:
            async with self.database.transaction() as tx:
                return await work(tx)
        seen = Once(self.database, self.vault, actor, key, asked)
        if (first := await seen.made()) is not None:
            return await again(first)
        try:
            async with self.database.transaction() as tx:
                await tx.insert([seen.row(made, self.now())])
                return await work(tx)
        except UniqueError as error:
            first = await seen.made() if error.table == IDEMPOTENCY.name else None
            if first is None:
                raise
            return await again(first)
