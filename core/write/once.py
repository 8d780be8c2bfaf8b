"""One key, one result: a repeated request is answered with what the first one made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeVar

from tongban_sdk.actor import Actor

from core.crypto import Vault
from core.store.database import Database, Insert, Transaction
from core.store.engine import IDEMPOTENCY
from core.store.statement import statement
from core.write.idempotency import inputs_of, key_id, used_otherwise

T = TypeVar("T")
#: Work of one transaction, and rows it writes beside its own.
Work = Callable[[Transaction, Sequence[Insert]], Awaitable[T]]


class Once:
    """One request under a key of its caller. `asked` tells a repetition from another request under the same key."""

    def __init__(self, database: Database, vault: Vault, actor: Actor, key: str, asked: Any) -> None:
        self._database = database
        self._id = key_id(actor, key)
        self._inputs = inputs_of(actor, asked, vault)

    def row(self, made: str, now: datetime) -> Insert:
        """Whoever comes second is refused by it, and then finds the result."""
        return Insert(IDEMPOTENCY, {"id": self._id, "input": self._inputs[0], "row_id": made, "at": now})

    async def made(self) -> str | None:
        """What the first request made; ConflictError when the key was used for something else."""
        text = "SELECT row_id, input FROM tb_idempotency WHERE id = {id}"
        rows = await self._database.fetch(*statement(self._database.dialect, IDEMPOTENCY, text, id=self._id))
        if not rows:
            return None
        if rows[0][1] not in self._inputs:
            raise used_otherwise()
        return str(rows[0][0])


async def once(
    seen: Once | None, transaction: Callable[[], AbstractAsyncContextManager[Transaction]], work: Work[T],
    again: Callable[[str], Awaitable[T]], made: str, now: datetime,
) -> T:  # fmt: skip
    """Do work in one transaction. Under a key that was used already nothing stays of it, whatever refuses it today:
    `again` finds the result by the id put down as `made` back then. Without a key every time is the first."""
    try:
        async with transaction() as tx:
            return await work(tx, [] if seen is None else [seen.row(made, now)])
    except Exception:
        first = None if seen is None else await seen.made()
        if first is None:
            raise
        return await again(first)
