"""Expressions over the rows of an entity in SQL: names become columns, `me` and constants become parameters."""

from __future__ import annotations

from typing import Any, Protocol

from core.expr import Expr, Type, typed_sql
from core.fields import all_fields
from core.fields.column import Column
from core.fields.made import Computed
from core.fields.refs import Ref
from core.manifest.model import Entity, World
from core.store.dialect import Dialect, quote
from core.store.sql import Const, Me, Now, Params, Source

#: Postgres must be told the type of a parameter that stands beside another parameter.
_CASTS = {
    "text": "text", "uuid": "uuid", "int": "bigint", "bool": "boolean", "decimal": "numeric",
    "date": "date", "datetime": "timestamptz", "time": "time",
}  # fmt: skip


class RowScope(Protocol):
    """One row of an entity, inside a statement."""

    dialect: Dialect

    def column(self, path: tuple[str, ...]) -> tuple[str, Column]:
        """The value of a field, or of a field of the row that refs lead to."""

    def param(self, source: Source, column: Column, *, many: bool = False) -> str: ...


class EntityScope:
    """The plain scope: a row of `entity` under an alias; refs are walked by scalar subselects."""

    def __init__(self, world: World, entity: Entity, alias: str, params: Params) -> None:
        self.world = world
        self.entity = entity
        self.alias = alias
        self.params = params
        self.dialect = params.dialect

    def column(self, path: tuple[str, ...]) -> tuple[str, Column]:
        field = all_fields(self.entity)[path[0]]
        if isinstance(field, Computed) and not field.stored:
            return f"({computed_sql(field, self)})", field.result_column
        column = field.columns()[0]
        here = f"{self.alias}.{quote(column.name)}"
        if len(path) == 1:
            return here, column
        target = self.world.entity(field.to) if isinstance(field, Ref) else None
        if target is None:
            raise KeyError(".".join(path))
        inner = EntityScope(self.world, target, f"{self.alias}_{path[0]}", self.params)
        sql, column = inner.column(path[1:])
        return f"(SELECT {sql} FROM {quote(target.table)} {inner.alias} WHERE {inner.alias}.id = {here})", column

    def param(self, source: Source, column: Column, *, many: bool = False) -> str:
        return self.params.add(source, column, many=many)


def expr_sql(expr: Expr, scope: RowScope) -> str:
    """SQL of a checked expression."""
    return typed_sql(expr, _ExprScope(scope))[0]


def computed_sql(field: Computed, scope: RowScope) -> str:
    """SQL of a computed field, in the form of its declared column."""
    sql, found = typed_sql(field.expression, _ExprScope(scope))
    column = field.result_column
    if column.kind == "decimal" and scope.dialect.name == "sqlite" and found.scale != column.scale:
        return f"({sql} * {10 ** (column.scale - found.scale)})"
    if column.kind == "decimal" and scope.dialect.name == "postgres":
        return f"CAST({sql} AS numeric(38,{column.scale}))"
    return sql


class _ExprScope:
    """A row scope as core.expr wants it."""

    def __init__(self, scope: RowScope) -> None:
        self._scope = scope
        self.dialect_name: str = scope.dialect.name

    def column(self, path: tuple[str, ...]) -> tuple[str, Type]:
        sql, column = self._scope.column(path)
        return sql, Type("list") if column.kind == "json" else Type(column.kind, column.scale)

    def const(self, value: Any, type: Type) -> str:
        return self._param(Const(value), type)

    def me(self, name: str, type: Type) -> str:
        return self._param(Me(name), type)

    def in_me(self, sql: str, name: str, type: Type) -> str:
        column = Column(name, "text")
        return self._scope.dialect.in_list(sql, self._scope.param(Me(name), column, many=True), column)

    def now(self) -> str:
        return self._param(Now(), Type("datetime"))

    def _param(self, source: Source, type: Type) -> str:
        if type.kind == "list" or type.kind == "null":
            raise AssertionError(type.kind)
        placeholder = self._scope.param(source, Column("value", type.kind, type.scale))
        return f"CAST({placeholder} AS {_CASTS[type.kind]})" if self.dialect_name == "postgres" else placeholder
