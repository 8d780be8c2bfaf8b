"""Engine tables and a small set of jobs for the tests of this room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from core.jobs.jobs import Jobs, Plan
from core.jobs.outbox import Event
from core.jobs.queue import NewJob, StartedJob
from core.jobs.runner import Work
from core.manifest.clock import Cron
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from tests.conftest import REDIS, needed


@dataclass
class Bench:
    """Jobs under test: `do` maps a job name to what it does."""

    database: Database
    do: dict[str, Callable[[StartedJob], Awaitable[None]]] = field(default_factory=dict)
    listeners: dict[str, str] = field(default_factory=dict)
    crons: dict[tuple[str, str], Cron] = field(default_factory=dict)
    ran: list[tuple[str, int]] = field(default_factory=list)
    max_tries: int = 3
    running: list[Jobs] = field(default_factory=list)

    def plan(self) -> Plan:
        return Plan(self._resolve, self._fan_out, self.crons)

    def _resolve(self, job: StartedJob) -> Work | None:
        async def run(job: StartedJob) -> None:
            self.ran.append((job.name, job.tries))
            if job.name in self.do:
                await self.do[job.name](job)

        return None if job.plugin_id == "off" else Work(run, self.max_tries)

    def _fan_out(self, event: Event) -> list[NewJob]:
        name = self.listeners.get(event.entity)
        return [NewJob(plugin_id="p", name=name, args={"id": event.row_id})] if name else []

    async def open(self, redis_url: str | None = None, *, lease_s: float = 1.0) -> Jobs:
        jobs = Jobs(self.database, self.plan, redis_url, lease_s=lease_s, poll_s=0.05)
        self.running.append(jobs)
        await jobs.start()
        return jobs


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # what is awaited lives in a database or another process
            await asyncio.sleep(0.02)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    await migrate(database, ENGINE_TABLES)
    made = Bench(database)
    yield made
    for jobs in made.running:
        await jobs.stop()


@pytest.fixture(params=["embedded", "redis"])
def redis_url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "embedded" else needed(REDIS)
