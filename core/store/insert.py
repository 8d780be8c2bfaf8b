"""Rows to write, and their SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from core.fields.column import Table
from core.store.dialect import Dialect, bind_all, quote

CASTS = {
    "text": "text", "uuid": "uuid", "int": "bigint", "bool": "boolean", "decimal": "numeric",
    "date": "date", "datetime": "timestamptz", "time": "time", "json": "jsonb",
}  # fmt: skip
#: More rows than this are sent as a batch inside a transaction: statements must not grow without end.
ONE_STATEMENT_ROWS = 8


@dataclass(frozen=True, slots=True)
class Insert:
    """One row to write; values are canonical, a column left out is null."""

    table: Table
    values: Mapping[str, Any]

    @property
    def shape(self) -> tuple[str, tuple[str, ...]]:
        return self.table.name, tuple(self.values)


def bind_row(dialect: Dialect, row: Insert) -> list[Any]:
    columns = row.table.by_name
    return bind_all(dialect, [columns[name] for name in row.values], row.values.values())


def one_statement(dialect: Dialect, rows: Sequence[Insert]) -> tuple[str, list[Any]]:
    """All rows in one statement; Postgres only when there are several."""
    args = [value for row in rows for value in bind_row(dialect, row)]
    return _text(dialect.name, tuple(row.shape for row in rows)), args


def in_groups(dialect: Dialect, rows: Sequence[Insert]) -> Iterator[tuple[str, list[list[Any]]]]:
    """Rows in order, neighbours of one shape together: what `executemany` takes."""
    for shape, group in groupby(rows, key=lambda row: row.shape):
        yield _text(dialect.name, (shape,)), [bind_row(dialect, row) for row in group]


@lru_cache(4096)
def _text(dialect: str, shapes: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    parts, number = [], 0
    for table, names in shapes:
        sign = "?" if dialect == "sqlite" else "$"
        marks = ", ".join(f"{sign}{number + i}" for i in range(1, len(names) + 1))
        number += len(names)
        parts.append(f"INSERT INTO {quote(table)} ({', '.join(map(quote, names))}) VALUES ({marks})")
    *heads, last = parts
    chain = ", ".join(f"r{i} AS ({head})" for i, head in enumerate(heads))
    return f"WITH {chain} {last}" if chain else last


def after(first: str, used: int, rows: Sequence[Insert]) -> str:
    """Postgres: a statement of `used` parameters and, for each row it answers, these rows; all in one. It answers what
    the first one does."""
    parts, number = [], used
    for row in rows:
        columns = [row.table.by_name[name] for name in row.values]
        marks = ", ".join(f"CAST(${number + i} AS {CASTS[column.kind]})" for i, column in enumerate(columns, 1))
        number += len(columns)
        names = ", ".join(quote(column.name) for column in columns)
        parts.append(f"INSERT INTO {quote(row.table.name)} ({names}) SELECT {marks} FROM f")
    chain = ", ".join(f"r{i} AS ({part})" for i, part in enumerate(parts))
    return f"WITH f AS ({first}), {chain} SELECT * FROM f"
