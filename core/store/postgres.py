"""Postgres over asyncpg: prepared statements kept per connection, nothing sent that a request did not ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg
from tongban_sdk.errors import UnavailableError

from core.store.dialect import Dialect, Postgres
from core.store.errors import StoreError, UniqueError
from core.store.pool import Connection, Pool

Args = Sequence[Any]
#: Without these an acknowledged write can be lost.
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
#: Day 0 of Postgres, 2000-01-01.
_DAY_ZERO = 730_120
STALE = (asyncpg.InvalidCachedStatementError, asyncpg.exceptions.OutdatedSchemaCacheError)


class PostgresEngine:
    """One pool. Every statement outside a transaction is its own transaction: one round trip."""

    def __init__(self, url: str, pool_max: int, schema: str | None, statement_timeout_s: float) -> None:
        self.dialect: Dialect = Postgres()
        self.url = url
        self.schema = schema
        self.pool = Pool(self._connect, pool_max)
        self._settings = {
            "application_name": "tongban",
            "timezone": "UTC",
            # Compiling a 1 ms statement takes 50 ms.
            "jit": "off",
            "statement_timeout": str(int(statement_timeout_s * 1000)),
            "idle_in_transaction_session_timeout": "60000",
        } | ({"search_path": schema} if schema else {})

    async def open(self) -> None:
        try:
            connection = await self.pool.acquire()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise StoreError(f"连不上 Postgres 数据库：{error}") from error
        try:
            await self._check(connection)
        except BaseException:
            self.pool.give_back(connection, clean=False)
            raise
        self.pool.give_back(connection)

    async def _check(self, connection: Connection) -> None:
        if self.schema:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"')
            return
        unsafe = [name for name in DURABLE if await connection.fetchval(f"SHOW {name}") == "off"]
        if unsafe:
            raise StoreError(f"Postgres 的 {'、'.join(unsafe)} 是关闭的：断电会丢失已确认的数据，请先打开")
        encoding = await connection.fetchval("SHOW server_encoding")
        if encoding != "UTF8":
            raise StoreError(f"Postgres 数据库的编码是 {encoding}：应为 UTF8")

    async def _connect(self) -> Connection:
        connection: Connection = await asyncpg.connect(
            self.url, server_settings=self._settings, connection_class=Connection
        )
        # asyncpg sends date.max as infinity, but 9999-12-31 is how licences say "for good".
        await connection.set_type_codec(
            "date",
            schema="pg_catalog",
            encoder=lambda day: (day.toordinal() - _DAY_ZERO,),
            decoder=lambda days: date.fromordinal(days[0] + _DAY_ZERO),
            format="tuple",
        )
        return connection

    async def close(self) -> None:
        await self.pool.close()

    async def acquire(self) -> Connection:
        try:
            return await self.pool.acquire()
        except (OSError, asyncpg.PostgresError) as error:
            raise UnavailableError("数据库暂时连不上，请稍后再试") from error

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        connection = await self.acquire()
        clean = False
        try:
            statement = connection.statements.get(sql) or await connection.prepared(sql)
            rows: list[Any] = await statement.fetch(*args)
            clean = True
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            clean = True
            rows = await self._again(connection, error, sql, args)
        finally:
            self.pool.give_back(connection, clean=clean)
        return rows

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        """The hot path: `fetch` written out for one value, without a step more."""
        pool = self.pool
        connection = pool.take() or await self.acquire()
        clean = False
        try:
            statement = connection.statements.get(sql) or await connection.prepared(sql)
            value = await statement.fetchval(*args)
            clean = True
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            clean = True
            rows = await self._again(connection, error, sql, args)
            value = rows[0][0] if rows else None
        finally:
            pool.give_back(connection, clean=clean)
        return value

    async def _again(self, connection: Connection, error: Exception, sql: str, args: Args) -> list[Any]:
        """Once more when the schema changed under a prepared statement: it failed before it did anything."""
        if connection.is_closed():
            self.pool.drop_idle()
        if not isinstance(error, STALE):
            raise translate(error) from error
        connection.statements.clear()
        try:
            rows: list[Any] = await connection.fetch(sql, *args)
            return rows
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as second:
            raise translate(second) from second


def translate(error: Exception) -> Exception:
    match error:
        case asyncpg.UniqueViolationError():
            found: Any = error
            return UniqueError(found.table_name or "", found.constraint_name or "")
        case asyncpg.QueryCanceledError():
            return UnavailableError("查询用时过长，请缩小范围后再试")
        case asyncpg.PostgresConnectionError() | OSError():
            return UnavailableError("数据库暂时连不上，请稍后再试")
        case asyncpg.DeadlockDetectedError() | asyncpg.SerializationError() | asyncpg.LockNotAvailableError():
            return UnavailableError("数据库正忙，请稍后再试", retry_after_s=1)
        case asyncpg.InvalidCachedStatementError() | asyncpg.exceptions.OutdatedSchemaCacheError():
            # Inside a transaction nothing can be asked again; the next one finds fresh statements.
            return UnavailableError("数据库结构刚刚变更，请重试", retry_after_s=1)
        case _:
            return error
