"""A Postgres pool without a round trip per release: a clean connection goes back as it is, any other is closed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg carries no types
    """A connection that keeps its own prepared statements, the oldest going first."""

    __slots__ = ("statements",)
    STATEMENTS_MAX = 512

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statements: dict[str, PreparedStatement] = {}

    async def prepared(self, sql: str) -> PreparedStatement:
        statement = self.statements.get(sql)
        if statement is None:
            if len(self.statements) >= self.STATEMENTS_MAX:
                del self.statements[next(iter(self.statements))]
            statement = self.statements[sql] = await self.prepare(sql)
        return statement


class Pool:
    """Last in, first out, so that few connections stay warm. Waiters are served in order."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], max_size: int) -> None:
        self._connect = connect
        self.max_size = max_size
        self._size = 0
        self._free: list[Connection] = []
        self._busy: set[Connection] = set()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def take(self) -> Connection | None:
        """A free connection, without waiting."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                self._busy.add(connection)
                return connection
            self._size -= 1
        return None

    async def acquire(self) -> Connection:
        while not self._closed:
            if connection := self.take():
                return connection
            if self._size < self.max_size:
                return await self._grow()
            await self._turn()
        raise asyncpg.InterfaceError("pool is closed")

    async def _grow(self) -> Connection:
        self._size += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._size -= 1
            self._wake()
            raise
        self._busy.add(connection)
        return connection

    async def _turn(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def give_back(self, connection: Connection, *, clean: bool = True) -> None:
        """Return a connection. `clean=False` after a cancelled or broken call: it is closed, never reused."""
        self._busy.discard(connection)
        if clean and not self._closed and not connection.is_closed() and not connection.is_in_transaction():
            self._free.append(connection)
        else:
            self._size -= 1
            connection.terminate()
        self._wake()

    def drop_idle(self) -> None:
        """After one connection was lost the others are doubtful: a restarted server should fail one call, not ten."""
        idle, self._free = self._free, []
        for connection in idle:
            self._size -= 1
            connection.terminate()
            self._wake()

    async def release(self, connection: Connection) -> None:
        """The name Tortoise's client calls."""
        self.give_back(connection)

    async def close(self) -> None:
        """Close idle connections politely, busy ones hard; nothing here waits for a server that is gone."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        idle, self._free = self._free, []
        await asyncio.gather(*(self._close_one(c) for c in idle))
        for connection in list(self._busy):
            connection.terminate()
        self._busy.clear()

    @staticmethod
    async def _close_one(connection: Any) -> None:
        try:
            await connection.close(timeout=2)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()
