"""How often the loop looks: many commits of one moment are one look, and none of them is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from core.jobs.jobs import Jobs, Plan
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from tests.jobs.conftest import until

NEVER_S = 3600.0


@asynccontextmanager
async def _looking(database: Database, gather_s: float) -> AsyncIterator[tuple[Jobs, Callable[[], int]]]:
    """Jobs that look at a nudge only, and how often they have looked."""
    await migrate(database, ENGINE_TABLES)
    looks = 0

    def plan() -> Plan:
        nonlocal looks
        looks += 1
        return Plan(lambda job: None, lambda event: (), {})

    jobs = Jobs(database, plan, None, poll_s=NEVER_S, gather_s=gather_s)
    await jobs.start()
    try:
        yield jobs, lambda: looks
    finally:
        await jobs.stop()


async def test_commits_of_one_moment_share_a_look(database: Database) -> None:
    async with _looking(database, NEVER_S) as (jobs, looks):
        await until(lambda: looks() == 1)
        for _ in range(20):
            jobs.nudge()
            await asyncio.sleep(0.01)
        assert looks() == 1


async def test_a_commit_while_others_are_gathered_is_not_forgotten(database: Database) -> None:
    async with _looking(database, 0.05) as (jobs, looks):
        await until(lambda: looks() == 1)
        jobs.nudge()
        await until(lambda: looks() == 2)
