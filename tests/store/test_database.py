"""One door to two databases: statements, transactions, atomic inserts, opening and closing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.errors import UnavailableError

from core.fields.column import Column, Index, Table
from core.store.database import Database, Insert
from core.store.errors import StoreError, UniqueError
from core.store.postgres import PostgresEngine

ID1, ID2 = "01890000-0000-7000-8000-000000000001", "01890000-0000-7000-8000-000000000002"
NOTE = Table(
    "x_note",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("title", "text"),
        Column("count", "int"),
        Column("done", "bool"),
        Column("cost", "decimal", scale=2),
        Column("day", "date"),
        Column("at", "datetime"),
        Column("extra", "json"),
    ),
    (Index(("title",), unique=True),),
)
FULL: dict[str, Any] = {
    "id": ID1,
    "title": "水管漏水",
    "count": 2**40,
    "done": True,
    "cost": Decimal("-0.05"),
    "day": date(2026, 1, 2),
    "at": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC),
    "extra": {"键": [1, None, "a"]},
}


async def make_table(database: Database, table: Table = NOTE) -> None:
    columns = ", ".join(
        f'"{c.name}" {database.dialect.column_type(c)}{" PRIMARY KEY" if c.primary else ""}' for c in table.columns
    )
    async with database.transaction() as tx:
        await tx.execute(f"CREATE TABLE {table.name} ({columns})")
        for index in table.indexes:
            unique = "UNIQUE " if index.unique else ""
            await tx.execute(f"CREATE {unique}INDEX ux_{table.name} ON {table.name} ({', '.join(index.columns)})")


@pytest.fixture
async def notes(database: Database) -> Database:
    await make_table(database)
    return database


async def count(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM x_note"))


async def test_insert_and_read_back_every_kind(notes: Database) -> None:
    await notes.insert([Insert(NOTE, FULL), Insert(NOTE, {"id": ID2})])
    rows = await notes.fetch("SELECT * FROM x_note ORDER BY id")
    loaded = [[notes.dialect.load(c, v) for c, v in zip(NOTE.columns, row, strict=True)] for row in rows]
    assert loaded == [list(FULL.values()), [ID2, *[None] * 7]]


async def test_insert_is_all_or_nothing(notes: Database) -> None:
    await notes.insert([Insert(NOTE, {"id": ID1, "title": "a"})])
    with pytest.raises(UniqueError) as caught:
        await notes.insert([Insert(NOTE, {"id": ID2, "title": "b"}), Insert(NOTE, {"id": ID1, "title": "c"})])
    assert caught.value.table == "x_note"
    assert await notes.fetch_value("SELECT count(*) FROM x_note WHERE title = 'b'") == 0
    assert await count(notes) == 1


async def test_insert_many_rows_is_all_or_nothing(notes: Database) -> None:
    rows = [Insert(NOTE, {"id": f"01890000-0000-7000-8000-{i:012}", "title": str(i % 99)}) for i in range(100)]
    with pytest.raises(UniqueError):
        await notes.insert(rows)
    assert await count(notes) == 0
    await notes.insert(rows[:99])
    assert await count(notes) == 99


async def test_transaction_commits_and_rolls_back(notes: Database) -> None:
    async with notes.transaction() as tx:
        await tx.insert([Insert(NOTE, {"id": ID1, "title": "a"})])
        assert await tx.fetch_value("SELECT title FROM x_note") == "a"
        assert await notes.fetch_value("SELECT count(*) FROM x_note") == 0
    assert await count(notes) == 1
    with pytest.raises(RuntimeError, match="stop"):
        await _fail_inside(notes)
    assert await notes.fetch_value("SELECT title FROM x_note") == "a"


async def _fail_inside(notes: Database) -> None:
    async with notes.transaction() as tx:
        assert await tx.execute("UPDATE x_note SET title = 'z'") == 1
        raise RuntimeError("stop")


async def test_nested_transaction_is_a_savepoint(notes: Database) -> None:
    async with notes.transaction() as tx:
        await tx.insert([Insert(NOTE, {"id": ID1})])
        with pytest.raises(UniqueError):
            await _two_then_the_first_again(notes)
    assert [str(r[0]) for r in await notes.fetch("SELECT id FROM x_note")] == [ID1]


async def _two_then_the_first_again(notes: Database) -> None:
    async with notes.transaction() as inner:
        await inner.insert([Insert(NOTE, {"id": ID2})])
        await inner.insert([Insert(NOTE, {"id": ID1})])


async def test_cancelled_transaction_leaves_nothing_and_frees_the_writer(notes: Database) -> None:
    started = asyncio.Event()

    async def slow() -> None:
        async with notes.transaction() as tx:
            await tx.insert([Insert(NOTE, {"id": ID1})])
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await count(notes) == 0
    await asyncio.wait_for(notes.insert([Insert(NOTE, {"id": ID1})]), 5)
    assert await count(notes) == 1


async def test_a_long_transaction_of_quick_statements_lets_others_run(notes: Database) -> None:
    ticks, numbers = 0, range(20_000)

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    place = notes.dialect.placeholder
    async with notes.transaction() as tx:
        for number in numbers:
            await tx.execute(f"UPDATE x_note SET count = {place(1)} WHERE title = 'nobody'", [number])
    ticking.cancel()
    assert ticks > 10


async def test_a_statement_known_to_be_quick_fails_as_any_other(notes: Database) -> None:
    for title, id in (("a", ID1), ("b", ID2)):
        async with notes.transaction() as tx:
            await tx.insert([Insert(NOTE, {"id": id, "title": title})])

    async def fail() -> None:
        async with notes.transaction() as tx:
            await tx.execute("DELETE FROM x_note WHERE title = 'a'")
            await tx.insert([Insert(NOTE, {"id": ID2, "title": "c"})])

    with pytest.raises(UniqueError, match="x_note"):
        await fail()
    rows = await notes.fetch("SELECT title FROM x_note ORDER BY title", [])
    assert [tuple(row) for row in rows] == [("a",), ("b",)]


async def test_read_during_a_transaction_does_not_wait(notes: Database) -> None:
    async with notes.transaction() as tx:
        await tx.insert([Insert(NOTE, {"id": ID1})])
        assert await asyncio.wait_for(notes.fetch("SELECT id FROM x_note"), 1) == []


async def test_schema_change_under_a_prepared_statement(notes: Database) -> None:
    await notes.insert([Insert(NOTE, {"id": ID1})])
    for _ in range(3):
        assert len((await notes.fetch("SELECT * FROM x_note"))[0]) == 8
    async with notes.transaction() as tx:
        await tx.execute("ALTER TABLE x_note ADD COLUMN more text")
    assert len((await notes.fetch("SELECT * FROM x_note"))[0]) == 9


async def test_schema_change_under_a_prepared_statement_of_a_transaction(notes: Database) -> None:
    """stack-facts: asyncpg fails once; the caller may try again and nothing is broken."""
    await notes.insert([Insert(NOTE, {"id": ID1})])
    assert [await _all_in_transaction(notes) for _ in range(3)] == [8] * 3
    async with notes.transaction() as tx:
        await tx.execute("ALTER TABLE x_note ADD COLUMN more text")
    if notes.dialect.name == "postgres":
        with pytest.raises(UnavailableError, match="请重试"):
            await _all_in_transaction(notes)
    assert [await _all_in_transaction(notes) for _ in range(3)] == [9] * 3


async def _all_in_transaction(notes: Database) -> int:
    async with notes.transaction() as tx:
        return len((await tx.fetch("SELECT * FROM x_note"))[0])


async def test_slow_read_leaves_the_loop_free(database: Database) -> None:
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
        if database.dialect.name == "sqlite"
        else "SELECT 300000 FROM pg_sleep(0.1)"
    )
    stalls: list[float] = []

    async def ticker() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            stalls.append(time.perf_counter() - start - 0.005)

    task = asyncio.create_task(ticker())
    assert [await database.fetch_value(slow) for _ in range(3)] == [300000] * 3
    task.cancel()
    # The middle one: a single stall may be the machine's.
    assert len(stalls) > 5
    assert sorted(stalls)[len(stalls) // 2] < 0.05


async def test_statement_time_limit(database_place: tuple[str, str | None]) -> None:
    url, schema = database_place
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        if url.startswith("sqlite")
        else "SELECT 1 FROM pg_sleep(30)"
    )
    database = await Database.open(url, schema=schema, statement_timeout_s=0.2)
    try:
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(database.fetch_value(endless), 5)
        assert await database.fetch_value("SELECT 1") == 1
    finally:
        await database.close()


async def test_cancelled_read_does_not_poison_the_pool(database: Database) -> None:
    sql = "SELECT 1 FROM pg_sleep(30)" if database.dialect.name == "postgres" else "SELECT 1"
    tasks = [asyncio.create_task(database.fetch_value(sql)) for _ in range(20)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    answers = await asyncio.wait_for(asyncio.gather(*(database.fetch_value("SELECT 7") for _ in range(20))), 5)
    assert answers == [7] * 20


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_lost_connections_are_replaced(database_place: tuple[str, str | None]) -> None:
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    other = await Database.open(url, schema=schema)
    try:
        assert isinstance(database.engine, PostgresEngine)
        pool = database.engine.pool
        connections = [await pool.acquire() for _ in range(5)]
        pids = [await connection.fetchval("SELECT pg_backend_pid()") for connection in connections]
        for connection in connections:
            pool.give_back(connection)
        for pid in pids:
            await other.fetch_value("SELECT pg_terminate_backend($1, 5000)", [pid])
        results = [await _value_or_unavailable(database) for _ in range(8)]
        assert results[1:] == [7] * 7
        async with database.transaction() as tx:
            assert await tx.fetch_value("SELECT 1") == 1
    finally:
        await database.close()
        await other.close()


async def _value_or_unavailable(database: Database) -> Any:
    try:
        return await database.fetch_value("SELECT 7")
    except UnavailableError:
        return None


async def test_two_databases_at_once(tmp_path: Path) -> None:
    one = await Database.open(f"sqlite:///{tmp_path / 'one.sqlite3'}")
    two = await Database.open(f"sqlite:///{tmp_path / 'two.sqlite3'}")
    try:
        for database in (one, two):
            await make_table(database)
        async with one.transaction() as first, two.transaction() as second:
            await first.insert([Insert(NOTE, {"id": ID1, "title": "one"})])
            await second.insert([Insert(NOTE, {"id": ID1, "title": "two"})])
        assert await one.fetch_value("SELECT title FROM x_note") == "one"
        assert await two.fetch_value("SELECT title FROM x_note") == "two"
    finally:
        await one.close()
        await two.close()


async def test_sqlite_is_durable_and_readers_cannot_write(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'd.sqlite3'}")
    try:
        async with database.transaction() as tx:
            pragmas = [await tx.fetch_value(f"PRAGMA {p}") for p in ("journal_mode", "synchronous", "foreign_keys")]
        assert pragmas == ["wal", 2, 1]
        with pytest.raises(Exception, match="readonly"):
            await database.fetch("CREATE TABLE t (a)")
    finally:
        await database.close()


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:///:memory:", "postgres://nobody@127.0.0.1:1/none"])
async def test_unusable_urls_are_explained(url: str) -> None:
    with pytest.raises(StoreError):
        await Database.open(url)


def test_process_ends_after_an_exception_before_close(tmp_path: Path) -> None:
    """aiosqlite's thread would keep it alive for ever."""
    code = f"""
import asyncio
from core.store.database import Database
async def main():
    database = await Database.open("sqlite:///{tmp_path / "h.sqlite3"}")
    async with database.transaction() as tx:
        await tx.execute("CREATE TABLE t (a)")
        raise RuntimeError("boom")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1
    assert b"boom" in done.stderr


RACE = """
import asyncio, sys
from core.store.database import Database
async def main():
    database = await Database.open(sys.argv[1])
    try:
        for _ in range(50):
            async with database.transaction() as tx:
                n = await tx.fetch_value("SELECT n FROM counter")
                await tx.execute("UPDATE counter SET n = ?1", [n + 1])
    finally:
        await database.close()
asyncio.run(main())
"""


async def test_several_processes_read_then_write_without_losing_one(tmp_path: Path) -> None:
    """A deferred BEGIN fails with "database is locked" here; BEGIN IMMEDIATE waits."""
    url = f"sqlite:///{tmp_path / 'race.sqlite3'}"
    database = await Database.open(url)
    try:
        async with database.transaction() as tx:
            await tx.execute("CREATE TABLE counter (n INTEGER)")
            await tx.execute("INSERT INTO counter VALUES (0)")
        runs = [await asyncio.create_subprocess_exec(sys.executable, "-c", RACE, url) for _ in range(4)]
        assert [await run.wait() for run in runs] == [0] * 4
        assert await database.fetch_value("SELECT n FROM counter") == 200
    finally:
        await database.close()
