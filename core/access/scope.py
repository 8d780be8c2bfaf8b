"""Expressions over the rows of an entity in SQL: names become columns, `me` and constants become parameters."""

from __future__ import annotations

from typing import Any

from core.expr import Type
from core.fields import all_fields
from core.fields.column import Column
from core.fields.made import Computed
from core.fields.names import type_of
from core.fields.refs import Ref
from core.manifest.model import Entity, World
from core.store.dialect import quote
from core.store.sql import Const, Me, Now, Params, Source

#: Postgres must be told the type of a parameter that stands beside another parameter.
CASTS = {
    "text": "text", "uuid": "uuid", "int": "bigint", "bool": "boolean", "decimal": "numeric",
    "date": "date", "datetime": "timestamptz", "time": "time",
}  # fmt: skip


class EntityScope:
    """A row of `entity` under an alias; refs are walked by scalar subselects. The SqlScope of core.expr."""

    def __init__(self, world: World, entity: Entity, alias: str, params: Params) -> None:
        self.world = world
        self.entity = entity
        self.alias = alias
        self.params = params

    @property
    def dialect_name(self) -> str:
        return self.params.dialect.name

    def column(self, path: tuple[str, ...]) -> tuple[str, Type]:
        field = all_fields(self.entity)[path[0]]
        if len(path) > 1:
            return self._walk(field, path)
        found = type_of(field)
        assert found is not None  # the check of the manifest admits no points
        if isinstance(field, Computed) and not field.stored:
            return field.sql(self), found
        return self.name(field.columns()[0].name), found

    def name(self, column: str) -> str:
        """A column of this very row."""
        return f"{self.alias}.{quote(column)}"

    def _walk(self, field: object, path: tuple[str, ...]) -> tuple[str, Type]:
        target = self.world.entity(field.to) if isinstance(field, Ref) else None
        if target is None or not isinstance(field, Ref):
            raise KeyError(".".join(path))
        alias = f"{self.alias}_{field.name}"
        sql, found = EntityScope(self.world, target, alias, self.params).column(path[1:])
        here = self.name(field.column_name)
        return f"(SELECT {sql} FROM {quote(target.table)} {alias} WHERE {alias}.id = {here})", found

    def const(self, value: Any, type: Type) -> str:
        return self._param(Const(value), type)

    def me(self, name: str, type: Type) -> str:
        return self._param(Me(name), type)

    def in_me(self, sql: str, name: str, type: Type) -> str:
        column = Column(name, "text")
        return self.params.dialect.in_list(sql, self.params.add(Me(name), column, many=True), column)

    def now(self) -> str:
        return self._param(Now(), Type("datetime"))

    def _param(self, source: Source, type: Type) -> str:
        if type.kind == "list" or type.kind == "null":
            raise AssertionError(type.kind)
        placeholder = self.params.add(source, Column("value", type.kind, type.scale))
        return f"CAST({placeholder} AS {CASTS[type.kind]})" if self.dialect_name == "postgres" else placeholder
