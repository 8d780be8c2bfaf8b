"""The one way a row changes: input, rights, rules of the entity, then all rows of the change or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tongban_sdk.actor import Actor

from core.access import AccessModel, me_of
from core.audit import Audit
from core.crypto import Vault
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.database import Database, Transaction
from core.write.changing import Changing
from core.write.creating import Creating
from core.write.events import Check, OnCommit, Written
from core.write.sources import Origin, origin_of
from core.write.statements import Statements
from core.write.task import Shared, Task


class Writer:
    """One per generation. Every refusal is a RequestError, and leaves nothing behind."""

    def __init__(
        self,
        database: Database,
        world: World,
        access: AccessModel,
        *,
        check: Check | None = None,
        on_commit: Sequence[OnCommit] = (),
        vault: Vault | None = None,
        audit: Audit | None = None,
    ) -> None:
        statements = Statements(database.dialect, world, access)
        self._shared = Shared(database, world, access, statements, check, tuple(on_commit), vault, audit)
        self._tx: Transaction | None = None
        self._origin: Origin | None = None

    def within(self, tx: Transaction) -> Writer:
        """The same for many rows of one transaction. After an error it must be rolled back: half a row may stand."""
        return self._bound(_tx=tx)

    def stating(self, origin: Origin | None) -> Writer:
        """The same, for facts that do not come from the actor's own unit."""
        return self._bound(_origin=origin)

    def _bound(self, **more: Any) -> Writer:
        # Not copy(): it is ten times as slow, and each row of a transaction asks for one.
        bound = object.__new__(Writer)
        bound.__dict__.update(self.__dict__, **more)
        return bound

    async def create(
        self,
        actor: Actor,
        entity: Entity,
        values: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        why: str = "",
    ) -> Written:
        """Add a row. The same actor, key and input again return the first result."""
        return await Creating(self._task(actor, entity, why), values, idempotency_key).run()

    async def update(
        self, actor: Actor, entity: Entity, id: str, version: int, patch: Mapping[str, Any], *, why: str = ""
    ) -> Written:
        """Change some fields of the version the caller has seen; the rules hold before and after."""
        return await Changing(self._task(actor, entity, why), id, version).update(patch)

    async def delete(self, actor: Actor, entity: Entity, id: str, version: int, *, why: str = "") -> Written:
        """Hide the row for good. Refused while rows point to it, unless their ref says set_null."""
        return await Changing(self._task(actor, entity, why), id, version).delete()

    def _task(self, actor: Actor, entity: Entity, why: str) -> Task:
        origin = self._origin or origin_of(actor, why)
        return Task(self._shared, actor, entity, why, utc_now(), me_of(actor), self._tx, origin)
