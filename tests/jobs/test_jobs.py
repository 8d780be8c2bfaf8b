"""The whole loop: outbox to effect, on fakeredis and on Redis, with Redis lost and with workers killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.jobs.queue import JobQueue, NewJob, StartedJob
from core.jobs.runner import NotNowError
from core.manifest.clock import parse_cron
from core.store.database import Insert
from core.store.engine import OUTBOX
from core.store.runtime_tables import CRON
from core.store.statement import statement
from tests.conftest import needed
from tests.jobs.conftest import Bench, until

ROOT = Path(__file__).parents[2]
#: Nothing listens there: Redis as it looks when it is gone.
NO_REDIS = "redis://127.0.0.1:1/0"


async def _write(bench: Bench, count: int) -> list[str]:
    rows = [
        Insert(OUTBOX, {"id": str(uuid.uuid4()), "topic": "entity.created", "entity": "p.house",
                        "row_id": str(uuid.uuid4()), "version": 1, "at": datetime.now(UTC)})
        for _ in range(count)
    ]  # fmt: skip
    await bench.database.insert(rows)
    return [str(row.values["row_id"]) for row in rows]


async def _left(bench: Bench) -> tuple[int, int]:
    """Rows that wait: outbox, jobs."""
    count = bench.database.fetch_value
    return await count("SELECT count(*) FROM tb_outbox", []), await count("SELECT count(*) FROM tb_job", [])


async def test_every_event_reaches_its_listener(bench: Bench, redis_url: str | None) -> None:
    seen: list[str] = []

    async def note(job: StartedJob) -> None:
        seen.append(job.args["id"])

    bench.do["note"] = note
    bench.listeners["p.house"] = "note"
    ids = await _write(bench, 30)
    jobs = await bench.open(redis_url)
    jobs.nudge()
    await until(lambda: len(seen) >= 30)
    await asyncio.sleep(0.2)
    assert Counter(seen) == Counter(ids)
    assert await _left(bench) == (0, 0)


async def test_events_nobody_listens_to_leave_no_work(bench: Bench) -> None:
    await _write(bench, 3)
    jobs = await bench.open()
    await jobs.turn()
    assert await _left(bench) == (0, 0)


async def test_a_poisoned_job_dies_alone(bench: Bench, redis_url: str | None) -> None:
    async def poison(job: StartedJob) -> None:
        raise ValueError("王小明")

    bench.do["poison"] = poison
    bench.max_tries = 2
    jobs = await bench.open(redis_url)
    await jobs.queue.add(
        [NewJob(plugin_id="bad", name="poison"), *(NewJob(plugin_id="p", name="good") for _ in range(20))]
    )
    await until(lambda: bench.ran.count(("poison", 2)) == 1 and bench.ran.count(("good", 1)) == 20)
    await asyncio.sleep(0.2)
    [letter] = await jobs.queue.dead_letters()
    assert (letter["name"], letter["tries"], letter["error"]) == ("poison", 2, "ValueError")
    assert bench.ran.count(("poison", 1)) == 1
    assert await _left(bench) == (0, 0)


async def test_work_goes_on_without_redis(bench: Bench) -> None:
    jobs = await bench.open(NO_REDIS)
    await jobs.queue.add([NewJob(plugin_id="p", name="x") for _ in range(30)])
    await until(lambda: len(bench.ran) == 30)
    await asyncio.sleep(0.2)
    assert await _left(bench) == (0, 0)


async def test_redis_lost_and_back_loses_no_effect(bench: Bench, tmp_path: Path) -> None:
    """A real server that dies with claims on it; it comes back empty, as after a crash without persistence."""
    port = 20000 + os.getpid() % 20000
    server = await _redis(port, tmp_path)
    jobs = await bench.open(f"redis://127.0.0.1:{port}/0")
    await jobs.queue.add([NewJob(plugin_id=f"p{n % 4}", name=str(n)) for n in range(20)])
    await until(lambda: len(bench.ran) >= 20)
    server.kill()
    await server.wait()
    await jobs.queue.add([NewJob(plugin_id=f"p{n % 4}", name=str(n)) for n in range(20, 40)])
    await until(lambda: len({name for name, _ in bench.ran}) == 40)
    server = await _redis(port, tmp_path)
    try:
        await jobs.queue.add([NewJob(plugin_id=f"p{n % 4}", name=str(n)) for n in range(40, 60)])
        await until(lambda: len({name for name, _ in bench.ran}) == 60)
        await asyncio.sleep(0.3)
        assert await _left(bench) == (0, 0)
        assert await jobs.queue.dead_letters() == []
    finally:
        await jobs.stop()
        bench.running.clear()
        server.kill()
        await server.wait()


async def _redis(port: int, folder: Path) -> asyncio.subprocess.Process:
    server = await asyncio.create_subprocess_exec(
        needed("redis-server"), "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return server
    raise TimeoutError("redis-server did not start")


async def test_a_cron_fires_once_over_two_nodes(bench: Bench) -> None:
    bench.crons[("p", "nightly")] = parse_cron("* * * * *")
    first, second = await bench.open(), await bench.open(NO_REDIS)
    await until(lambda: first.is_running and second.is_running)
    await asyncio.sleep(0.3)
    assert bench.ran == []  # a clock seen for the first time fires nothing for the past
    past = datetime.now(UTC) - timedelta(minutes=10)
    sql, args = "UPDATE tb_cron SET fired_at = {fired_at}", {"fired_at": past}
    async with bench.database.transaction() as transaction:
        await transaction.execute(*statement(bench.database.dialect, CRON, sql, **args))
    await until(lambda: len(bench.ran) >= 1)
    await asyncio.sleep(0.4)
    # Ten firings were missed: the latest is made up for, once. A minute may turn during the test.
    assert len(bench.ran) in (1, 2)
    assert {name for name, _ in bench.ran} == {"nightly"}


async def test_a_job_of_a_plugin_that_is_off_waits_without_losing_tries(bench: Bench) -> None:
    async def not_now(job: StartedJob) -> None:
        raise NotNowError("已隔离")

    bench.do["later"] = not_now
    jobs = await bench.open()
    await jobs.queue.add([NewJob(plugin_id="off", name="x"), NewJob(plugin_id="p", name="later")])
    await until(lambda: bench.ran == [("later", 1)])
    await asyncio.sleep(0.2)
    rows = await bench.database.fetch("SELECT plugin_id, tries, error FROM tb_job ORDER BY plugin_id", [])
    assert [tuple(row) for row in rows] == [("off", 0, "插件未启用"), ("p", 0, "已隔离")]


_WORKER = """
import asyncio, sys
from core.jobs.jobs import Jobs, Plan
from core.jobs.runner import Work
from core.store.database import Database

