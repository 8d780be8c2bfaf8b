"""What a node does by itself: follows what others cut and which key signs, and writes down who was seen."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from core.identity.rows import Rows
from core.identity.tokens import CUT_KEPT_S, Tokens
from core.store.database import Database

log = structlog.get_logger("tongban.sessions")

#: A session ended on another node is ended here after at most this long, and the time of one statement.
POLL_S = 1.0
#: Who cannot read the database for this long no longer knows who is logged in, and says so to everybody.
BLIND_AFTER_S = 5.0
FLUSH_S = 10.0
#: Clocks of nodes, and transactions that commit late. Reading a row twice does no harm.
OVERLAP = timedelta(seconds=60)


class Watch:
    def __init__(self, database: Database, rows: Rows, tokens: Tokens) -> None:
        self._database, self._rows, self._tokens = database, rows, tokens
        self._seen: dict[str, float] = {}
        self._flushed_at = 0.0
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.follow(timedelta(seconds=CUT_KEPT_S) + OVERLAP)
        self._flushed_at = time.monotonic()
        self._running = asyncio.create_task(self._run(), name="sessions")
        self._tokens.blind_at = time.time() + BLIND_AFTER_S

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._tokens.blind_at = float("inf")
        with suppress(Exception):  # the database may be what stopped us; a session then looks idle for seconds longer
            await self.flush()

    def seen(self, session: str) -> datetime | None:
        """When this node last saw the session, as far as not yet written down."""
        self._stamp()
        at = self._seen.get(session)
        return None if at is None else datetime.fromtimestamp(int(at), UTC)

    def cut(self, generations: Mapping[str, int]) -> None:
        self._tokens.cut(generations)

    async def follow(self, window: timedelta = OVERLAP) -> None:
        """Learn what was cut lately, here and elsewhere."""
        started = time.time()
        self.cut(await self._rows.cuts(self._database, datetime.now(UTC).replace(microsecond=0) - window))
        if self._running is not None:
            self._tokens.blind_at = started + BLIND_AFTER_S

    def _stamp(self) -> None:
        """Those in use since the last look were seen now: a request costs one look into a set, not a clock."""
        used, now = self._tokens.used, time.time()
        self._seen |= dict.fromkeys(used, now)
        used.clear()

    async def flush(self) -> None:
        """Write down who was seen: one statement per second in which somebody was last seen."""
        self._stamp()
        seen, self._seen = self._seen, {}
        by_second: dict[int, list[str]] = defaultdict(list)
        for session, at in seen.items():
            by_second[int(at)].append(session)
        try:
            if by_second:
                async with self._database.transaction() as tx:
                    for second, sessions in sorted(by_second.items()):
                        await self._rows.seen(tx, sorted(sessions), datetime.fromtimestamp(second, UTC))
        except BaseException:
            self._seen = seen | self._seen
            raise
        self._flushed_at = time.monotonic()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            self._stamp()
            try:
                self._tokens.ring.follow()
                await self.follow()
                if time.monotonic() - self._flushed_at >= FLUSH_S:
                    await self.flush()
            except Exception:
                log.warning("sessions_not_followed", exc_info=True)
