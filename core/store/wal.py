"""SQLite's log of what was committed: copied into the database beside the writer, so that no commit has to wait for it.

SQLite itself copies at the end of a commit: 2 to 4 ms of every thirtieth here, with the event loop held.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress

#: Rows changed between two copies, about five thousand pages; or so much of growth of the file.
ROWS, BYTES = 1500, 16_000_000
#: A log that grew so long beside a busy writer is copied to its end while nobody writes; then it is begun anew.
PAGES_MAX = 8000
COPY = "PRAGMA wal_checkpoint(PASSIVE)"
#: SQLite's own turn, should all of this never come to it.
BACKSTOP_PAGES = 20_000


class Log:
    """Of one database, as one process sees it."""

    def __init__(self, path: str, connect: Callable[[], sqlite3.Connection], threads: Executor) -> None:
        self._path, self._connect, self._threads = path, connect, threads
        #: Changed rows, and bytes of the file, when it was copied last.
        self._copied_at, self._copied_bytes = 0, 0
        self._running: asyncio.Future[None] | None = None
        self._pages = 0

    @property
    def is_too_long(self) -> bool:
        return self._pages > PAGES_MAX and self._running is None

    def follow(self, total_changes: int) -> None:
        """After a commit: `total_changes` of the writer."""
        size = self._size()
        is_due = total_changes - self._copied_at >= ROWS or size - self._copied_bytes >= BYTES
        if not is_due or self._running is not None:
            return
        self._copied_at, self._copied_bytes = total_changes, size
        # A database that is being closed is copied by its closing.
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            self._running = loop.run_in_executor(self._threads, lambda: self.copy(self._connect()))
            self._running.add_done_callback(self._done)

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0

    def copy(self, connection: sqlite3.Connection) -> None:
        """What no reader still needs; who has another connection goes on writing. What fails is copied the next time,
        in the worst case by SQLite itself."""
        with suppress(sqlite3.Error):
            _, self._pages, _ = connection.execute(COPY).fetchone()

    def end(self, connection: sqlite3.Connection) -> None:
        """All of it, by the writer: the next page is the first again."""
        self.copy(connection)
        self._pages = 0

    def _done(self, done: asyncio.Future[None]) -> None:
        self._running = None
