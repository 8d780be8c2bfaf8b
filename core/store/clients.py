"""Tortoise clients over our engines: the Tortoise engine module "core.store.clients"."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, cast

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import ConnectionWrapper, NestedTransactionContext, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper
from tortoise.connection import ConnectionHandler
from tortoise.exceptions import TransactionManagementError

from core.store.executor import KeyedPostgresExecutor, KeyedSqliteExecutor
from core.store.postgres import PostgresEngine
from core.store.sqlite import SqliteEngine


def get_client_class(info: dict[str, Any]) -> type[StoreSqliteClient] | type[StorePostgresClient]:
    """Tortoise asks its engine module for the class."""
    is_sqlite = isinstance(info["credentials"]["store"], SqliteEngine)
    return StoreSqliteClient if is_sqlite else StorePostgresClient


class WriterConnection:
    """The writer in the shape of an aiosqlite connection. Its thread ends with the process, come what may."""

    def __init__(self, store: SqliteEngine) -> None:
        self.store = store

    @property
    def total_changes(self) -> int:
        return self.store.connection.total_changes

    async def execute(self, sql: str, args: Iterable[Any] = ()) -> Any:
        return await self.store.waiting(lambda: self.store.connection.execute(sql, tuple(args)))

    async def executemany(self, sql: str, many: Iterable[Sequence[Any]]) -> None:
        await self.store.waiting(lambda: self.store.connection.executemany(sql, many) and None)

    async def execute_insert(self, sql: str, args: Sequence[Any]) -> tuple[int | None]:
        return await self.store.waiting(lambda: (self.store.connection.execute(sql, args).lastrowid,))

    async def execute_fetchall(self, sql: str, args: Sequence[Any] | None = None) -> list[sqlite3.Row]:
        return await self.store.waiting(lambda: self._rows(sql, args or ()))

    async def executescript(self, sql: str) -> None:
        await self.store.waiting(lambda: self.store.connection.executescript(sql) and None)

    def _rows(self, sql: str, args: Sequence[Any]) -> list[sqlite3.Row]:
        cursor = self.store.connection.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(sql, args).fetchall()


class StoreSqliteClient(SqliteClient):
    """Every statement outside a transaction holds the one writer for just that statement."""

    executor_class = KeyedSqliteExecutor

    def __init__(self, store: SqliteEngine, connection_name: str) -> None:
        super().__init__(store.path, connection_name=connection_name)
        self.store = store
        self.handler: ConnectionHandler
        self._lock = store.lock
        self._connection = WriterConnection(store)  # type: ignore[assignment]  # same shape, another thread

    async def create_connection(self, with_db: bool) -> None:
        await self._post_connect()

    async def close(self) -> None:
        """The engine owns the connections."""

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    def _in_transaction(self) -> TransactionContext:
        return SqliteTransactionContext(self)


class SqliteTransactionClient(SqliteTransactionWrapper):
    """A task that outlives its transaction gets an error, not a silent write outside of it."""

    executor_class = KeyedSqliteExecutor

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        _check_open(self)
        return super().acquire_connection()

    def _in_transaction(self) -> TransactionContext:
        _check_open(self)
        return NestedTransactionContext(SqliteTransactionClient(self))


class SqliteTransactionContext(TransactionContext):
    """BEGIN IMMEDIATE … COMMIT under the writer's lock; the lock is free again whatever fails."""

    def __init__(self, client: StoreSqliteClient) -> None:
        self._client = client
        self._store = client.store

    async def __aenter__(self) -> SqliteTransactionClient:
        await self._store.lock.acquire()
        try:
            await self._store.begin()
        except BaseException:
            try:
                await self._store.end("ROLLBACK")
            finally:
                self._store.lock.release()
            raise
        self._inner = SqliteTransactionClient(self._client)
        self._token = self._client.handler.set(self._client.connection_name, self._inner)
        return self._inner

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._inner._finalized = True
        self._client.handler.reset(self._token)
        try:
            await self._store.end("ROLLBACK" if kind else "COMMIT")
        finally:
            self._store.lock.release()


class StorePostgresClient(AsyncpgDBClient):
    executor_class = KeyedPostgresExecutor

    def __init__(self, store: PostgresEngine, connection_name: str) -> None:
        super().__init__(connection_name=connection_name)
        self.store = store
        self.handler: ConnectionHandler
        # The same calls as asyncpg's own pool.
        self._pool = cast(Any, store.pool)

    async def create_connection(self, with_db: bool) -> None:
        await self._post_connect()

    async def close(self) -> None:
        """The engine owns the pool."""

    def _in_transaction(self) -> TransactionContext:
        return PostgresTransactionContext(self)


class PostgresTransactionClient(TransactionWrapper):
    executor_class = KeyedPostgresExecutor

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        _check_open(self)
        return super().acquire_connection()

    def _in_transaction(self) -> TransactionContext:
        _check_open(self)
        return NestedTransactionContext(PostgresTransactionClient(self))


class PostgresTransactionContext(TransactionContext):
    def __init__(self, client: StorePostgresClient) -> None:
        self._client = client
        self._pool = client.store.pool

    async def __aenter__(self) -> PostgresTransactionClient:
        self._connection = await self._client.store.acquire()
        try:
            self._transaction = self._connection.transaction()
            await self._transaction.start()
        except BaseException:
            self._pool.give_back(self._connection, clean=False)
            raise
        self._inner = PostgresTransactionClient(self._client)
        self._inner._connection = self._connection
        self._token = self._client.handler.set(self._client.connection_name, self._inner)
        return self._inner

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._inner._finalized = True
        self._client.handler.reset(self._token)
        clean = False
        try:
            # After a cancellation the connection's state is unknown: it is closed, which rolls back.
            if kind is None:
                await self._transaction.commit()
            elif not issubclass(kind, asyncio.CancelledError):
                await self._transaction.rollback()
            clean = kind is None or not issubclass(kind, asyncio.CancelledError)
        finally:
            self._pool.give_back(self._connection, clean=clean)


def _check_open(client: SqliteTransactionClient | PostgresTransactionClient) -> None:
    if client._finalized:
        raise TransactionManagementError("The transaction has ended; start background work after the commit.")
