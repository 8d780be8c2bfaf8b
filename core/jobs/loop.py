"""The one loop that looks for what is due: again at once after a full turn, else after a pause or a nudge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.jobs.ending import end

log = logging.getLogger("tongban.jobs")

POLL_S = 1.0
PAUSE_AFTER_ERROR_S = 1.0


@dataclass
class Loop:
    """One per kind of work and process. `turn` does a batch and tells how many it took; it may raise."""

    name: str
    turn: Callable[[], Awaitable[int]]
    #: A turn of so many is full.
    batch: int = 1
    poll_s: float = POLL_S
    #: Nudges that follow a turn within this time share the next one.
    gather_s: float = 0.0
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        await end([self._task])

    def nudge(self) -> None:
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                count = await self.turn()
            except Exception:
                log.exception("%s: looking for what is due failed", self.name)
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                continue
            if count < self.batch:
                await asyncio.sleep(self.gather_s)
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self.poll_s):
                await self._wake.wait()
        except TimeoutError:
            pass


async def run_all(turn: Callable[[], Awaitable[int]]) -> int:
    """Everything due, and what comes due by it, here and now: for commands and tests."""
    total = 0
    while count := await turn():
        total += count
    return total
