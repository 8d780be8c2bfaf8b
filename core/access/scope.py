"""Expressions over the rows of an entity in SQL: names become columns, `me` and constants become parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from core.access.asks import ASKS, known
from core.expr import Expr, Type, to_sql
from core.expr.tree import Call
from core.expr.types import ASKED
from core.fields import all_fields
from core.fields.base import Field
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
        #: Rows that variables of macros stand for.
        self.bound: Mapping[str, EntityScope] = {}

    @property
    def dialect_name(self) -> str:
        return self.params.dialect.name

    def sql(self, expr: Expr) -> str:
        return to_sql(expr, self)

    def column(self, path: tuple[str, ...]) -> tuple[str, Type]:
        if path[0] in self.bound:
            return self.bound[path[0]].column(path[1:])
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

    def _walk(self, field: Field, path: tuple[str, ...]) -> tuple[str, Type]:
        inner, source = self._target(field)
        sql, found = inner.column(path[1:])
        return f"(SELECT {sql} FROM {source})", found

    def exists(self, ref_name: str, condition: Callable[[EntityScope], str]) -> str:
        """Whether the row a ref leads to is there and the condition holds for it."""
        inner, source = self._target(all_fields(self.entity)[ref_name])
        return f"EXISTS (SELECT 1 FROM {source} AND {condition(inner)})"

    def _target(self, ref: Field) -> tuple[EntityScope, str]:
        """The row a ref leads to, and the FROM and WHERE that find it."""
        target = self.world.entity(ref.to) if isinstance(ref, Ref) else None
        if target is None or not isinstance(ref, Ref):
            raise KeyError(ref.name)
        # One underscore per step: names of refs could grow beyond what Postgres tells apart.
        inner = EntityScope(self.world, target, f"{self.alias}_", self.params)
        return inner, f"{quote(target.table)} {inner.alias} WHERE {inner.name('id')} = {self.name(ref.column_name)}"

    def beside(self, entity: Entity) -> EntityScope:
        """A row of another entity in a query inside this one."""
        # Bound rows are named by their number: a walk inside the condition must not hide one of them.
        return EntityScope(self.world, entity, f"{self.alias}x{len(self.bound)}", self.params)

    def ask(self, expr: Call, arguments: Sequence[str]) -> str:
        """The SqlScope's; an argument is repeated."""
        answer = ASKS[expr.function](self, expr, arguments)
        return f"(CASE WHEN {known(self, ASKED[expr.function], arguments)} THEN {answer} END)"

    def either(self, _fact: str, yes: str, _no: str) -> str:
        """Two ways to say one thing, of which a fact about the caller tells the faster; here the first always."""
        return yes

    def among(self, path: tuple[str, ...], variable: str, condition: Callable[[EntityScope], str]) -> str:
        found = self.some(path, variable, condition)
        unknown = self.some(path, variable, lambda inner: f"({condition(inner)}) IS NULL")
        return f"(CASE WHEN {found} THEN TRUE WHEN NOT {unknown} THEN FALSE END)"

    def some(self, path: tuple[str, ...], variable: str, condition: Callable[[EntityScope], str]) -> str:
        """Whether the condition is true for one of the rows an inverse lists; false where `among` is unknown."""
        many, ref, owner = self._inverse(path)
        row = self.beside(many)
        inner = copy(self)
        inner.bound = {**self.bound, variable: row}
        link = f"{row.name(ref.column_name)} = {owner} AND {row.name('deleted_at')} IS NULL"
        return f"EXISTS (SELECT 1 FROM {quote(many.table)} {row.alias} WHERE {link} AND {condition(inner)})"

    def _inverse(self, path: tuple[str, ...]) -> tuple[Entity, Ref, str]:
        """The entity an inverse lists, its ref that points back, and the id it points to."""
        if path[0] in self.bound:
            return self.bound[path[0]]._inverse(path[1:])
        owner = self.name("id") if len(path) == 1 else self.column(path[:-1])[0]
        entity = self.entity
        for step in path[:-1]:
            ref = entity.fields[step]
            assert isinstance(ref, Ref)
            entity = self.world.entities[ref.to]
        found = self.world.inverse(entity, path[-1])
        assert found is not None  # the check of the manifest has seen it
        return (*found, owner)

    def const(self, value: Any, type: Type) -> str:
        return self._param(Const(value), type)

    def me(self, name: str, type: Type) -> str:
        return self._param(Me(name), type)

    def within(self, sql: str, name: str) -> str:
        first, last = (self.me(f"{name}_{end}", Type("text")) for end in ("first", "last"))
        collate = ' COLLATE "C"' if self.dialect_name == "postgres" else ""
        return f"({sql}{collate} BETWEEN {first} AND {last})"

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
