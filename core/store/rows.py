"""Rows of the engine's own tables as typed values. A dataclass with slots names its table; its fields are columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from core.fields.column import Column, Table
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect, quote
from core.store.statement import statement

#: A frozen dataclass with slots and `TABLE: ClassVar[Table]`.
R = TypeVar("R", bound=Any)
#: By dialect and type: the places whose driver values are no canonical ones.
_RAW: dict[tuple[str, Any], tuple[tuple[int, Column], ...]] = {}


def columns(kind: Any, alias: str = "") -> str:
    head = f"{alias}." if alias else ""
    return ", ".join([f"{head}{quote(name)}" for name in kind.__slots__])


def load(dialect: Dialect, kind: type[R], row: Sequence[Any]) -> R:
    """A driver row of `columns(kind)`."""
    values = list(row)
    raw = _RAW.get((dialect.name, kind))
    for place, column in _raw(dialect, kind) if raw is None else raw:
        if values[place] is not None:
            values[place] = dialect.load(column, values[place])
    found: R = kind(*values)
    return found


def named(kind: type[R], row: Mapping[str, Any]) -> R:
    """Canonical values by name, and perhaps others."""
    found: R = kind(**{name: row[name] for name in kind.__slots__})
    return found


def _raw(dialect: Dialect, kind: Any) -> tuple[tuple[int, Column], ...]:
    # asyncpg gives instants in UTC.
    same = {"text", "int", *(("bool", "datetime") if dialect.name == "postgres" else ("uuid",))}
    found = [kind.TABLE.column(name) for name in kind.__slots__]
    raw = tuple((place, column) for place, column in enumerate(found) if column.kind not in same)
    return _RAW.setdefault((dialect.name, kind), raw)


async def read(
    source: Database | Transaction, dialect: Dialect, kind: type[R], where: str, /, **values: Any
) -> list[R]:
    """Rows of a type; `where` may go on with ORDER BY, LIMIT and locks."""
    text = f"SELECT {columns(kind)} FROM {kind.TABLE.name} WHERE {where}"
    found = await source.fetch(*statement(dialect, kind.TABLE, text, **values))
    return [load(dialect, kind, row) for row in found]


async def change(
    tx: Transaction, dialect: Dialect, table: Table, new: Mapping[str, Any], where: str, /, **by: Any
) -> int:
    """UPDATE with typed values; the number of rows changed."""
    sets = ", ".join(f"{quote(name)} = {{new_{name}:{name}}}" for name in new)
    values = {f"new_{name}": value for name, value in new.items()}
    return await tx.execute(*statement(dialect, table, f"UPDATE {table.name} SET {sets} WHERE {where}", **values, **by))


def values_of(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def insert(row: Any) -> Insert:
    return Insert(row.TABLE, values_of(row))


def lock(dialect: Dialect, kind: str = "FOR UPDATE") -> str:
    """SQLite has one writer and needs none."""
    return f" {kind}" if dialect.name == "postgres" else ""
