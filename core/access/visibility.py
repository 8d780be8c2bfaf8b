"""May this caller see this row, this file? The same rules as every read, asked about one row."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from tongban_sdk import Actor
from tongban_sdk.actor import ANONYMOUS

from core.access import AccessModel, me_of
from core.access.scope import EntityScope
from core.expr.tree import Call, Path
from core.fields.column import Column
from core.fields.made import Sequence as Numbered
from core.fields.masks import is_sensitive
from core.fields.refs import File
from core.fields.sealed import is_sealed
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.dialect import literal, quote
from core.store.sql import Arg, Env, Params

ID = Column("id", "uuid")
CASE = Column("case_no", "text")


class Rights(Protocol):
    """A generation, as far as this room must know it."""

    @property
    def world(self) -> World: ...
    @property
    def access(self) -> AccessModel: ...


@dataclass(frozen=True, slots=True)
class Holder:
    """The row and field that hold a file, whom they are about, and the rule that opens them."""

    entity: str
    field: str
    row_id: str
    subjects: tuple[str, ...]
    rule: str | None


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
        return await self.holder(actor, id) is not None

    async def holder(self, actor: Actor, id: str) -> Holder | None:
        """A row the actor reads that holds this file in a field he reads in clear."""
        key = ("file", self._access.key(actor.roles))
        if key not in self._compiled:
            params = Params(self.database.dialect)
            found = list(self._owners(actor.roles, params))
            self._compiled[key] = (f"{' UNION ALL '.join(found)} LIMIT 1", params) if found else None
        rows = await self._rows(key, actor, id)
        return _holder(rows)

    async def sensitive_holder(self, id: str) -> Holder | None:
        """A row that holds this file in a sensitive field, whoever sees it."""
        key = ("sensitive file",)
        if key not in self._compiled:
            params = Params(self.database.dialect)
            found = list(self._sensitive(params))
            self._compiled[key] = (f"{' UNION ALL '.join(found)} LIMIT 1", params) if found else None
        rows = await self._rows(key, ANONYMOUS, id)
        return _holder(rows)

    async def sees_case(self, actor: Actor, number: str) -> bool:
        """Whether the host has given out this number for a case the actor reads or takes part in."""
        key = ("case", self._access.key(actor.roles))
        if key not in self._compiled:
            params = Params(self.database.dialect)
            found = list(self._cases(actor.roles, params))
            self._compiled[key] = (f"SELECT 1 WHERE {' OR '.join(found)}", params) if found else None
        return await self._ask(key, actor, number)

    def _cases(self, roles: frozenset[str], params: Params) -> Iterator[str]:
        for entity in self.world.entities.values():
            number = entity.fields.get(entity.case)
            if not isinstance(number, Numbered):
                continue
            rules = self._access.rules(roles, entity.key, "read")
            scope, view = EntityScope(self.world, entity, "r", params), self._access.field_view(rules, number, entity)
            here = f"r.{quote(number.name)} = {params.add(Arg(('id',)), CASE)} AND r.deleted_at IS NULL"
            ways = [scope.sql(Call("participates", (Path((number.name,)),)))]
            if not view.clear.never:
                ways.append(f"({self._access.row_predicate(rules, scope)} AND {view.clear.sql(scope)})")
            yield f"EXISTS (SELECT 1 FROM {quote(entity.table)} r WHERE {here} AND ({' OR '.join(ways)}))"

    def _row(self, roles: frozenset[str], entity: Entity, params: Params) -> str | None:
        scope = EntityScope(self.world, entity, "r", params)
        predicate = self._access.row_predicate(self._access.rules(roles, entity.key, "read"), scope)
        if predicate is None:
            return None
        id = params.add(Arg(("id",)), ID)
        return f"EXISTS (SELECT 1 FROM {quote(entity.table)} r WHERE r.id = {id} AND {predicate})"

    def _owners(self, roles: frozenset[str], params: Params) -> Iterator[str]:
        for entity in self.world.entities.values():
            fields = _files(entity)
            rules = self._access.rules(roles, entity.key, "read")
            # A parameter nobody mentions is an error: nothing is bound for what opens no file.
            views = [(f, view) for f in fields if not (view := self._access.field_view(rules, f, entity)).clear.never]
            if not views:
                continue
            scope = EntityScope(self.world, entity, "r", params)
            predicate = self._access.row_predicate(rules, scope)
            for field, view in views:
                held = _held(entity, field, scope, params, view.rule_sql(scope))
                yield f"{held} AND {predicate} AND {view.clear.sql(scope)}"

    def _sensitive(self, params: Params) -> Iterator[str]:
        for entity in self.world.entities.values():
            for field in _files(entity):
                if is_sensitive(field):
                    yield _held(entity, field, EntityScope(self.world, entity, "r", params), params, "NULL")

    async def _ask(self, key: Hashable, actor: Actor, id: str) -> bool:
        return bool(await self._rows(key, actor, id))

    async def _rows(self, key: Hashable, actor: Actor, id: str) -> Sequence[Any]:
        compiled = self._compiled[key]
        if compiled is None:
            return ()
        text, params = compiled
        return await self.database.fetch(text, params.bind(Env(me_of(actor), {"id": id}, utc_now())))


def _holder(rows: Sequence[Any]) -> Holder | None:
    if not rows:
        return None
    entity, field, row_id, whom, rule = rows[0]
    return Holder(entity, field, row_id, tuple(filter(None, whom.split(","))), rule)


def _files(entity: Entity) -> list[File]:
    """What is sealed cannot be searched; no field of files may be."""
    return [f for f in entity.fields.values() if isinstance(f, File) and not is_sealed(f)]


def _held(entity: Entity, field: File, scope: EntityScope, params: Params, rule: str) -> str:
    """Holders of one file in one field."""
    subjects = [f"coalesce(CAST({scope.column(path)[0]} AS text), '')" for path in entity.subject_paths]
    whom = " || ',' || ".join(subjects) or "''"
    facts = f"{literal(entity.key)}, {literal(field.name)}, CAST(r.id AS text), {whom}, {rule}"
    here = f"r.{quote(field.name)} = {params.add(Arg(('id',)), ID)}"
    return f"SELECT {facts} FROM {quote(entity.table)} r WHERE r.deleted_at IS NULL AND {here}"


_OF: WeakKeyDictionary[Rights, Visibility] = WeakKeyDictionary()
