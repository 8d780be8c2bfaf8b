"""May this caller see this row, this file? The same rules as every read, asked about one row."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from tongban_sdk import Actor

from core.access import AccessModel, me_of
from core.access.scope import EntityScope
from core.fields.column import Column
from core.fields.refs import File
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.dialect import quote
from core.store.sql import Arg, Env, Params

ID = Column("id", "uuid")


class Rights(Protocol):
    """A generation, as far as this room must know it."""

    @property
    def world(self) -> World: ...
    @property
    def access(self) -> AccessModel: ...


class Visibility:
    """Questions about single rows, compiled once per set of rules of a generation."""

    def __init__(self, world: World, access: AccessModel, database: Database) -> None:
        self.world, self._access, self.database = world, access, database
        self._compiled: dict[Hashable, tuple[str, Params] | None] = {}

    @classmethod
    def of(cls, generation: Rights, database: Database) -> Visibility:
        """The one of this generation; it goes with it."""
        found = _OF.get(generation)
        if found is None:
            found = _OF[generation] = cls(generation.world, generation.access, database)
        return found

    async def sees_row(self, actor: Actor, entity: Entity, id: str) -> bool:
        """Whether a read rule admits the row. A deleted row counts as it last was: its readers may learn it is gone."""
        key = ("row", entity.key, self._access.key(actor.roles))
        if key not in self._compiled:
            params = Params(self.database.dialect)
            found = self._row(actor.roles, entity, params)
            self._compiled[key] = (f"SELECT 1 WHERE {found}", params) if found else None
        return await self._ask(key, actor, id)

    async def sees_file(self, actor: Actor, id: str) -> bool:
        """Whether a row the actor reads holds this file in a field he reads in clear."""
        key = ("file", self._access.key(actor.roles))
        if key not in self._compiled:
            params = Params(self.database.dialect)
            found = list(self._owners(actor.roles, params))
            self._compiled[key] = (f"SELECT 1 WHERE {' OR '.join(found)}", params) if found else None
        return await self._ask(key, actor, id)

    def _row(self, roles: frozenset[str], entity: Entity, params: Params) -> str | None:
        scope = EntityScope(self.world, entity, "r", params)
        predicate = self._access.row_predicate(self._access.rules(roles, entity.key, "read"), scope)
        if predicate is None:
            return None
        id = params.add(Arg(("id",)), ID)
        return f"EXISTS (SELECT 1 FROM {quote(entity.table)} r WHERE r.id = {id} AND {predicate})"

    def _owners(self, roles: frozenset[str], params: Params) -> Iterator[str]:
        for entity in self.world.entities.values():
            fields = [field for field in entity.fields.values() if isinstance(field, File)]
            rules = self._access.rules(roles, entity.key, "read")
            if not fields or not rules:
                continue  # a parameter nobody mentions is an error
            scope = EntityScope(self.world, entity, "r", params)
            predicate = self._access.row_predicate(rules, scope)
            for field in fields:
                clear = self._access.field_view(rules, field).clear.sql(scope)
                here = f"r.{quote(field.name)} = {params.add(Arg(('id',)), ID)}"
                yield (
                    f"EXISTS (SELECT 1 FROM {quote(entity.table)} r"
                    f" WHERE r.deleted_at IS NULL AND {here} AND {predicate} AND {clear})"
                )

    async def _ask(self, key: Hashable, actor: Actor, id: str) -> bool:
        compiled = self._compiled[key]
        if compiled is None:
            return False
        text, params = compiled
        env = Env(me_of(actor), {"id": id}, utc_now())
        found: Any = await self.database.fetch_value(text, params.bind(env))
        return found is not None


_OF: WeakKeyDictionary[Rights, Visibility] = WeakKeyDictionary()
