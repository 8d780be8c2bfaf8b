"""The table of work: fair, once per claim, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from core.jobs.queue import PLUGIN_JOBS_MAX, Claim, JobQueue, NewJob, backoff_s
from tests.jobs.conftest import Bench

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _queue(bench: Bench, now: list[datetime]) -> JobQueue:
    return JobQueue(bench.database, lease_s=10, clock=lambda: now[0])


async def test_a_claim_starts_once_and_carries_the_arguments(bench: Bench) -> None:
    queue = _queue(bench, [NOW])
    [id] = await queue.add([NewJob(plugin_id="p", name="mail", args={"id": "甲", "n": 1})])
    [claim] = await queue.claim(10)
    assert claim.id == id
    assert await queue.claim(10) == []
    job = await queue.start(claim)
    assert job is not None
    assert (job.id, job.plugin_id, job.name, job.args, job.tries) == (id, "p", "mail", {"id": "甲", "n": 1}, 1)
    assert await queue.start(claim) is None
    await queue.finish(job)
    assert await bench.database.fetch_value("SELECT count(*) FROM tb_job") == 0


async def test_a_lapsed_claim_goes_to_another_and_the_late_one_finds_nothing(bench: Bench) -> None:
    now = [NOW]
    queue = _queue(bench, now)
    await queue.add([NewJob(plugin_id="p", name="mail")])
    [first] = await queue.claim(1)
    job = await queue.start(first)
    assert job is not None
    now[0] += timedelta(seconds=11)
    [second] = await queue.claim(1)
    again = await queue.start(second)
    assert again is not None
    assert again.tries == 2
    assert await queue.start(first) is None
    await queue.finish(job)  # the first worker was only slow: its claim no longer counts
    assert await bench.database.fetch_value("SELECT count(*) FROM tb_job") == 1


async def test_a_renewed_claim_does_not_lapse(bench: Bench) -> None:
    now = [NOW]
    queue = _queue(bench, now)
    await queue.add([NewJob(plugin_id="p", name="mail")])
    [claim] = await queue.claim(1)
    job = await queue.start(claim)
    assert job is not None
    now[0] += timedelta(seconds=9)
    await queue.renew(job)
    now[0] += timedelta(seconds=9)
    assert await queue.claim(1) == []


async def test_delay_and_dedupe(bench: Bench) -> None:
    now = [NOW]
    queue = _queue(bench, now)
    first = await queue.add([NewJob(plugin_id="p", name="mail", delay_s=60, dedupe="k")])
    assert await queue.add([NewJob(plugin_id="p", name="mail", delay_s=0, dedupe="k")]) == first
    assert await queue.claim(1) == []
    now[0] += timedelta(seconds=60)
    assert [claim.id for claim in await queue.claim(5)] == first


async def test_one_plugins_flood_leaves_room_for_others(bench: Bench) -> None:
    queue = _queue(bench, [NOW])
    await queue.add([NewJob(plugin_id="flood", name="x") for _ in range(100)])
    await queue.add([NewJob(plugin_id="calm", name="y")])
    claims = await queue.claim(20) + await queue.claim(20) + await queue.claim(20)
    started = [await queue.start(claim) for claim in claims]
    assert Counter(job.plugin_id for job in started if job) == {"flood": PLUGIN_JOBS_MAX, "calm": 1}


async def test_parallel_claims_never_share_a_job(bench: Bench) -> None:
    queue = _queue(bench, [NOW])
    ids = await queue.add([NewJob(plugin_id=f"p{n % 5}", name="x") for n in range(40)])
    taken: list[list[Claim]] = await asyncio.gather(*(queue.claim(10) for _ in range(4)))
    flat = [claim.id for claims in taken for claim in claims]
    assert len(flat) == len(set(flat))
    assert set(flat) <= set(ids)


async def test_dead_letter_and_redrive(bench: Bench) -> None:
    queue = _queue(bench, [NOW])
    await queue.add([NewJob(plugin_id="p", name="mail", args={"id": "1"})])
    [claim] = await queue.claim(1)
    job = await queue.start(claim)
    assert job is not None
    await queue.bury(job, "ValueError")
    [letter] = await queue.dead_letters()
    assert (letter["id"], letter["plugin_id"], letter["name"], letter["args"], letter["tries"], letter["error"]) == (
        job.id, "p", "mail", {"id": "1"}, 1, "ValueError",
    )  # fmt: skip
    assert await queue.claim(1) == []
    assert await queue.redrive(job.id)
    assert not await queue.redrive(job.id)
    assert await queue.dead_letters() == []
    [again] = await queue.claim(1)
    job = await queue.start(again)
    assert job is not None
    assert (job.args, job.tries) == ({"id": "1"}, 1)


def test_backoff_grows_to_an_hour() -> None:
    assert [backoff_s(tries) for tries in (1, 2, 3, 8, 30)] == [1, 2, 4, 128, 3600]


async def test_an_installation_keeps_its_number(bench: Bench) -> None:
    queue = _queue(bench, [NOW])
    number = await queue.installation()
    assert number > 2**16
    assert await queue.installation() == number
    # Row 1, the number of generations, is somebody else's.
    assert await bench.database.fetch_value("SELECT count(*) FROM tb_generation WHERE id = 1", []) == 0
