"""SQLite: one writer thread, readers beside it. Also the Tortoise engine module "core.store.sqlite"."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from tongban_sdk.errors import UnavailableError

from core.store.dialect import Dialect, Sqlite
from core.store.errors import StoreError
from core.store.sqlite_calls import (
    BUSY_TIMEOUT_MS,
    begin_at_once,
    begin_immediate,
    end_transaction,
    is_interrupt,
    refused,
    translate,
    waiting,
)
from core.store.wal import BACKSTOP_PAGES, Log

T = TypeVar("T")
Args = Sequence[Any]

#: How long a statement may hold the event loop. Measured: 3.5 µs a read here against 16 µs through aiosqlite.
INLINE_S = 0.002
#: A statement that was too slow for the loop goes to a thread this many times before it is tried there again.
SLOW_CREDIT = 32
#: A statement of a transaction is done in the loop when the thread took less than this for it; so is its end.
QUICK_S = 0.0005
QUICK_END_S = 0.001
QUICK_MAX = 1024
READ_THREADS = 2


class SqliteEngine:
    """Reads run in the loop while they are short, else in a thread; writes run in one thread, so nothing ever hangs."""

    def __init__(self, path: str, statement_timeout_s: float) -> None:
        self.dialect: Dialect = Sqlite()
        self.path = path
        self.lock = asyncio.Lock()
        self._statement_timeout_s = statement_timeout_s
        self._writer = ThreadPoolExecutor(1, "sqlite-writer")
        self._threads = ThreadPoolExecutor(READ_THREADS, "sqlite-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._slow: dict[str, int] = {}
        self._deadline = 0.0
        #: Statements of transactions that were quick; how many the thread has in hand; how long the loop was held.
        self._quick: set[str] = set()
        self._in_thread = 0
        self._held_s = 0.0
        self._log = Log(f"{path}-wal", self._reader, self._threads)
        #: What the statements of the transaction that holds the lock have taken so far.
        self._spent_s = 0.0
        self.connection: sqlite3.Connection
        self._inline: sqlite3.Connection

    async def open(self) -> None:
        if ":memory:" in self.path:
            raise StoreError("SQLite 需要文件：内存数据库不能同时读写")
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self.connection = await self.in_writer(lambda: self._connect(writer=True))
            self._inline = self._connect()
        except (OSError, sqlite3.Error) as error:
            await self.close()
            raise StoreError(f"打不开 SQLite 数据库 {self.path}：{error}") from error
        # Waiting for a lock in the loop would stop every request: busy means "go to a thread".
        self._inline.execute("PRAGMA busy_timeout=0")
        self._inline.set_progress_handler(lambda: perf_counter() > self._deadline, 1000)

    def _connect(self, *, writer: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, cached_statements=512)
        self._opened.append(connection)
        pragmas = [f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON", "mmap_size=268435456", "cache_size=-16000"]
        log = ["journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={BACKSTOP_PAGES}"]
        # Waiting in the loop would stop every request: who may wait says so.
        pragmas += [*log, "busy_timeout=0"] if writer else ["query_only=ON"]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for executor in (self._writer, self._threads):
            await loop.run_in_executor(None, executor.shutdown)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def fetch(self, sql: str, args: Args = ()) -> list[Any]:
        if sql not in self._slow:
            self._deadline = perf_counter() + INLINE_S
            try:
                return self._inline.execute(sql, args).fetchall()
            except sqlite3.OperationalError as error:
                if not is_interrupt(error):
                    raise refused(error) from error
            self._mark_slow(sql)
        return await self._fetch_in_thread(sql, args)

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        if sql not in self._slow:
            self._deadline = perf_counter() + INLINE_S
            try:
                row = self._inline.execute(sql, args).fetchone()
            except sqlite3.OperationalError as error:
                if not is_interrupt(error):
                    raise refused(error) from error
                self._mark_slow(sql)
            else:
                return row[0] if row else None
        rows = await self._fetch_in_thread(sql, args)
        return rows[0][0] if rows else None

    def _mark_slow(self, sql: str) -> None:
        if len(self._slow) >= 256:
            self._slow.clear()
        self._slow[sql] = SLOW_CREDIT

    async def _fetch_in_thread(self, sql: str, args: Args) -> list[Any]:
        credit = self._slow.get(sql, 0) - 1
        if credit > 0:
            self._slow[sql] = credit
        else:
            self._slow.pop(sql, None)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, sql, args)

    def _reader(self) -> sqlite3.Connection:
        """Of this thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _read(self, sql: str, args: Args) -> list[Any]:
        connection = self._reader()
        deadline = perf_counter() + self._statement_timeout_s
        connection.set_progress_handler(lambda: perf_counter() > deadline, 100_000)
        try:
            return connection.execute(sql, args).fetchall()
        except sqlite3.OperationalError as error:
            if is_interrupt(error):
                raise UnavailableError("查询用时过长，请缩小范围后再试") from error
            raise refused(error) from error

    async def waiting(self, work: Callable[[], T]) -> T:
        """The same for a statement on its own, which may meet another process."""

        def alone() -> T:
            with waiting(self.connection):
                return work()

        return await self.in_writer(alone)

    async def in_writer(self, work: Callable[[], T]) -> T:
        """Run `work` in the writer thread. A cancelled caller still waits: the thread's work has a definite end."""
        return (await self._in_writer(work))[0]

    async def _in_writer(self, work: Callable[[], T]) -> tuple[T, float]:
        """The same, and how many seconds it took."""
        self._in_thread += 1
        future = asyncio.get_running_loop().run_in_executor(self._writer, _timed, work)
        try:
            result, spent = await asyncio.shield(future)
        except asyncio.CancelledError:
            # However often: what comes next may not begin while the thread is at work.
            while not future.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            future.exception()
            raise
        finally:
            self._in_thread -= 1
            self._held_s = 0.0
        self._spent_s += spent
        return result, spent

    async def in_transaction(self, sql: str, work: Callable[[], T]) -> T:
        """A statement of the transaction that holds the lock; in the loop, if it is known to be quick: a hop to the
        thread and back costs ten of them. A statement that writes cannot be interrupted, so it is measured before."""
        if self._is_quick(sql):
            if self._held_s > INLINE_S:
                # Everybody else has a turn.
                self._held_s = 0.0
                await asyncio.sleep(0)
            if self._is_quick(sql):
                return self._here(sql, work)
        return await self._measured(sql, work)

    def _is_quick(self, sql: str) -> bool:
        return sql in self._quick and not self._in_thread

    def _here(self, sql: str, work: Callable[[], T]) -> T:
        begun = perf_counter()
        try:
            return work()
        finally:
            spent = perf_counter() - begun
            self._held_s += spent
            self._spent_s += spent
            if spent > INLINE_S:
                self._quick.discard(sql)

    async def _measured(self, sql: str, work: Callable[[], T], quick_s: float = QUICK_S) -> T:
        result, spent = await self._in_writer(work)
        if spent < quick_s:
            self._quick = self._quick if len(self._quick) < QUICK_MAX else set()
            self._quick.add(sql)
        return result

    async def begin(self) -> None:
        """By whoever holds the lock. In the loop when nobody else has the database: only the thread may wait."""
        self._spent_s = 0.0
        if not self._in_thread and begin_at_once(self.connection):
            return
        await self.in_writer(lambda: begin_immediate(self.connection))

    async def end(self, sql: str) -> None:
        """COMMIT or ROLLBACK; in the loop when little was written and disks answer as quickly as they last did."""
        if self._spent_s < INLINE_S and self._is_quick(sql):
            # Nothing may come between: a cancelled caller must not leave the transaction open.
            self._here(sql, lambda: end_transaction(self.connection, sql))
        else:
            await self._measured(sql, lambda: end_transaction(self.connection, sql), QUICK_END_S)
        if sql == "COMMIT":
            await self._keep_log_short()

    async def _keep_log_short(self) -> None:
        """What was committed is committed, whatever becomes of this."""
        self._log.follow(self.connection.total_changes)
        if self._log.is_too_long:
            await self.in_writer(lambda: self._log.end(self.connection))

    async def atomic(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction in one hop: all that `work` writes, or nothing."""
        async with self.lock:
            result = await self.in_writer(lambda: self._atomic(work))
            await self._keep_log_short()
            return result

    def _atomic(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self.connection
        begin_immediate(connection)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise translate(error) from error
            raise
        return result


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = perf_counter()
    return work(), perf_counter() - begun
