"""Tortoise models made at run time, and the traps of Tortoise that would lose data silently."""

from __future__ import annotations

import asyncio
import gc
import weakref
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tortoise.exceptions import TransactionManagementError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from core.fields.column import Column, Table
from core.store.database import Database
from tests.store.test_database import FULL, ID1, ID2, NOTE, make_table

WIDER = Table("x_note", (*NOTE.columns, Column("phone", "text")))


@pytest.fixture
async def notes(database: Database) -> Database:
    await make_table(database)
    await database.use([NOTE])
    return database


async def one(model: type[Model], id: str) -> Any:
    return await model.get(id=id)


async def test_model_stores_and_loads_canonical_values(notes: Database) -> None:
    model = notes.model("x_note")
    await model.create(**FULL)
    row = await model.get(id=ID1)
    assert {name: getattr(row, name) for name in FULL} == FULL
    raw = (await notes.fetch("SELECT * FROM x_note"))[0]
    assert [notes.dialect.load(c, v) for c, v in zip(NOTE.columns, raw, strict=True)] == list(FULL.values())


async def test_filters_updates_and_deletes(notes: Database) -> None:
    model = notes.model("x_note")
    await model.bulk_create([model(id=ID1, cost=Decimal("9.50")), model(id=ID2, cost=Decimal("10.00"))])
    assert [r.pk for r in await model.filter(cost__gt=Decimal("9.99"))] == [ID2]
    assert await model.filter(id=ID1, cost=Decimal("9.50")).update(cost=Decimal("0.01")) == 1
    assert await model.filter(id=ID1, cost=Decimal("9.50")).update(cost=Decimal("0.02")) == 0
    assert (await one(model, ID1)).cost == Decimal("0.01")
    await model.filter(id=ID2).delete()
    assert await model.all().count() == 1


async def test_redefined_model_stores_its_new_column(notes: Database) -> None:
    """stack-facts: Tortoise's cache by table name stored NULL here, without an error."""
    old = notes.model("x_note")
    await old.create(id=ID1, title="old")
    async with notes.transaction() as tx:
        await tx.execute("ALTER TABLE x_note ADD COLUMN phone text")
    await notes.use([WIDER])
    new = notes.model("x_note")
    assert new is not old
    await new.create(id=ID2, title="new", phone="138")
    assert await notes.fetch_value("SELECT phone FROM x_note WHERE title = 'new'") == "138"
    third = "01890000-0000-7000-8000-000000000003"
    await old.create(id=third, title="old class, still in flight")
    await new.filter(id=third).update(phone="139")
    assert (await one(new, third)).phone == "139"


async def test_old_model_classes_are_collected(notes: Database) -> None:
    gone: list[weakref.ref[type[Model]]] = []
    for extra in range(5):
        await notes.use([Table("x_note", (*NOTE.columns, *(Column(f"a{i}", "text") for i in range(extra + 1))))])
        gone.append(weakref.ref(notes.model("x_note")))
        await notes.use([NOTE])
        await notes.model("x_note").all().count()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 5


async def test_unchanged_table_keeps_its_model(notes: Database) -> None:
    model = notes.model("x_note")
    await notes.use([NOTE])
    assert notes.model("x_note") is model


@pytest.mark.parametrize("name", ["pk", "save", "filter", "_meta", "objects__x", "姓名", "Title"])
async def test_a_name_no_model_can_have_is_refused_and_nothing_changes(notes: Database, name: str) -> None:
    model = notes.model("x_note")
    with pytest.raises(ValueError, match="cannot be a column"):
        await notes.use([Table("x_note", (*NOTE.columns, Column(name, "text")))])
    assert notes.model("x_note") is model
    assert await model.all().count() == 0


async def test_models_write_into_the_transaction_around_them(notes: Database) -> None:
    model = notes.model("x_note")
    with pytest.raises(RuntimeError, match="stop"):
        await _create_then_fail(notes)
    assert await model.all().count() == 0
    async with in_transaction("default"):
        await model.create(id=ID1)
    assert await model.all().count() == 1


async def _create_then_fail(notes: Database) -> None:
    async with notes.transaction() as tx:
        await notes.model("x_note").create(id=ID1)
        assert await tx.fetch_value("SELECT count(*) FROM x_note") == 1
        raise RuntimeError("stop")


async def test_a_task_that_outlives_its_transaction_is_refused(notes: Database) -> None:
    """stack-facts: on SQLite such a task silently wrote outside of the transaction."""
    model = notes.model("x_note")
    ended = asyncio.Event()

    async def late() -> None:
        await ended.wait()
        await model.create(id=ID2)

    async with notes.transaction():
        task = asyncio.create_task(late())
    ended.set()
    with pytest.raises(TransactionManagementError):
        await task
    assert await model.all().count() == 0


async def test_models_work_in_tasks_that_never_saw_the_database_open(notes: Database) -> None:
    """stack-facts: under uvicorn, requests run outside of the context that the lifespan made."""
    import contextvars

    model = notes.model("x_note")
    empty = contextvars.Context()
    created = asyncio.get_running_loop().create_task(_create(model), context=empty)
    await created
    assert await model.all().count() == 1


async def _create(model: type[Model]) -> Any:
    return await model.create(id=ID1, at=datetime(2026, 1, 1, tzinfo=UTC))


async def test_models_of_two_databases_do_not_meet(notes: Database, tmp_path: Path) -> None:
    other = await Database.open(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    try:
        await make_table(other)
        await other.use([NOTE])
        async with notes.transaction():
            await other.model("x_note").create(id=ID1, title="other")
            await notes.model("x_note").create(id=ID2, title="notes")
        assert list(await other.model("x_note").all().values_list("title")) == [("other",)]
        assert list(await notes.model("x_note").all().values_list("title")) == [("notes",)]
        await other.model("x_note").get_or_create(id=ID2)
        assert await other.model("x_note").all().count() == 2
    finally:
        await other.close()
