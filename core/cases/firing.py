"""The loop that lets timers fire: claimed in batches, each in a transaction of its own that deletes its row.

A worker that is killed has deleted nothing it did not do: the claim lapses and another takes it. One that fails is
tried again later and then marked, and waits for a person; it delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tongban_sdk.errors import UnavailableError

from core.cases.live import Engine
from core.cases.timers import Timer
from core.fields.times import utc_now
from core.jobs.claims import Claims
from core.jobs.loop import Loop, run_all
from core.jobs.queue import backoff_s
from core.store.case_tables import CASE, TIMER
from core.store.database import Transaction
from core.store.rows import lock
from core.store.statement import statement

log = logging.getLogger("tongban.cases")

BATCH = 100
#: A claim nobody has used for this long belongs to a worker that died.
LEASE_S = 60.0
#: What one timer may take; on SQLite the others wait for it.
FIRE_S = 5.0
TRIES_MAX = 6
#: A timer whose application is switched off asks again this often, and counts no try.
WAIT_S = 60.0
_NAMES = ("id", "at", "kind", "case_id", "task_id", "args", "tries", "claim")


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A timer that has failed too often. `error` is a kind of error: texts of errors may hold data."""

    id: str
    kind: str
    case_number: str | None
    tries: int
    error: str


@dataclass
class Firing:
    """One per process that works."""

    engine: Engine
    lease_s: float = LEASE_S
    fire_s: float = FIRE_S
    #: What else is looked after at each turn; cheap when there is nothing to do.
    beside: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("timers", self._look, batch=BATCH)

    async def turn(self) -> int:
        """Fire what is due, one batch of it; how many were claimed."""
        timers = await self._claim()
        await asyncio.gather(*map(self._fire, timers))
        return len(timers)

    async def run_all(self) -> int:
        """Everything due, and what comes due by it."""
        return await run_all(self.turn)

    async def poisoned(self, limit: int = 100) -> list[Poisoned]:
        """Those that wait for a person, the oldest first."""
        text = (
            "SELECT t.id, t.kind, c.number, t.tries, t.poisoned FROM tb_timer t LEFT JOIN tb_case c "
            f"ON c.id = t.case_id WHERE t.poisoned IS NOT NULL ORDER BY t.at, t.id LIMIT {int(limit)}"
        )
        load = self.engine.database.dialect.load
        rows = await self.engine.database.fetch(text, [])
        return [Poisoned(load(TIMER.by_name["id"], id), *rest) for id, *rest in rows]

    async def redrive(self, id: str) -> bool:
        """Give a marked one a fresh set of tries; False when there is none with this id."""
        text = (
            "UPDATE tb_timer SET poisoned = NULL, tries = 0, claim = NULL, claimed_until = NULL "
            "WHERE id = {id} AND poisoned IS NOT NULL"
        )
        return await self._write(text, id=id) == 1

    async def check(self) -> str | None:
        """For the status page."""
        count = await self.engine.database.fetch_value("SELECT count(*) FROM tb_timer WHERE poisoned IS NOT NULL", [])
        return f"{count} 个办件定时器多次失败，等人处理" if count else None

    async def _look(self) -> int:
        count = await self.turn()
        for look in self.beside:
            await look()
        return count

    async def _claim(self) -> Sequence[Timer]:
        claims = Claims(self.engine.database, TIMER, self.lease_s, waits="poisoned IS NULL", clock=utc_now)
        return [Timer(**{name: row[name] for name in _NAMES}) for row in await claims.take(BATCH)]

    async def _fire(self, timer: Timer) -> None:
        try:
            async with self.engine.transaction() as tx:
                # Only what is done here counts, not the wait for a connection.
                async with asyncio.timeout(self.fire_s):
                    await self._do(tx, timer)
        except UnavailableError:
            await self._put_off(timer, WAIT_S, tries=timer.tries)
        except Exception as error:
            await self._blame(timer, error)

    async def _do(self, tx: Transaction, timer: Timer) -> None:
        """First the case, then the timer: steps of people lock them in this order too."""
        dialect = self.engine.database.dialect
        if timer.case_id is not None:
            held = f"SELECT id FROM tb_case WHERE id = {{id}}{lock(dialect)}"
            await tx.fetch(*statement(dialect, CASE, held, id=timer.case_id))
        text = "DELETE FROM tb_timer WHERE id = {id} AND claim = {claim}"
        if await tx.execute(*statement(dialect, TIMER, text, id=timer.id, claim=timer.claim)):
            await self.engine.timers.handlers[timer.kind](self.engine, tx, timer)

    async def _blame(self, timer: Timer, error: Exception) -> None:
        tries, kind = timer.tries + 1, type(error).__name__
        # The kind only: the text of an error may hold what people wrote.
        log.error("timer %s (%s) failed, try %d: %s", timer.id, timer.kind, tries, kind)
        poisoned = kind if tries >= TRIES_MAX else None
        await self._put_off(timer, backoff_s(tries), tries=tries, poisoned=poisoned)

    async def _put_off(self, timer: Timer, delay_s: float, *, tries: int, poisoned: str | None = None) -> None:
        text = (
            "UPDATE tb_timer SET claim = NULL, claimed_until = {until:claimed_until}, tries = {tries}, "
            "poisoned = {poisoned} WHERE id = {id} AND claim = {claim}"
        )
        until = utc_now() + timedelta(seconds=delay_s)
        await self._write(text, until=until, tries=tries, poisoned=poisoned, id=timer.id, claim=timer.claim)

    async def _write(self, text: str, **values: Any) -> int:
        async with self.engine.database.transaction() as tx:
            return await tx.execute(*statement(self.engine.database.dialect, TIMER, text, **values))
