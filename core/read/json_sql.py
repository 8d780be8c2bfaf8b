"""JSON made by the database: objects, arrays and constants, compact and in the order asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

import orjson

from core.store.dialect import Dialect, literal, quote

#: Key of an answer and the SQL expression of its value.
Pairs = Sequence[tuple[str, str]]


class JsonSql(Protocol):
    """`source` is what follows FROM; empty for a row of constants."""

    def object(self, pairs: Pairs, source: str = "") -> str:
        """One object, or null when `source` has no row."""
        ...

    def objects(self, pairs: Pairs, source: str) -> str:
        """An array of one object per row of `source`, in its order."""
        ...

    def boolean(self, sql: str) -> str: ...

    def constant(self, value: Any) -> str: ...

    def text(self, value: str) -> str:
        """A constant text."""
        ...

    def either(self, first: str, text: str, other: str) -> str:
        """The text where `first` is not null, else the other value, of whatever kind."""
        ...

    def degrees(self, sql: str) -> str:
        """Ten-millionths of a degree as a number of degrees."""
        ...

    def only(self, sql: str, values: Iterable[str]) -> str:
        """A list of texts without those that are not among the values; null stays null."""
        ...

    def texts(self, sqls: Sequence[str]) -> str:
        """An array of those texts that are not null."""
        ...

    def array(self, sqls: Sequence[str]) -> str:
        """JSON array of the values."""
        ...

    def hex_array(self, sqls: Sequence[str]) -> str:
        """JSON array of the values, as hexadecimal text."""
        ...


#: No response key can be called so: `row_to_json(x)` means the column x where there is one.
_ROW = '"."'


def _from(source: str) -> str:
    return f" FROM {source}" if source else ""


class PostgresJson:
    """row_to_json over a subselect: the fastest form, without json_build_object's limit of 100 arguments."""

    def object(self, pairs: Pairs, source: str = "") -> str:
        return f"(SELECT row_to_json({_ROW}) FROM ({self._select(pairs, source)}) {_ROW})"

    def objects(self, pairs: Pairs, source: str) -> str:
        return f"array_to_json(ARRAY(SELECT row_to_json({_ROW}) FROM ({self._select(pairs, source)}) {_ROW}))"

    def boolean(self, sql: str) -> str:
        return f"({sql})"

    def constant(self, value: Any) -> str:
        return f"{literal(orjson.dumps(value).decode())}::json"

    def text(self, value: str) -> str:
        return f"{literal(value)}::text"

    def either(self, first: str, text: str, other: str) -> str:
        return f"CASE WHEN {first} IS NOT NULL THEN to_json({text}) ELSE to_json({other}) END"

    def degrees(self, sql: str) -> str:
        return f"({sql} / 10000000.0)::double precision"

    def only(self, sql: str, values: Iterable[str]) -> str:
        kept = f"SELECT coalesce(jsonb_agg(v), '[]') FROM jsonb_array_elements_text({sql}) v"
        return f"CASE WHEN {sql} IS NOT NULL THEN ({kept} WHERE v IN ({', '.join(map(literal, values))})) END"

    def texts(self, sqls: Sequence[str]) -> str:
        return f"array_to_json(array_remove(ARRAY[{', '.join(sqls)}]::text[], NULL))"

    def array(self, sqls: Sequence[str]) -> str:
        return f"json_build_array({', '.join(sqls)})"

    def hex_array(self, sqls: Sequence[str]) -> str:
        return f"encode(convert_to(json_build_array({', '.join(sqls)})::text, 'UTF8'), 'hex')"

    @staticmethod
    def _select(pairs: Pairs, source: str) -> str:
        return f"SELECT {', '.join(f'{sql} AS {quote(key)}' for key, sql in pairs)}{_from(source)}"


class SqliteJson:
    """json_object keeps nested JSON as JSON as long as nothing is materialised in between: it is built outermost."""

    #: SQLite takes 127 arguments of a function at most.
    PAIRS_MAX: ClassVar[int] = 60

    def object(self, pairs: Pairs, source: str = "") -> str:
        body = self._object(pairs)
        return f"(SELECT {body} FROM {source})" if source else body

    def objects(self, pairs: Pairs, source: str) -> str:
        return f"(SELECT json_group_array({self._object(pairs)}) FROM {source})"

    def boolean(self, sql: str) -> str:
        return f"CASE WHEN {sql} THEN json('true') ELSE json('false') END"

    def constant(self, value: Any) -> str:
        return f"json({literal(orjson.dumps(value).decode())})"

    def text(self, value: str) -> str:
        return literal(value)

    def either(self, first: str, text: str, other: str) -> str:
        return f"CASE WHEN {first} IS NOT NULL THEN {text} ELSE {other} END"

    def degrees(self, sql: str) -> str:
        return f"({sql} / 10000000.0)"

    def only(self, sql: str, values: Iterable[str]) -> str:
        kept = (
            f"SELECT json_group_array(value) FROM json_each({sql}) WHERE value IN ({', '.join(map(literal, values))})"
        )
        return f"CASE WHEN {sql} IS NOT NULL THEN ({kept}) END"

    def texts(self, sqls: Sequence[str]) -> str:
        return f"(SELECT json_group_array(value) FROM json_each(json_array({', '.join(sqls)})) WHERE value IS NOT NULL)"

    def array(self, sqls: Sequence[str]) -> str:
        return f"json_array({', '.join(sqls)})"

    def hex_array(self, sqls: Sequence[str]) -> str:
        return f"lower(hex(json_array({', '.join(sqls)})))"

    def _object(self, pairs: Pairs) -> str:
        if len(pairs) <= self.PAIRS_MAX:
            return self._plain(pairs)
        parts = [self._plain(pairs[i : i + self.PAIRS_MAX]) for i in range(0, len(pairs), self.PAIRS_MAX)]
        body = " || ',' || ".join(f"substr({part}, 2, length({part}) - 2)" for part in parts)
        return f"json('{{' || {body} || '}}')"

    @staticmethod
    def _plain(pairs: Pairs) -> str:
        return f"json_object({', '.join(f'{literal(key)}, {sql}' for key, sql in pairs)})"


def json_sql(dialect: Dialect) -> JsonSql:
    return SqliteJson() if dialect.name == "sqlite" else PostgresJson()
