"""Rows of the engine's own tables as typed values. A dataclass with slots names its table; its fields are columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import make_dataclass
from typing import Any, TypeVar, cast

from core.fields.column import Table
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect, Loader, quote
from core.store.statement import statement

#: A frozen dataclass with slots and `TABLE: ClassVar[Table]`.
R = TypeVar("R", bound=Any)
#: By dialect and type: the places whose driver values are no canonical ones with what turns them, and what makes a row.
_HOW: dict[tuple[str, Any], tuple[tuple[tuple[int, Loader], ...], Callable[..., Any]]] = {}

_TWINS: dict[Any, Callable[..., Any]] = {}


def columns(kind: Any, alias: str = "") -> str:
    head = f"{alias}." if alias else ""
    return ", ".join([f"{head}{quote(name)}" for name in kind.__slots__])


def load(dialect: Dialect, kind: type[R], row: Sequence[Any]) -> R:
    """A driver row of `columns(kind)`."""
    turns, make = _HOW.get((dialect.name, kind)) or _how(dialect, kind)
    values = list(row)
    for place, turn in turns:
        if values[place] is not None:
            values[place] = turn(values[place])
    return cast("R", make(*values))


def named(kind: type[R], row: Mapping[str, Any]) -> R:
    """Canonical values by name, and perhaps others."""
    found: R = kind(**{name: row[name] for name in kind.__slots__})
    return found


def _how(dialect: Dialect, kind: Any) -> tuple[tuple[tuple[int, Loader], ...], Callable[..., Any]]:
    found = [dialect.loader(kind.TABLE.column(name)) for name in kind.__slots__]
    turns = tuple((place, turn) for place, turn in enumerate(found) if turn is not None)
    return _HOW.setdefault((dialect.name, kind), (turns, _twin(kind)))


def _twin(kind: Any) -> Callable[..., Any]:
    """A frozen dataclass sets each field by a call, two thirds of loading a row: so it is made by a twin that is not
    frozen, and is what it should be from then on."""
    if kind in _TWINS:
        return _TWINS[kind]
    twin = make_dataclass(kind.__name__, kind.__slots__, slots=True)

    def make(*values: Any) -> Any:
        row = twin(*values)
        row.__class__ = kind
        return row

    return _TWINS.setdefault(kind, make)


def changed(row: R, **new: Any) -> R:
    """The row with other values; as `dataclasses.replace`, at a third of its price."""
    kind = type(row)
    values = {**values_of(row), **new}
    assert len(values) == len(kind.__slots__), new
    return cast("R", _twin(kind)(*values.values()))


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
