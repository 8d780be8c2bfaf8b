"""SQLite: one writer thread, readers beside it. Also the Tortoise engine module "core.store.sqlite"."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from tongban_sdk.errors import InvalidInputError, UnavailableError

from core.store.dialect import Dialect, Sqlite
from core.store.errors import StoreError, UniqueError

T = TypeVar("T")
Args = Sequence[Any]

#: How long a statement may hold the event loop. Measured: 3.5 µs a read here against 16 µs through aiosqlite.
INLINE_S = 0.002
#: A statement that was too slow for the loop goes to a thread this many times before it is tried there again.
SLOW_CREDIT = 32
#: A statement of a transaction is done in the loop when the thread took less than this for it.
QUICK_S = 0.0005
QUICK_MAX = 1024
BUSY_TIMEOUT_MS = 5000
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
        pragmas += ["journal_mode=WAL", "synchronous=FULL"] if writer else ["query_only=ON"]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for executor in (self._threads, self._writer):
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
                if not _is_interrupt(error):
                    raise _refused(error) from error
            self._mark_slow(sql)
        return await self._fetch_in_thread(sql, args)

    async def fetch_value(self, sql: str, args: Args = ()) -> Any:
        if sql not in self._slow:
            self._deadline = perf_counter() + INLINE_S
            try:
                row = self._inline.execute(sql, args).fetchone()
            except sqlite3.OperationalError as error:
                if not _is_interrupt(error):
                    raise _refused(error) from error
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

    def _read(self, sql: str, args: Args) -> list[Any]:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        deadline = perf_counter() + self._statement_timeout_s
        connection.set_progress_handler(lambda: perf_counter() > deadline, 100_000)
        try:
            return connection.execute(sql, args).fetchall()
        except sqlite3.OperationalError as error:
            if _is_interrupt(error):
                raise UnavailableError("查询用时过长，请缩小范围后再试") from error
            raise _refused(error) from error

    async def in_writer(self, work: Callable[[], T]) -> T:
        """Run `work` in the writer thread. A cancelled caller still waits: the thread's work has a definite end."""
        self._in_thread += 1
        future = asyncio.get_running_loop().run_in_executor(self._writer, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()
            raise
        finally:
            self._in_thread -= 1
            self._held_s = 0.0

    async def in_transaction(self, sql: str, work: Callable[[], T]) -> T:
        """A statement of the transaction that holds the lock; in the loop, if it is known to be quick: a hop to the
        thread and back costs ten of them. A statement that writes cannot be interrupted, so it is measured before."""
        if sql in self._quick and not self._in_thread and self._held_s < INLINE_S:
            begun = perf_counter()
            try:
                return work()
            finally:
                self._held_s += (spent := perf_counter() - begun)
                if spent > INLINE_S:
                    self._quick.discard(sql)
        result, spent = await self.in_writer(lambda: _timed(work))
        if spent < QUICK_S:
            self._quick = self._quick if len(self._quick) < QUICK_MAX else set()
            self._quick.add(sql)
        return result

    async def atomic(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction in one hop: all that `work` writes, or nothing."""
        async with self.lock:
            return await self.in_writer(lambda: self._atomic(work))

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


def begin_immediate(connection: sqlite3.Connection) -> None:
    """Take the write lock at once: a deferred BEGIN fails with "database is locked" when it turns into a write."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise UnavailableError("数据库正忙，请稍后再试") from error


#: Beginnings of what the parser says of statements that go beyond its fixed limits.
_TOO_COMPLEX = ("parser stack overflow", "Expression tree is too large", "too many")


def _refused(error: sqlite3.OperationalError) -> Exception:
    """A question within the limits of the doors may still nest deeper than SQLite's parser does: that is no bug."""
    if str(error).startswith(_TOO_COMPLEX):
        return InvalidInputError("查询过于复杂，请减少嵌套和条件，或拆成几次")
    return error


def _is_interrupt(error: sqlite3.OperationalError) -> bool:
    # The low byte is the kind; the rest tells busy-while-recovering from busy-with-a-snapshot and the like.
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)


def translate(error: sqlite3.IntegrityError) -> Exception:
    """ "UNIQUE constraint failed: t.a, t.b" → UniqueError("t", columns=("a", "b")); others stay what they are."""
    head, _, tail = str(error).partition("constraint failed: ")
    if head.strip() != "UNIQUE":
        return error
    names = [part.strip().rpartition(".") for part in tail.split(",")]
    return UniqueError(names[0][0], columns=tuple(name[2] for name in names))
