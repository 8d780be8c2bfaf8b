"""Statements inside one transaction, the same on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import asyncpg

from core.store import postgres, sqlite
from core.store.insert import ONE_STATEMENT_ROWS, Insert, in_groups, one_statement
from core.store.pool import Connection
from core.store.sqlite_calls import translate

Args = Sequence[Any]


#: Told how a transaction ended: committed, rolled back, or None when nobody knows (the commit itself failed).
Ended = Callable[[bool | None], None]
Closing = Callable[[], Awaitable[None]]


class Transaction(Protocol):
    """Given by `Database.transaction()`; of no use after it ended."""

    #: Done before it is committed (a nested one: before its savepoint goes); an error rolls it back.
    closing: list[Closing]
    #: Nothing can be added any more.
    is_over: bool
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
        self.is_over = False
        self.closing: list[Closing] = []
        self.ended: list[Ended] = []

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        engine = self._engine
        return await engine.in_transaction(sql, lambda: _guarded(engine.connection, sql, args).fetchall())

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        rows = await self.fetch(sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, args: Args = ()) -> int:
        engine = self._engine
        return await engine.in_transaction(sql, lambda: _guarded(engine.connection, sql, args).rowcount)

    async def insert(self, rows: Sequence[Insert]) -> None:
        engine = self._engine
        if len(rows) <= ONE_STATEMENT_ROWS:
            tables = " ".join([row.table.name for row in rows])
            await engine.in_transaction(tables, lambda: insert_all(engine, rows))
        else:
            await engine.in_writer(lambda: insert_all(engine, rows))


def insert_all(engine: sqlite.SqliteEngine, rows: Sequence[Insert]) -> None:
    """Runs in the writer thread."""
    for sql, many in in_groups(engine.dialect, rows):
        try:
            engine.connection.executemany(sql, many)
        except sqlite3.IntegrityError as error:
            raise translate(error) from error


def _guarded(connection: sqlite3.Connection, sql: str, args: Args) -> sqlite3.Cursor:
    try:
        return connection.execute(sql, args)
    except sqlite3.IntegrityError as error:
        raise translate(error) from error


class PostgresTransaction:
    def __init__(self, engine: postgres.PostgresEngine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection
        self.is_over = False
        self.closing: list[Closing] = []
        self.ended: list[Ended] = []

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        return (await self._sent(sql, args))[0]

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        rows = await self.fetch(sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, args: Args = ()) -> int:
        # Without arguments it may be several statements.
        status = (await self._sent(sql, args))[1] if args else await self._plain(sql)
        # "INSERT 0 3", "UPDATE 3", "CREATE TABLE"
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def insert(self, rows: Sequence[Insert]) -> None:
        if 0 < len(rows) <= ONE_STATEMENT_ROWS:
            await self.fetch(*one_statement(self._engine.dialect, rows))
            return
        for sql, many in in_groups(self._engine.dialect, rows):
            try:
                await self._connection.executemany(sql, many)
            except asyncpg.PostgresError as error:
                raise postgres.translate(error) from error

    async def _sent(self, sql: str, args: Args) -> tuple[list[Any], str]:
        """Rows and status, by a statement that the connection keeps."""
        connection = self._connection
        try:
            statement = connection.statements.get(sql) or await connection.prepared(sql)
            return await statement.fetch(*args), statement.get_statusmsg()
        except asyncpg.PostgresError as error:
            if isinstance(error, postgres.STALE):
                connection.statements.clear()
            raise postgres.translate(error) from error

    async def _plain(self, sql: str) -> str:
        try:
            status: str = await self._connection.execute(sql)
        except asyncpg.PostgresError as error:
            raise postgres.translate(error) from error
        return status
