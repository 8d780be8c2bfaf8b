"""Statements inside one transaction, the same on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import asyncpg

from core.store import postgres, sqlite
from core.store.insert import Insert, in_groups
from core.store.pool import Connection

Args = Sequence[Any]


#: Told how a transaction ended: committed, rolled back, or None when nobody knows (the commit itself failed).
Ended = Callable[[bool | None], None]


class Transaction(Protocol):
    """Given by `Database.transaction()`; of no use after it ended."""

    #: Called once it has ended, a nested one with what encloses it. They must not raise.
    ended: list[Ended]

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        """All rows, as tuples of driver values."""
        ...

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        """First column of the first row, None without one."""
        ...

    async def execute(self, sql: str, args: Args = ()) -> int:
        """Number of rows changed."""
        ...

    async def insert(self, rows: Sequence[Insert]) -> None:
        """Write rows in order."""
        ...


class SqliteTransaction:
    def __init__(self, engine: sqlite.SqliteEngine) -> None:
        self._engine = engine
        self.ended: list[Ended] = []

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        return await self._engine.in_writer(lambda: _guarded(self._engine.connection, sql, args).fetchall())

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        rows = await self.fetch(sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, args: Args = ()) -> int:
        return await self._engine.in_writer(lambda: _guarded(self._engine.connection, sql, args).rowcount)

    async def insert(self, rows: Sequence[Insert]) -> None:
        await self._engine.in_writer(lambda: insert_all(self._engine, rows))


def insert_all(engine: sqlite.SqliteEngine, rows: Sequence[Insert]) -> None:
    """Runs in the writer thread."""
    for sql, many in in_groups(engine.dialect, rows):
        try:
            engine.connection.executemany(sql, many)
        except sqlite3.IntegrityError as error:
            raise sqlite.translate(error) from error


def _guarded(connection: sqlite3.Connection, sql: str, args: Args) -> sqlite3.Cursor:
    try:
        return connection.execute(sql, args)
    except sqlite3.IntegrityError as error:
        raise sqlite.translate(error) from error


class PostgresTransaction:
    def __init__(self, engine: postgres.PostgresEngine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection
        self.ended: list[Ended] = []

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        try:
            return list(await self._connection.fetch(sql, *args))
        except asyncpg.PostgresError as error:
            raise postgres.translate(error) from error

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        rows = await self.fetch(sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, args: Args = ()) -> int:
        try:
            status: str = await self._connection.execute(sql, *args)
        except asyncpg.PostgresError as error:
            raise postgres.translate(error) from error
        # "INSERT 0 3", "UPDATE 3", "CREATE TABLE"
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def insert(self, rows: Sequence[Insert]) -> None:
        for sql, many in in_groups(self._engine.dialect, rows):
            try:
                await self._connection.executemany(sql, many)
            except asyncpg.PostgresError as error:
                raise postgres.translate(error) from error