async def main(url, schema, log):
    database = await Database.open(url, schema=schema or None)
    async def run(job):
        with open(log, "a") as file:
            file.write(f"{job.name} {job.tries}\\n")
        await asyncio.sleep(60 if job.tries == 1 else 0)
        async with database.transaction() as transaction:
            await transaction.execute("INSERT INTO effect (id) VALUES ('" + job.id + "') ON CONFLICT DO NOTHING")
    plan = Plan(lambda job: Work(run, 3), lambda event: [], {})
    jobs = Jobs(database, lambda: plan, None, lease_s=1.0, poll_s=0.05)
    await jobs.start()
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_worker_killed_in_the_middle_is_replaced_and_the_effect_happens_once(
    bench: Bench, database_place: tuple[str, str | None], tmp_path: Path
) -> None:
    url, schema = database_place
    log = tmp_path / "log"
    log.touch()
    async with bench.database.transaction() as transaction:
        await transaction.execute("CREATE TABLE effect (id TEXT PRIMARY KEY)")
    [id] = await JobQueue(bench.database).add([NewJob(plugin_id="p", name="pay")])
    victim = await _spawn(url, schema, log)
    await until(lambda: log.read_text() == "pay 1\n")
    victim.send_signal(signal.SIGKILL)
    await victim.wait()
    heir = await _spawn(url, schema, log)
    try:
        await until(lambda: log.read_text() == "pay 1\npay 2\n")
        await asyncio.sleep(0.5)
        assert await _left(bench) == (0, 0)
    finally:
        heir.kill()
        await heir.wait()
    rows = await bench.database.fetch("SELECT id FROM effect", [])
    assert [row[0] for row in rows] == [id]


async def _spawn(url: str, schema: str | None, log: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _WORKER,
        url,
        schema or "",
        str(log),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
