"""The two SQL dialects, as far as the rest of core must know them: parameters, values, JSON built by the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import orjson

from core.fields.column import Column, Kind

#: Canonical value of a column to driver value; never asked about None.
Binder = Callable[[Column, Any], Any]
#: And back.
Loader = Callable[[Any], Any]


@lru_cache(1024)
def datetime_text(value: datetime) -> str:
    """The one text of an instant: UTC, milliseconds, Z. The same one goes to many columns."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Dialect(Protocol):
    """What differs between databases. `sql` arguments are SQL expressions, never values."""

    name: ClassVar[str]
    #: Kinds whose driver value is not the canonical one.
    binders: ClassVar[Mapping[Kind, Binder]]

    def placeholder(self, number: int) -> str:
        """Parameter number (from 1); the same number may appear twice in one statement."""
        ...

    def column_type(self, column: Column) -> str: ...

    def loader(self, column: Column) -> Loader | None:
        """What turns driver values of a column into canonical ones; None: they are the same."""
        ...

    def load(self, column: Column, raw: Any) -> Any:
        """Driver value to canonical value."""
        ...

    def is_raw(self, column: Column, value: Any) -> bool:
        """Whether the value is a driver value that `load` must turn into a canonical one."""
        ...

    def json_value(self, column: Column, sql: str) -> str:
        """An expression whose JSON text inside json_object is the text of the answer."""
        ...

    def json_object(self, pairs: Sequence[tuple[str, str]]) -> str: ...

    def json_array(self, sql: str, order: str = "") -> str:
        """Aggregate of JSON values, "[]" for none."""
        ...

    def in_list(self, sql: str, placeholder: str, column: Column) -> str:
        """`sql` equals one element of a list bound as one parameter by `bind_list`."""
        ...

    def bind_list(self, column: Column, values: Sequence[Any]) -> Any: ...


def bind(dialect: Dialect, column: Column, value: Any) -> Any:
    """Canonical value to driver value."""
    return bind_all(dialect, (column,), (value,))[0]


def bind_all(dialect: Dialect, columns: Iterable[Column], values: Iterable[Any]) -> list[Any]:
    """The same for a row."""
    binders = dialect.binders
    return [
        value if value is None or column.kind not in binders else binders[column.kind](column, value)
        for column, value in zip(columns, values, strict=True)
    ]


def _json_text(_: Column, value: Any) -> str:
    return orjson.dumps(value).decode()


