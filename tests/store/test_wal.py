"""The log of a SQLite database: short beside a busy writer, and never in the way of the loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.fields.column import Column, Table
from core.store import wal
from core.store.database import Database, Insert

PAGE_BYTES = 4096
ROW = Table("x_row", (Column("id", "int", primary=True), Column("text", "text")))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite:///{tmp_path}/a.db")
    async with opened.transaction() as tx:
        await tx.execute("CREATE TABLE x_row (id INTEGER PRIMARY KEY, text TEXT)")
    yield opened
    await opened.close()


async def _write(database: Database, count: int) -> None:
    for _ in range(count):
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO x_row (text) VALUES (hex(randomblob(1500)))")


async def test_the_log_of_a_busy_writer_stays_short(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "ROWS", 20)
    monkeypatch.setattr(wal, "PAGES_MAX", 200)
    await asyncio.gather(*(_write(database, 500) for _ in range(4)))
    # 2,000 transactions of about three pages each.
    assert (tmp_path / "a.db-wal").stat().st_size < 600 * PAGE_BYTES
    assert await database.fetch_value("SELECT count(*) FROM x_row") == 2000
    await database.close()
    with sqlite3.connect(tmp_path / "a.db") as read:
        assert read.execute("SELECT count(*) FROM x_row").fetchone() == (2000,)
        assert read.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_copy_that_fails_costs_nobody_anything(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "ROWS", 5)
    monkeypatch.setattr(wal, "COPY", "SELECT * FROM nowhere")
    # Copied beside, and by the writer itself, the latter at the end of each commit.
    monkeypatch.setattr(wal.Log, "is_too_long", True)
    told: list[bool | None] = []
    for _ in range(40):
        async with database.transaction() as tx:
            tx.ended.append(told.append)
            await tx.execute("INSERT INTO x_row (text) VALUES ('a')")
    assert (await database.fetch_value("SELECT count(*) FROM x_row"), told) == (40, [True] * 40)


async def test_who_waits_for_another_process_holds_up_nobody_else(database: Database, tmp_path: Path) -> None:
    await _write(database, 5)
    free, has_begun = threading.Event(), threading.Event()

    def hold() -> None:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        has_begun.set()
        free.wait(10)
        other.execute("COMMIT")
        other.close()

    holder = threading.Thread(target=hold)
    holder.start()
    await asyncio.to_thread(has_begun.wait, 10)
    writing = asyncio.create_task(_write(database, 1))
    begun = time.perf_counter()
    for _ in range(20):
        await asyncio.sleep(0.005)
    # In the loop it would have waited for 5 s.
    assert (writing.done(), time.perf_counter() - begun < 2.5) == (False, True)
    free.set()
    await asyncio.wait_for(writing, 5)
    holder.join()
    assert await database.fetch_value("SELECT count(*) FROM x_row") == 6


async def test_a_cancelled_caller_leaves_no_transaction_open(database: Database) -> None:
    await _write(database, 5)
    for turns in range(12):
        task = asyncio.create_task(_write(database, 3))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(_write(database, 1), 5)
    found = await database.fetch_value("SELECT count(*) FROM x_row")
    assert 17 <= found <= 53


async def test_cancelled_again_and_again_leaves_nothing(database: Database) -> None:
    """The thread goes on with what it has in hand: nothing comes next before it has ended."""
    await _fail(database)
    rows = [Insert(ROW, {"id": number, "text": "x" * 200}) for number in range(100_000)]

    async def large() -> None:
        async with database.transaction() as tx:
            await tx.insert(rows)

    task = asyncio.create_task(large())
    # All of it takes more than ten times as long.
    await asyncio.sleep(0.02)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.005)
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
    assert await database.fetch_value("SELECT count(*) FROM x_row") == 0
    await asyncio.wait_for(_write(database, 1), 5)
    assert await database.fetch_value("SELECT count(*) FROM x_row") == 1


async def test_cancelled_again_and_again_while_another_process_writes(database: Database, tmp_path: Path) -> None:
    await _write(database, 5)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(_write(database, 1))
    for _ in range(3):
        await asyncio.sleep(0.02)
        task.cancel()
    await asyncio.sleep(0.02)
    other.execute("COMMIT")
    other.close()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.wait_for(_write(database, 2), 5)
    assert await database.fetch_value("SELECT count(*) FROM x_row") == 7


async def _fail(database: Database) -> None:
    """So often that a rollback is known to be quick."""
    for _ in range(20):
        with pytest.raises(KeyError):
            await _undone(database)


async def _undone(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.fetch("SELECT 1")
        raise KeyError
