"""One key, one result: a repeated request is answered with what the first one made."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotAuthenticatedError

from core.crypto import Vault
from core.store.database import Database, Insert
from core.store.engine import IDEMPOTENCY
from core.store.statement import statement

KEY_MAX_CHARS = 200


class Once:
    """One request under a key of its caller. `asked` tells a repetition from another request under the same key."""

    def __init__(self, database: Database, vault: Vault, actor: Actor, key: str, asked: Any) -> None:
        if not 0 < len(key) <= KEY_MAX_CHARS:
            raise InvalidInputError(f"幂等键应为 1 到 {KEY_MAX_CHARS} 个字符")
        if not actor.id:
            raise NotAuthenticatedError("请先登录再使用幂等键")
        self._database = database
        self._id = hashlib.sha256(f"{actor.id}\0{key}".encode()).hexdigest()
        # One account may speak for several people: what it did for one is no answer to what it asks for another.
        whom = [actor.person, actor.legal_entity, actor.agent]
        # Keyed: a plain hash of an ID number is found by trying them all.
        text = orjson.dumps([whom, asked], default=str, option=orjson.OPT_SORT_KEYS).decode()
        self._inputs = vault.lookups(text, "tb_idempotency.input")

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
            raise ConflictError("同一个幂等键已用于另一个请求", hint="请为新的请求使用新的幂等键")
        return str(rows[0][0])
