"""Jobs of the foundation: declared like any other, done by the host itself."""

from __future__ import annotations

import os
from datetime import timedelta

from core.fields.times import utc_now
from core.jobs.queue import NewJob
from core.plugins.work import OWN_JOBS
from core.store.database import Insert
from core.store.engine import IDEMPOTENCY
from core.store.ids import uuid7
from tests.plugins.folders import Bench


async def test_the_foundation_declares_what_the_host_does(bench: Bench) -> None:
    async with bench.open() as host:
        declared = host.generation.world.plugins["core"].jobs
        assert {job.run for job in declared.values()} == set(OWN_JOBS)
        assert {key for key in host.generation.plan.crons if key[0] == "core"} == {("core", id) for id in declared}


async def test_housekeeping_runs(bench: Bench) -> None:
    async with bench.open() as host:
        orphan = host.settings.data_dir / "files" / "ab" / "cd" / ("abcd" * 16)
        orphan.parent.mkdir(parents=True)
        orphan.write_bytes(b"x")
        os.utime(orphan, (0, 0))
        row = {"id": "k", "input": "x", "row_id": uuid7(), "at": utc_now() - timedelta(days=8)}
        await host.database.insert([Insert(IDEMPOTENCY, row)])
        await host.registry.jobs.queue.add([NewJob(plugin_id="core", name="housekeeping")])
        await host.registry.jobs.run_all()
        assert not orphan.exists()
        for table in ("tb_idempotency", "tb_job", "tb_dead_letter"):
            assert await host.database.fetch_value(f"SELECT count(*) FROM {table}", []) == 0
