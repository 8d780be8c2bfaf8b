"""The DDL engine only adds, never guesses, and leaves everything as it was when it fails."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from core.fields.column import Column, Index, Table
from core.store.catalog import read_catalog
from core.store.database import Database, Insert
from core.store.engine import ENGINE_TABLES
from core.store.errors import MigrationError, StoreError, UniqueError
from core.store.migrate import check_engine, migrate, pending, plan
from core.store.tables import index_name, table_of, tables_of
from tests.worlds import small_world

WORLD = small_world()

ID = "01890000-0000-7000-8000-00000000000{}"
BASE = Table(
    "x_person",
    (
        Column("id", "uuid", null=False, primary=True),
        Column("name", "text"),
        Column("phone", "text"),
        Column("pay", "decimal", scale=2),
        Column("deleted_at", "datetime"),
    ),
    (Index(("name", "id")), Index(("phone",), unique=True, live=True)),
)
NEXT = Table(
    "x_citizen",
    (
        BASE.columns[0],
        Column("full_name", "text", renamed_from="name"),
        Column("wechat", "text"),
        *BASE.columns[3:],
        Column("visits", "int", null=False, default=0),
        Column("rank", "text", default="o'k"),
    ),
    (Index(("full_name", "-id")), Index(("-visits", "id"))),
    renamed_from="x_person",
)
OTHER = Table("x_other", (BASE.columns[0], Column("ok", "bool", default=True)))


def add(table: Table, *columns: Column) -> Table:
    return replace(table, columns=(*table.columns, *columns))


def change(table: Table, name: str, **values: Any) -> Table:
    return replace(table, columns=tuple(replace(c, **values) if c.name == name else c for c in table.columns))


async def state(database: Database) -> Any:
    """Everything the database holds of our tables, to compare before and after."""
    async with database.transaction() as tx:
        catalog = await read_catalog(tx, database.dialect.name, ["x_person", "x_citizen", "x_other", "tb_schema"])
        rows = {name: sorted(map(repr, await tx.fetch(f"SELECT * FROM {name}"))) for name in catalog}
    return {name: (t.columns, t.indexes) for name, t in catalog.items()}, rows


@pytest.fixture
async def filled(database: Database) -> Database:
    await migrate(database, [BASE])
    await database.insert([Insert(BASE, {"id": ID.format(1), "name": "马", "phone": "138"})])
    return database


async def test_second_run_has_nothing_to_do(database: Database) -> None:
    steps = await migrate(database, [BASE, OTHER])
    assert [step.sql.split('"')[0].strip() for step in steps] == [
        "CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX", "CREATE TABLE",
    ]  # fmt: skip
    assert await migrate(database, [BASE, OTHER]) == []


async def test_engine_tables_and_a_world(database: Database) -> None:
    await migrate(database, tables_of(WORLD))
    assert await plan(database, tables_of(WORLD)) == []
    async with database.transaction() as tx:
        catalog = await read_catalog(tx, database.dialect.name, [t.name for t in tables_of(WORLD)])
    assert set(catalog) == {t.name for t in ENGINE_TABLES} | {e.table for e in WORLD.entities.values()}


async def test_renames_adds_and_quarantine(filled: Database) -> None:
    await migrate(filled, [NEXT])
    row = (await filled.fetch("SELECT full_name, phone, wechat, visits, rank FROM x_citizen"))[0]
    assert tuple(row) == ("马", "138", None, 0, "o'k")
    assert await filled.fetch("SELECT id FROM tb_schema") == [("x_citizen.phone",)]
    assert await migrate(filled, [NEXT]) == []
    # The undeclared column does not block new rows.
    await filled.insert([Insert(NEXT, {"id": ID.format(2), "visits": 1})])
    # Declared again, it finds its data.
    back = add(NEXT, Column("phone", "text"))
    assert [step.sql for step in await migrate(filled, [back])] == [""]
    assert await filled.fetch_value("SELECT phone FROM x_citizen WHERE full_name = '马'") == "138"
    assert await filled.fetch("SELECT id FROM tb_schema") == []


async def test_a_removed_and_a_new_field_are_never_taken_for_a_rename(filled: Database) -> None:
    """stack-facts: Tortoise renamed `phone` to `wechat`: personal data under another label."""
    wanted = replace(BASE, columns=(*BASE.columns[:2], Column("wechat", "text"), *BASE.columns[3:]), indexes=())
    steps = await migrate(filled, [wanted])
    assert not [step for step in steps if "RENAME" in step.sql]
    assert tuple((await filled.fetch("SELECT phone, wechat FROM x_person"))[0]) == ("138", None)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (change(BASE, "phone", kind="int"), ["store.type-changed"]),
        (change(BASE, "pay", scale=3), ["store.type-changed"]),
        (add(BASE, Column("must", "text", null=False)), ["store.not-null"]),
        (
            change(add(BASE, Column("must", "text", null=False)), "name", kind="date"),
            ["store.type-changed", "store.not-null"],
        ),
    ],
)
async def test_what_would_lose_data_is_refused_with_all_problems(
    filled: Database, wanted: Table, ids: list[str]
) -> None:
    before = await state(filled)
    for run in (plan, migrate):
        with pytest.raises(MigrationError) as caught:
            await run(filled, [wanted, OTHER])
        assert [p.id for p in caught.value.problems] == ids
        assert all(p.hint for p in caught.value.problems)
    assert await state(filled) == before


async def test_a_failure_at_any_statement_changes_nothing(filled: Database) -> None:
    before = await state(filled)
    wanted = [NEXT, OTHER]
    total = len(await plan(filled, wanted))
    assert total >= 8

    for at in range(total):

        def fail(number: int, at: int = at) -> None:
            if number == at:
                raise RuntimeError("power cut")

        with pytest.raises(RuntimeError, match="power cut"):
            await migrate(filled, wanted, fail)
        assert await state(filled) == before
    assert len(await migrate(filled, wanted)) == total


async def test_two_processes_migrate_at_once(database_place: tuple[str, str | None]) -> None:
    url, schema = database_place
    first = await Database.open(url, schema=schema)
    second = await Database.open(url, schema=schema)
    try:
        done = await asyncio.gather(*(migrate(d, tables_of(WORLD)) for d in (first, second, first)))
        assert sorted(len(steps) > 0 for steps in done) == [False, False, True]
        assert await plan(first, tables_of(WORLD)) == []
    finally:
        await first.close()
        await second.close()


async def test_unique_holds_for_live_rows_only(filled: Database) -> None:
    async with filled.transaction() as tx:
        await tx.execute("UPDATE x_person SET deleted_at = '2026-01-01T00:00:00.000Z'")
    await filled.insert([Insert(BASE, {"id": ID.format(2), "phone": "138"})])
    with pytest.raises(UniqueError) as caught:
        await filled.insert([Insert(BASE, {"id": ID.format(3), "phone": "138"})])
    error = caught.value
    assert error.columns == ("phone",) or error.index == index_name("x_person", BASE.indexes[1])
    assert await filled.fetch_value("SELECT count(*) FROM x_person") == 2


def test_long_index_names_stay_short_and_different() -> None:
    names = {index_name("t" * 50, Index((f"column_{i}", "id"))) for i in range(50)}
    assert len(names) == 50
    assert max(map(len, names)) <= 63


def test_entity_columns_never_block_an_insert() -> None:
    table = table_of(WORLD.entities["community.house"])
    assert {c.name for c in table.columns if not c.null} == {"id", "created_at", "updated_at", "version"}
    assert Index(("compound_id", "room_no"), unique=True, live=True) in table.indexes


async def test_a_thousand_unchanged_entities_take_well_under_a_second_of_cpu(database: Database) -> None:
    base = table_of(WORLD.entities["core.person"])
    tables = [replace(base, name=f"x_{number}") for number in range(1000)]
    await migrate(database, tables)
    start = time.process_time()
    assert await plan(database, tables) == []
    # Measured 0.13 s and 22 ms; the limits leave room for a busy machine.
    assert time.process_time() - start < 1
    stalls: list[float] = []

    async def ticker() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append(time.perf_counter() - start)

    # Apart from the measure above: what ticks spends time of its own, and keeps the reader's thread waiting.
    task = asyncio.create_task(ticker())
    assert await plan(database, tables) == []
    task.cancel()
    assert max(stalls) < 0.2


async def test_what_is_pending_is_said_in_one_sentence(database: Database) -> None:
    with pytest.raises(StoreError, match=r"tb_schema.*tb_cron.*：请先运行 python server\.py migrate"):
        await check_engine(database)
    tables = [*ENGINE_TABLES, BASE]
    said = await pending(database, tables)
    assert said == f"数据库还差 {len(await plan(database, tables))} 步迁移：请运行 python server.py migrate"
    await migrate(database, tables)
    await check_engine(database)
    assert await pending(database, tables) is None
    # A column that is no longer declared needs nothing.
    assert await pending(database, [replace(BASE, columns=BASE.columns[:-1])]) is None
    assert "不合，共 1 处" in str(await pending(database, [change(BASE, "pay", kind="bool")]))
