"""Which rows have these values already: by unique fields, keyed ones through their hash."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from tongban_sdk.actor import Actor

from core.access import AccessModel, EntityScope, me_of
from core.crypto import Vault
from core.crypto.fields import lookups_of
from core.fields.base import Field
from core.fields.column import Column
from core.fields.refs import Ref
from core.fields.sealed import indexed_columns, is_text, lookup_column, may_be_sealed
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.dialect import Dialect, quote
from core.store.sql import Arg, Env, Params

Values = tuple[Any, ...]


class Fetches(Protocol):
    """A database, or a transaction of it."""

    def fetch(self, sql: str, args: Sequence[Any] = ()) -> Coroutine[Any, Any, list[Any]]: ...


@dataclass(frozen=True, slots=True)
class Found:
    id: str
    division: str | None
    #: Whether a rule lets the actor read the row.
    is_seen: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    world: World
    access: AccessModel
    vault: Vault
    dialect: Dialect
    actor: Actor

    async def find(
        self, source: Fetches, entity: Entity, fields: Sequence[Field], wanted: Collection[Values]
    ) -> dict[Values, Found]:
        """Rows that hold the canonical values of these fields, by the values."""
        if not wanted:
            return {}
        columns = [_column(field) for field in fields]
        tokens = {found: values for values in wanted for found in self._tokens(entity, fields, values)}
        params = Params(self.dialect)
        scope = EntityScope(self.world, entity, "r", params)
        seen = self.access.row_predicate(self.access.rules(self.actor.roles, entity.key, "read"), scope) or "FALSE"
        # The first field narrows enough; the others are compared here.
        first = self.dialect.in_list(
            scope.name(columns[0].name), params.add(Arg(("firsts",)), columns[0], many=True), columns[0]
        )
        names = ", ".join(scope.name(column.name) for column in columns)
        source_sql = f"FROM {quote(entity.table)} r WHERE r.deleted_at IS NULL AND {first}"
        sql = f"SELECT r.id, r.division, ({seen}), {names} {source_sql}"
        env = Env(me_of(self.actor), {"firsts": sorted({token[0] for token in tokens})}, utc_now())
        found = {}
        for id, division, is_seen, *raw in await source.fetch(sql, params.bind(env)):
            loaded = tuple(self.dialect.load(c, value) for c, value in zip(columns, raw, strict=True))
            if loaded in tokens:
                found[tokens[loaded]] = Found(str(id), division, bool(is_seen))
        return found

    def natural_keys(self, entity: Entity) -> list[Field]:
        """Fields that name a row as people do, of those the actor may see: a unit by code, a person by ID number."""
        rules = self.access.rules(self.actor.roles, entity.key, "read")
        opened = {name for rule in rules for name in rule.fields}
        return [
            field
            for name, field in entity.fields.items()
            if field.unique and name in opened and is_text(field) and not isinstance(field, Ref)
            and (field.keyed or not may_be_sealed(field, entity))
        ]  # fmt: skip

    def _tokens(self, entity: Entity, fields: Sequence[Field], values: Values) -> Iterator[Values]:
        """What the columns may hold for these values."""
        yield from product(
            *(
                lookups_of(self.vault, entity, field, [value]) if field.keyed else [value]
                for field, value in zip(fields, values, strict=True)
            )
        )


def _column(field: Field) -> Column:
    return lookup_column(field) or indexed_columns(field)[0]


def unique_sets(entity: Entity) -> Iterator[tuple[Field, ...]]:
    """Fields whose values together no two rows share."""
    for field in entity.fields.values():
        if field.unique and indexed_columns(field) and field.is_writable:
            yield (field,)
    for names in entity.unique:
        fields: Mapping[str, Field] = entity.fields
        if all(name in fields and fields[name].is_writable for name in names):
            yield tuple(fields[name] for name in names)
