"""The loop that lets timers fire: claimed in batches, each in a transaction of its own that deletes its row.

A worker that is killed has deleted nothing it did not do: the claim lapses and another takes it. One that fails is
tried again later and then marked, and waits for a person; it delays nobody.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tongban_sdk.errors import UnavailableError

from core.cases.live import Engine
from core.cases.rows import lock
from core.cases.timers import Timer
from core.fields.times import utc_now
from core.jobs.ending import end
from core.jobs.queue import backoff_s
from core.store.case_tables import CASE, TIMER
from core.store.database import Transaction
from core.store.statement import load_row, statement

log = logging.getLogger("tongban.cases")

BATCH = 100
#: A claim nobody has used for this long belongs to a worker that died.
LEASE_S = 60.0
#: What one timer may take; on SQLite the others wait for it.
FIRE_S = 5.0
TRIES_MAX = 6
#: A timer whose application is switched off asks again this often, and counts no try.
WAIT_S = 60.0
POLL_S = 1.0
PAUSE_AFTER_ERROR_S = 1.0
_NAMES = ("id", "at", "kind", "case_id", "task_id", "args", "tries")


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
    _loop: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def is_running(self) -> bool:
        return self._loop is not None and not self._loop.done()

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="timers")

    async def stop(self) -> None:
        await end([self._loop])

    async def turn(self) -> int:
        """Fire what is due, one batch of it; how many were claimed."""
        token, timers = await self._claim()
        await asyncio.gather(*(self._fire(timer, token) for timer in timers))
        return len(timers)

    async def run_all(self) -> int:
        """Everything due, and what comes due by it."""
        total = 0
        while count := await self.turn():
            total += count
        return total

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

    async def _run(self) -> None:
        while True:
            try:
                count = await self.turn()
                for look in self.beside:
                    await look()
            except Exception:
                log.exception("timers: looking for what is due failed")
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                continue
            if count < BATCH:
                await asyncio.sleep(POLL_S)

    async def _claim(self) -> tuple[str, Sequence[Timer]]:
        dialect, now, token = self.engine.database.dialect, utc_now(), uuid.uuid4().hex
        skip = " FOR UPDATE SKIP LOCKED" if dialect.name == "postgres" else ""
        due = "at <= {now:at} AND poisoned IS NULL AND (claimed_until IS NULL OR claimed_until <= {now:claimed_until})"
        looked = f"SELECT id FROM tb_timer WHERE {due} ORDER BY at, id LIMIT {BATCH}"
        # Nothing due is the rule: a look takes no lock.
        if not await self.engine.database.fetch(*statement(dialect, TIMER, looked, now=now)):
            return token, ()
        text = (
            "UPDATE tb_timer SET claim = {claim}, claimed_until = {until:claimed_until} "
            f"WHERE id IN ({looked}{skip}) RETURNING {', '.join(_NAMES)}"
        )
        until = now + timedelta(seconds=self.lease_s)
        async with self.engine.database.transaction() as tx:
            rows = await tx.fetch(*statement(dialect, TIMER, text, claim=token, until=until, now=now))
        found = [Timer(**load_row(dialect, TIMER, _NAMES, row)) for row in rows]
        return token, sorted(found, key=lambda timer: (timer.at, timer.id))

    async def _fire(self, timer: Timer, token: str) -> None:
        try:
            async with self.engine.transaction() as tx:
                # Only what is done here counts, not the wait for a connection.
                async with asyncio.timeout(self.fire_s):
                    await self._do(tx, timer, token)
        except UnavailableError:
            await self._put_off(timer, token, WAIT_S, tries=timer.tries)
        except Exception as error:
            await self._blame(timer, token, error)

    async def _do(self, tx: Transaction, timer: Timer, token: str) -> None:
        """First the case, then the timer: steps of people lock them in this order too."""
        dialect = self.engine.database.dialect
        if timer.case_id is not None:
            held = f"SELECT id FROM tb_case WHERE id = {{id}}{lock(dialect)}"
            await tx.fetch(*statement(dialect, CASE, held, id=timer.case_id))
        text = "DELETE FROM tb_timer WHERE id = {id} AND claim = {claim}"
        if await tx.execute(*statement(dialect, TIMER, text, id=timer.id, claim=token)):
            await self.engine.timers.handlers[timer.kind](self.engine, tx, timer)

    async def _blame(self, timer: Timer, token: str, error: Exception) -> None:
        tries, kind = timer.tries + 1, type(error).__name__
        # The kind only: the text of an error may hold what people wrote.
        log.error("timer %s (%s) failed, try %d: %s", timer.id, timer.kind, tries, kind)
        poisoned = kind if tries >= TRIES_MAX else None
        await self._put_off(timer, token, backoff_s(tries), tries=tries, poisoned=poisoned)

    async def _put_off(
        self, timer: Timer, token: str, delay_s: float, *, tries: int, poisoned: str | None = None
    ) -> None:
        text = (
            "UPDATE tb_timer SET claim = NULL, claimed_until = {until:claimed_until}, tries = {tries}, "
            "poisoned = {poisoned} WHERE id = {id} AND claim = {claim}"
        )
        until = utc_now() + timedelta(seconds=delay_s)
        await self._write(text, until=until, tries=tries, poisoned=poisoned, id=timer.id, claim=token)

    async def _write(self, text: str, **values: Any) -> int:
        async with self.engine.database.transaction() as tx:
            return await tx.execute(*statement(self.engine.database.dialect, TIMER, text, **values))