def quote(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Sqlite:
    """Text for times and decimals-as-scaled-integers, so that order, sums and indexes are exact."""

    name: ClassVar[str] = "sqlite"
    #: The declared name tells kinds apart for the DDL engine; its TEXT or INTEGER part is the affinity SQLite reads.
    TYPES: ClassVar[dict[Kind, str]] = {
        "text": "TEXT", "uuid": "TEXT_UUID", "int": "INTEGER", "bool": "INTEGER_BOOL", "decimal": "INTEGER_DECIMAL",
        "date": "TEXT_DATE", "datetime": "TEXT_DATETIME", "time": "TEXT_TIME", "json": "TEXT_JSON",
    }  # fmt: skip

    binders: ClassVar[Mapping[Kind, Binder]] = {
        "bool": lambda _, value: int(value),
        "decimal": lambda column, value: int(Decimal(value).scaleb(column.scale)),
        "date": lambda _, value: value.isoformat(),
        "datetime": lambda _, value: datetime_text(value),
        "time": lambda _, value: value.isoformat("seconds"),
        "json": _json_text,
    }
    loaders: ClassVar[Mapping[Kind, Loader]] = {
        "bool": bool, "date": date.fromisoformat, "datetime": datetime.fromisoformat, "time": time.fromisoformat,
        "json": orjson.loads,
    }  # fmt: skip

    def placeholder(self, number: int) -> str:
        return f"?{number}"

    def column_type(self, column: Column) -> str:
        return f"INTEGER_DECIMAL_{column.scale}" if column.kind == "decimal" else self.TYPES[column.kind]

    def is_raw(self, column: Column, value: Any) -> bool:
        match column.kind:
            case "decimal":
                return isinstance(value, int)
            case "bool":
                return type(value) is int
            case "date" | "datetime" | "time" | "json":
                return isinstance(value, str)
            case _:
                return False

    def loader(self, column: Column) -> Loader | None:
        if column.kind == "decimal":
            return lambda raw: Decimal(raw).scaleb(-column.scale)
        return self.loaders.get(column.kind)

    def load(self, column: Column, raw: Any) -> Any:
        turn = None if raw is None else self.loader(column)
        return turn(raw) if turn else raw

    def json_value(self, column: Column, sql: str) -> str:
        match column.kind:
            case "bool":
                return f"CASE {sql} WHEN 1 THEN json('true') WHEN 0 THEN json('false') END"
            case "json":
                return f"json({sql})"
            case "decimal" if column.scale == 0:
                return f"CAST({sql} AS TEXT)"
            case "decimal":
                unit = 10**column.scale
                whole, part = f"abs({sql}) / {unit}", f"abs({sql}) % {unit}"
                sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
                text = f"{sign} || printf('%d.%0{column.scale}d', {whole}, {part})"
                return f"CASE WHEN {sql} IS NULL THEN NULL ELSE {text} END"
            case _:
                return sql

    def json_object(self, pairs: Sequence[tuple[str, str]]) -> str:
        return f"json_object({', '.join(f'{literal(key)}, {sql}' for key, sql in pairs)})"

    def json_array(self, sql: str, order: str = "") -> str:
        return f"json_group_array({sql})"

    def in_list(self, sql: str, placeholder: str, column: Column) -> str:
        return f"{sql} IN (SELECT value FROM json_each({placeholder}))"

    def bind_list(self, column: Column, values: Sequence[Any]) -> Any:
        return orjson.dumps([bind(self, column, v) for v in values]).decode()


class Postgres:
    """Native types; text in the C collation, so that order and prefix ranges are the same as on SQLite."""

    name: ClassVar[str] = "postgres"
    TYPES: ClassVar[dict[Kind, str]] = {
        "text": 'text COLLATE "C"', "uuid": "uuid", "int": "bigint", "bool": "boolean", "decimal": "numeric",
        "date": "date", "datetime": "timestamptz(3)", "time": "time(0)", "json": "jsonb",
    }  # fmt: skip
    #: Array types of list parameters.
    ARRAYS: ClassVar[dict[Kind, str]] = {
        "text": "text[]", "uuid": "uuid[]", "int": "bigint[]", "bool": "boolean[]", "decimal": "numeric[]",
        "date": "date[]", "datetime": "timestamptz[]", "time": "time[]", "json": "jsonb[]",
    }  # fmt: skip

    binders: ClassVar[Mapping[Kind, Binder]] = {"json": _json_text}
    # asyncpg says UTC already.
    loaders: ClassVar[Mapping[Kind, Loader]] = {"uuid": str, "json": orjson.loads}

    def placeholder(self, number: int) -> str:
        return f"${number}"

    def column_type(self, column: Column) -> str:
        return f"numeric(38,{column.scale})" if column.kind == "decimal" else self.TYPES[column.kind]

    def is_raw(self, column: Column, value: Any) -> bool:
        return isinstance(value, str) if column.kind == "json" else not isinstance(value, str)

    def loader(self, column: Column) -> Loader | None:
        return self.loaders.get(column.kind)

    def load(self, column: Column, raw: Any) -> Any:
        turn = None if raw is None else self.loader(column)
        return turn(raw) if turn else raw

    def json_value(self, column: Column, sql: str) -> str:
        match column.kind:
            case "decimal":
                return f"({sql})::text"
            case "datetime":
                return f"""to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
            case _:
                return sql

    def json_object(self, pairs: Sequence[tuple[str, str]]) -> str:
        return f"json_build_object({', '.join(f'{literal(key)}, {sql}' for key, sql in pairs)})"

    def json_array(self, sql: str, order: str = "") -> str:
        return f"coalesce(json_agg({sql}{f' ORDER BY {order}' if order else ''}), '[]'::json)"

    def in_list(self, sql: str, placeholder: str, column: Column) -> str:
        return f"{sql} = ANY({placeholder}::{self.ARRAYS[column.kind]})"

    def bind_list(self, column: Column, values: Sequence[Any]) -> Any:
        return [bind(self, column, v) for v in values]
