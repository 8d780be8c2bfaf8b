"""SQLite's log of what was committed: copied into the database beside the writer, so that no commit has to wait for it.

SQLite itself copies at the end of a commit: 2 to 4 ms of every thirtieth here, with the event loop held.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor

#: Rows changed between two copies: about a thousand pages.
ROWS = 300
#: A log that grew so long beside a busy writer is copied to its end while nobody writes; then it is begun anew.
PAGES_MAX = 8000
#: SQLite's own turn, should all of this never come to it.
BACKSTOP_PAGES = 20_000


class Log:
    """Of one database, as one process sees it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], threads: Executor) -> None:
        self._connect, self._threads = connect, threads
        self._copied_at = 0
        self._running: asyncio.Future[None] | None = None
        self._pages = 0

    @property
    def is_too_long(self) -> bool:
        return self._pages > PAGES_MAX and self._running is None

    def follow(self, total_changes: int) -> None:
        """After a commit: `total_changes` of the writer."""
        if total_changes - self._copied_at < ROWS or self._running is not None:
            return
        self._copied_at = total_changes
        self._running = asyncio.get_running_loop().run_in_executor(self._threads, lambda: self.copy(self._connect()))
        self._running.add_done_callback(self._done)

    def copy(self, connection: sqlite3.Connection) -> None:
        """What no reader still needs; who has another connection goes on writing."""
        _, self._pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def end(self, connection: sqlite3.Connection) -> None:
        """All of it, by the writer: the next page is the first again."""
        self.copy(connection)
        self._pages = 0

    def _done(self, done: asyncio.Future[None]) -> None:
        self._running = None
        # A copy that failed is made by the next one, in the worst case by SQLite's own.
        if not done.cancelled():
            done.exception()
