"""The loop that turns outbox rows, clocks and due times into running jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.jobs.bridge import JOBS_MAX, Bridge
from core.jobs.crons import strike
from core.jobs.ending import end
from core.jobs.loop import Loop
from core.jobs.outbox import FanOut, drain
from core.jobs.queue import LEASE_S, Claim, JobQueue
from core.jobs.runner import Resolve, Runner
from core.manifest.clock import Cron
from core.store.database import Database

#: How often the loop looks when nobody nudges it.
POLL_S = 0.5
#: Commits that follow a turn within this time share the next one: under load a turn per commit is too many.
GATHER_S = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """What the current generation wants done; asked for anew at every turn of the loop."""

    resolve: Resolve
    fan_out: FanOut
    #: Job key (plugin_id, name) → clock.
    crons: Mapping[tuple[str, str], Cron]


class Jobs:
    """Background work of one process. `nudge()` after a commit makes it look, `gather_s` after a look at soonest."""

    def __init__(
        self, database: Database, plan: Callable[[], Plan], redis_url: str | None, *,
        lease_s: float = LEASE_S, poll_s: float = POLL_S, gather_s: float = GATHER_S,
    ) -> None:  # fmt: skip
        self.queue = JobQueue(database, lease_s=lease_s)
        self._database = database
        self._plan = plan
        self._loop = Loop("jobs", self.turn, poll_s=poll_s, gather_s=gather_s)
        self._runner = Runner(self.queue, lambda job: self._plan().resolve(job), lease_s=lease_s)
        self._bridge = Bridge(redis_url, self._runner.run)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_running(self) -> bool:
        return self._loop.is_running

    def nudge(self) -> None:
        self._loop.nudge()

    async def start(self) -> None:
        self._bridge.start(await self.queue.installation())
        self._loop.start()

    async def stop(self) -> None:
        """Stop looking; a job at work is cancelled and comes back when its claim lapses."""
        await self._loop.stop()
        await end(self._tasks)
        await self._bridge.stop()

    async def turn(self) -> int:
        """One look at everything due; returns how many jobs were handed over."""
        claims = await self._claim()
        for claim in claims:
            if not await self._bridge.send(claim):
                self._run_here(claim)
        return len(claims)

    async def run_all(self) -> None:
        """Do everything due here and now, for commands and tests that do not run the loop."""
        while claims := await self._claim():
            for claim in claims:
                await self._runner.run(claim)

    async def _claim(self) -> list[Claim]:
        plan = self._plan()
        await strike(self._database, self.queue, plan.crons)
        await drain(self._database, self.queue, plan.fan_out)
        return await self.queue.claim(JOBS_MAX - len(self._tasks))

    def _run_here(self, claim: Claim) -> None:
        task = asyncio.create_task(self._runner.run(claim))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
