"""One key, one result: a repeated request is answered with what the first one made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor

from core.crypto import Vault
from core.store.database import Database, Insert
from core.store.engine import IDEMPOTENCY
from core.store.statement import statement
from core.write.idempotency import inputs_of, key_id, used_otherwise


class Once:
    """One request under a key of its caller. `asked` tells a repetition from another request under the same key."""

    def __init__(self, database: Database, vault: Vault, actor: Actor, key: str, asked: Any) -> None:
        self._database = database
        self._id = key_id(actor, key)
        self._inputs = inputs_of(actor, asked, vault)

    def row(self, made: str, now: datetime) -> Insert:
        """Written first in the transaction: whoever comes second waits here, and then finds the result."""
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
