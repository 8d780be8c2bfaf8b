"""Aggregates: groups of rows the caller may see, counted and summed by the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from core.fields import all_fields
from core.fields.base import Field
from core.fields.choices import Enum
from core.fields.column import Column
from core.fields.places import LEVELS
from core.read.columns import column_of
from core.read.filters import where_sql
from core.read.paging import leaf
from core.read.picks import column_key
from core.read.rows import Rows, listed
from core.read.selection import Leaf, Request, Tree

#: More groups than any chart shows.
GROUPS_MAX = 1000
#: Decimals of an average beyond those of the field.
AVG_DIGITS = 2
_DIVISION_CHARS = 12
_TRUNC = {"DAY": "day", "WEEK": "week", "MONTH": "month", "YEAR": "year"}
_SQLITE_STEPS = {
    "DAY": "",
    "WEEK": ", 'weekday 0', '-6 days'",
    "MONTH": ", 'start of month'",
    "YEAR": ", 'start of year'",
}


class Groups:
    def __init__(self, request: Request, rows: Rows, arguments: dict[str, Tree]) -> None:
        self._request = request
        self._rows = rows
        self._dialect = rows.statement.dialect
        self._json = rows.statement.json
        #: Field name to column and SQL of the group's value.
        self._keys: dict[str, tuple[Column, str]] = {}
        tree = arguments.get("groupBy")
        for item in tree if isinstance(tree, list) else []:
            self._add_key(item)

    def _add_key(self, item: Any) -> None:
        name = str(leaf(item["field"]))
        field = all_fields(self._rows.entity)[name]
        self._rows.look(field)
        self._keys[name] = self._key(field, leaf(item.get("bucket")), leaf(item.get("level")))

    def _key(self, field: Field, bucket: str | None, level: str | None) -> tuple[Column, str]:
        column, sql = column_of(field), self._rows.clear(field)
        assert column is not None
        if column.kind == "datetime" or (column.kind == "date" and bucket):
            return Column(field.name, "date"), self._time_key(field, sql, bucket)
        if field.type == "division" and level:
            digits = LEVELS[level.lower()]
            return column, f"(substr({sql}, 1, {digits}) || '{'0' * (_DIVISION_CHARS - digits)}')"
        if isinstance(field, Enum):
            return column, listed(field.values, sql)
        return column, sql

    def _time_key(self, field: Field, sql: str, bucket: str | None) -> str:
        return self._bucket(sql, field.type != "date", bucket or "DAY")

    def _bucket(self, sql: str, is_instant: bool, bucket: str) -> str:
        """First day of the bucket on the county's clock, +08:00."""
        if self._dialect.name == "sqlite":
            shift = ", '+8 hours'" if is_instant else ""
            return f"date({sql}{shift}{_SQLITE_STEPS[bucket]})"
        local = f"({sql} AT TIME ZONE 'UTC' + interval '8 hours')" if is_instant else f"{sql}::timestamp"
        return f"date_trunc('{_TRUNC[bucket]}', {local})::date"

    def sql(self, definition: GraphQLField, nodes: Sequence[FieldNode], arguments: dict[str, Tree]) -> str:
        where_type: Any = definition.args["where"].type
        where = where_sql(self._rows.statement, self._rows, where_type, arguments.get("where", Leaf(None)), ("where",))
        inner: list[str] = []
        pairs = [
            (column_key(key), self._value(definition, found, inner))
            for key, found in self._fields(definition, nodes).items()
        ]
        keys = [sql for _, sql in self._keys.values()]
        inner = [f"{sql} AS k{i}" for i, sql in enumerate(keys)] + inner
        condition = f"{self._rows.predicate()} AND {where}"
        source = f"SELECT {', '.join(inner) or '1'} FROM {self._rows.source} WHERE {condition}"
        if keys:
            numbers = [str(i + 1) for i in range(len(keys))]
            nulls = ", ".join(f"{n} NULLS FIRST" for n in numbers)
            source += f" GROUP BY {', '.join(numbers)} ORDER BY {nulls} LIMIT {GROUPS_MAX}"
        return self._json.objects(pairs, f"({source}) g")

    def _fields(self, definition: GraphQLField, nodes: Sequence[FieldNode]) -> dict[str, list[FieldNode]]:
        selections = [node.selection_set for node in nodes if node.selection_set]
        return self._request.fields(_object(definition), selections)

    def _value(self, definition: GraphQLField, nodes: list[FieldNode], inner: list[str]) -> str:
        type_ = _object(definition)
        part = nodes[0].name.value
        if part == "__typename":
            return self._json.text(type_.name)
        if part == "count":
            return self._count(inner)
        field = type_.fields[part]
        pairs = [
            (column_key(key), self._part(part, _object(field), found[0].name.value, inner))
            for key, found in self._fields(field, nodes).items()
        ]
        return self._json.object(pairs)

    def _part(self, part: str, type_: GraphQLObjectType, name: str, inner: list[str]) -> str:
        if name == "__typename":
            return self._json.text(type_.name)
        field: Field = type_.fields[name].extensions["field"]
        if part == "key":
            return self._key_value(field)
        return self._number(part, field, inner)

    def _count(self, inner: list[str]) -> str:
        return self._aggregate("count(*)", inner)

    def _number(self, part: str, field: Field, inner: list[str]) -> str:
        self._rows.look(field)
        column, sql = column_of(field), self._rows.clear(field)
        assert column is not None
        if part == "avg":
            return self._mean(column, f"sum({sql})", f"count({sql})", inner)
        # A sum of 64-bit integers is a numeric on Postgres; its text is that of the integer.
        return self._dialect.json_value(column, self._aggregate(f"{part}({sql})", inner))

    def _key_value(self, field: Field) -> str:
        if field.name not in self._keys:
            return "NULL"
        column, _ = self._keys[field.name]
        return self._dialect.json_value(column, f"g.k{list(self._keys).index(field.name)}")

    def _mean(self, column: Column, total: str, count: str, inner: list[str]) -> str:
        scale = column.scale if column.kind == "decimal" else 0
        average = Column(column.name, "decimal", scale + AVG_DIGITS)
        if self._dialect.name == "postgres":
            exact = f"round(CAST({total} AS numeric) / nullif({count}, 0), {average.scale})"
            return self._dialect.json_value(average, self._aggregate(exact, inner))
        # Whole numbers only, rounded half away from zero as Postgres does.
        total, count = self._aggregate(total, inner), self._aggregate(count, inner)
        rounded = f"((abs({total}) * {2 * 10**AVG_DIGITS} + {count}) / (2 * {count}))"
        return self._dialect.json_value(average, f"(CASE WHEN {total} < 0 THEN -1 ELSE 1 END * {rounded})")

    def _aggregate(self, sql: str, inner: list[str]) -> str:
        found = f"{sql} AS a{len(inner)}"
        inner.append(found)
        return f"g.a{len(inner) - 1}"


def _object(field: GraphQLField) -> GraphQLObjectType:
    named = get_named_type(field.type)
    assert isinstance(named, GraphQLObjectType)
    return named
