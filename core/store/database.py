"""One database of one process: statements, transactions, models. SQLite and Postgres behind one door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Self

from tortoise.models import Model

from core.fields.column import Table
from core.store.dialect import Dialect
from core.store.errors import StoreError
from core.store.insert import ONE_STATEMENT_ROWS, Insert, one_statement
from core.store.models import Models
from core.store.postgres import PostgresEngine
from core.store.sqlite import SqliteEngine
from core.store.transaction import Ended, PostgresTransaction, SqliteTransaction, Transaction, insert_all

__all__ = ["ONE_STATEMENT_ROWS", "Database", "Insert", "Transaction"]

Engine = SqliteEngine | PostgresEngine


class Database:
    """Open one with `Database.open`; several live side by side in a process."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = engine.dialect
        self._models = Models(engine)
        self._running: ContextVar[Transaction | None] = ContextVar("transaction", default=None)
        # Bound once: the hot path has no step between the caller and the engine.
        self.fetch: Callable[..., Coroutine[Any, Any, list[Sequence[Any]]]] = engine.fetch
        self.fetch_value: Callable[..., Coroutine[Any, Any, Any]] = engine.fetch_value

    @classmethod
    async def open(
        cls, url: str, *, pool_max: int = 10, schema: str | None = None, statement_timeout_s: float = 3.0
    ) -> Self:
        """Open "sqlite:///path" or "postgres://…". A `schema` (Postgres) is created; it is meant for tests."""
        engine: Engine
        if url.startswith("sqlite:///"):
            engine = SqliteEngine(url.removeprefix("sqlite:///"), statement_timeout_s)
        elif url.startswith(("postgres://", "postgresql://")):
            engine = PostgresEngine(url, pool_max, schema, statement_timeout_s)
        else:
            raise StoreError(f"不认识的数据库地址 {url.partition('://')[0]!r}：应以 sqlite:/// 或 postgres:// 开头")
        await engine.open()
        database = cls(engine)
        try:
            await database._models.open()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await self.engine.close()

    @property
    def in_transaction(self) -> bool:
        """Whether this task is inside one."""
        return self._running.get() is not None

    @property
    def source(self) -> Database | Transaction:
        """Where this task asks what it must know: its transaction, which needs no second connection, else here."""
        return self._running.get() or self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing; inside it Tortoise models write to the same transaction. Nested: a savepoint."""
        around, done = self._running.get(), None
        ended: list[Ended] = []
        try:
            async with self._models.transaction() as client:
                transaction = self._wrap(client)
                transaction.ended = ended
                token = self._running.set(transaction)
                try:
                    yield transaction
                    while transaction.closing:
                        await transaction.closing.pop()()
                except BaseException:
                    done = False
                    raise
                finally:
                    transaction.is_over = True
                    self._running.reset(token)
            done = True
        finally:
            if around is not None and done:
                around.ended.extend(ended)
            else:
                for tell in ended:
                    tell(done)

    def _wrap(self, client: Any) -> Transaction:
        if isinstance(self.engine, SqliteEngine):
            return SqliteTransaction(self.engine)
        return PostgresTransaction(self.engine, client._connection)

    async def insert(self, rows: Sequence[Insert]) -> None:
        """Write all rows or none: one statement on Postgres, one hop on SQLite."""
        engine = self.engine
        if isinstance(engine, SqliteEngine):
            await engine.atomic(lambda _: insert_all(engine, rows))
        elif len(rows) <= ONE_STATEMENT_ROWS:
            await engine.fetch(*one_statement(self.dialect, rows))
        else:
            async with self.transaction() as transaction:
                await transaction.insert(rows)

    def model(self, table_name: str) -> type[Model]:
        """The Tortoise model of an entity's or the engine's table, as the last `use` made it."""
        return self._models.get(table_name)

    async def use(self, tables: Sequence[Table]) -> None:
        """(Re)make the models of these tables; models of other tables stay as they are."""
        self._models.use(tables)
