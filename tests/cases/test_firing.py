"""Timers fire once each, whoever dies, and one that fails delays nobody."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any, cast

import pytest

from core.cases import firing
from core.cases.cases import Cases
from core.cases.firing import Firing
from core.cases.live import Engine
from core.cases.timers import Timer, timer_row
from core.fields.times import utc_now
from core.jobs import queue
from core.store.database import Database, Insert, Transaction
from core.store.engine import ENGINE_TABLES, OUTBOX
from core.store.ids import uuid7
from core.store.migrate import migrate
from tests.cases.conftest import Office

FIRED = "SELECT row_id FROM tb_outbox WHERE topic = 'test.fired'"
CHILD = """
import asyncio, sys
from core.cases.cases import Cases
from core.store.database import Database
from tests.cases.test_firing import note
async def main(url, schema):
    database = await Database.open(url, schema=schema or None)
    cases = Cases(database, None, None, None, None)
    cases.timers.register("note", note)
    print("ready", flush=True)
    while await cases.firing.turn():
        print("turn", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


async def note(engine: Engine, tx: Transaction, timer: Timer) -> None:
    """An effect that can be counted."""
    values = {"topic": "test.fired", "entity": "works.report", "row_id": timer.id, "version": 1, "at": utc_now()}
    await tx.insert([Insert(OUTBOX, {"id": uuid7(), **values})])


async def put(office: Office, *rows: Insert) -> list[str]:
    await office.host.database.insert(rows)
    return [str(row.values["id"]) for row in rows]


async def fired(office: Office) -> list[str]:
    return sorted(str(id) for (id,) in await office.fetch(FIRED))


@pytest.fixture
def office(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """With a kind of timer that can be counted, one that fails and one that hangs; tried again at once."""

    async def fail(engine: Engine, tx: Transaction, timer: Timer) -> None:
        await note(engine, tx, timer)
        raise RuntimeError("张三 的 电话")

    async def hang(engine: Engine, tx: Transaction, timer: Timer) -> None:
        await note(engine, tx, timer)
        await asyncio.sleep(3600)

    for kind, handler in {"note": note, "fail": fail, "hang": hang}.items():
        office.cases.timers.register(kind, handler)
    monkeypatch.setattr(firing, "backoff_s", lambda tries: 0.0)
    return office


async def test_what_is_due_fires_once_over_all_workers(office: Office) -> None:
    past, future = utc_now() - timedelta(seconds=1), utc_now() + timedelta(hours=1)
    due = await put(office, *(timer_row("note", past) for _ in range(30)))
    await put(office, timer_row("note", future))
    other = Firing(office.cases.engine)
    counts = await asyncio.gather(office.cases.firing.run_all(), other.run_all())
    assert sum(counts) == 30
    assert await fired(office) == sorted(due)
    assert await office.count("tb_timer") == [1]


async def test_a_timer_forgotten_by_a_step_does_nothing(office: Office) -> None:
    case = await office.report()
    await put(office, timer_row("note", utc_now(), case_id=case.id))
    timers = await office.cases.firing._claim()
    case = await office.act("派遣员", case, "refuse", "不属于市政")
    await asyncio.gather(*(office.cases.firing._fire(timer) for timer in timers))
    assert (len(timers), await fired(office)) == (1, [])
    assert await office.count("tb_timer") == [0]


async def test_a_claim_that_lapsed_is_taken_by_another_and_done_once(office: Office) -> None:
    (id,) = await put(office, timer_row("note", utc_now()))
    slow = Firing(office.cases.engine, lease_s=-1.0)
    timers = await slow._claim()
    assert await office.cases.firing.run_all() == 1
    await asyncio.gather(*(slow._fire(timer) for timer in timers))
    assert await fired(office) == [id]


async def test_one_that_fails_is_marked_and_delays_nobody(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    case = await office.report()
    (bad,) = await put(office, timer_row("fail", utc_now() - timedelta(hours=1), case_id=case.id))
    good = await put(office, *(timer_row("note", utc_now()) for _ in range(5)))
    assert await office.cases.firing.turn() == 6
    assert await fired(office) == sorted(good)
    assert await office.cases.firing.check() is None
    assert await office.cases.firing.run_all() == firing.TRIES_MAX - 1
    assert [(p.id, p.kind, p.case_number, p.tries, p.error) for p in await office.cases.firing.poisoned()] == [
        (bad, "fail", case.number, firing.TRIES_MAX, "RuntimeError")
    ]
    assert await office.cases.firing.check() == "1 个办件定时器多次失败，等人处理"
    assert "张三" not in caplog.text
    assert await office.cases.firing.redrive(bad) is True
    assert await office.cases.firing.redrive(bad) is False
    assert await office.cases.firing.turn() == 1
    assert await fired(office) == sorted(good)


async def test_one_that_hangs_is_cut_off_and_leaves_nothing(office: Office) -> None:
    (bad,) = await put(office, timer_row("hang", utc_now() - timedelta(hours=1)))
    good = await put(office, timer_row("note", utc_now()))
    impatient = Firing(office.cases.engine, fire_s=0.05)
    assert await impatient.turn() == 2
    assert await fired(office) == good
    assert await office.fetch("SELECT tries FROM tb_timer") == [(1,)]
    assert bad not in good


def test_backoff_grows() -> None:
    assert [queue.backoff_s(tries) for tries in range(1, firing.TRIES_MAX)] == [1.0, 2.0, 4.0, 8.0, 16.0]


async def test_killed_workers_lose_no_timer_and_fire_none_twice(
    database_place: tuple[str, str | None],
) -> None:
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    try:
        await migrate(database, ENGINE_TABLES)
        rows = [timer_row("note", utc_now()) for _ in range(600)]
        async with database.transaction() as tx:
            await tx.insert(rows)
        for turns in (0, 2):
            await _killed(url, schema, turns)
            # Nobody waits for the dead.
            async with database.transaction() as tx:
                await tx.execute("UPDATE tb_timer SET claimed_until = NULL")
        assert 0 < int(await database.fetch_value("SELECT count(*) FROM tb_timer", [])) < 600
        nothing = cast("Any", None)
        last = Cases(database, nothing, nothing, nothing, nothing)
        last.timers.register("note", note)
        await last.firing.run_all()
        found = sorted(str(row[0]) for row in await database.fetch(FIRED, []))
        assert found == sorted(str(row.values["id"]) for row in rows)
        assert await database.fetch_value("SELECT count(*) FROM tb_timer", []) == 0
    finally:
        await database.close()


async def _killed(url: str, schema: str | None, turns: int) -> None:
    """A worker that is killed in the turn after so many."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, schema or "", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(1 + turns):
        await process.stdout.readline()
    await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
