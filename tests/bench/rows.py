"""Fill tables fast: COPY on Postgres, executemany without waiting for the disk on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import asyncpg

from core.fields.column import Column, Table
from core.store.dialect import Dialect, Postgres, Sqlite, bind, quote
from tests.bench.data import Row

CHUNK = 20_000
Fill = tuple[Table, Iterable[Row]]


async def fill(url: str, schema: str | None, fills: Iterable[Fill]) -> None:
    """Insert canonical rows and let the database count them."""
    if url.startswith("sqlite"):
        _fill_sqlite(url.removeprefix("sqlite:///"), fills)
    else:
        await _fill_postgres(url, schema, fills)


def _fill_sqlite(path: str, fills: Iterable[Fill]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        for table, rows in fills:
            names = ", ".join(quote(column.name) for column in table.columns)
            marks = ", ".join("?" * len(table.columns))
            connection.execute("BEGIN")
            connection.executemany(
                f"INSERT INTO {quote(table.name)} ({names}) VALUES ({marks})", _records(Sqlite(), table, rows)
            )
            connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _fill_postgres(url: str, schema: str | None, fills: Iterable[Fill]) -> None:
    connection = await asyncpg.connect(
        url, server_settings={"search_path": schema or "public", "synchronous_commit": "off"}
    )
    try:
        for table, rows in fills:
            names = [column.name for column in table.columns]
            records = _records(Postgres(), table, rows)
            while chunk := list(islice(records, CHUNK)):
                await connection.copy_records_to_table(table.name, columns=names, records=chunk, schema_name=schema)
            await connection.execute(f"VACUUM ANALYZE {quote(table.name)}")
    finally:
        await connection.close()


def _records(dialect: Dialect, table: Table, rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    writers = [(column.name, _writer(dialect, column)) for column in table.columns]
    for row in rows:
        yield tuple(write(row.get(name)) for name, write in writers)


def _writer(dialect: Dialect, column: Column) -> Callable[[Any], Any]:
    def write(value: Any) -> Any:
        return bind(dialect, column, column.default if value is None and not column.null else value)

    plain = column.kind in ("text", "uuid", "int") and column.null
    return (lambda value: value) if plain else write
