"""Reference rows: upserted by key, equal everywhere, never deleted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.manifest import plugin_folders, read_world
from core.manifest.model import CodeItem, CodeSet, DataSet, Plugin, World
from core.settings import ROOT
from core.store.database import Database
from core.store.migrate import migrate
from core.store.reference import CODE_ITEM, load_reference
from core.store.tables import tables_of
from tests.worlds import HERE, entity, plugin

TOWN = entity(
    "core",
    "town",
    {
        "code": {"type": "string", "unique": True},
        "name": {"type": "string"},
        "open": {"type": "boolean", "default": True},
    },
)
ITEM = entity(
    "core",
    "code_item",
    {name: {"type": "string"} for name in ("code_set", "code", "title", "parent")},
    history=False,
    unique=(("code_set", "code"),),
)


def world(towns: list[dict[str, Any]], titles: dict[str, str]) -> World:
    bare = plugin("core", [TOWN, ITEM], [])
    items = {code: CodeItem(code, title) for code, title in titles.items()}
    parts = {
        **bare.parts,
        "data": (DataSet("core.town", ("code",), tuple(towns), HERE),),
        "codes": {"sex": CodeSet("sex", "性别", "GB/T 2261.1", items, "core", HERE)},
    }
    shipped: Plugin = replace(bare, parts=parts)
    return World({"core": shipped})


FIRST = world([{"code": "1", "name": "一"}, {"code": "2", "name": "二"}], {"1": "男", "2": "女"})


@pytest.fixture
async def ready(database: Database) -> Database:
    await migrate(database, tables_of(FIRST))
    return database


async def towns(database: Database) -> list[Any]:
    rows = await database.fetch("SELECT code, name, version, open FROM core_town ORDER BY code")
    return [(*row[:3], bool(row[3])) for row in map(tuple, rows)]


async def test_loads_once_and_finds_nothing_to_do_after(ready: Database) -> None:
    assert await load_reference(ready, FIRST) == 4
    assert await towns(ready) == [("1", "一", 1, True), ("2", "二", 1, True)]
    assert await ready.fetch_value("SELECT title FROM core_code_item WHERE code = '2'") == "女"
    assert await load_reference(ready, FIRST) == 0
    assert await ready.fetch_value("SELECT count(*) FROM tb_history") == 2


async def test_changes_are_recorded_and_nothing_is_deleted(ready: Database) -> None:
    await load_reference(ready, FIRST)
    second = world([{"code": "1", "name": "壹"}, {"code": "3", "name": "三"}], {"1": "男性"})
    assert await load_reference(ready, second) == 3
    assert await towns(ready) == [("1", "壹", 2, True), ("2", "二", 1, True), ("3", "三", 1, True)]
    history = await ready.fetch("SELECT version, action, actor FROM tb_history WHERE action = 'update'")
    assert [tuple(row) for row in history] == [(2, "update", "system")]


async def test_ids_are_the_same_in_every_database(ready: Database) -> None:
    await load_reference(ready, FIRST)
    ids = [str(row[0]) for row in await ready.fetch("SELECT id FROM core_town ORDER BY code")]
    assert ids[0].startswith("00000000-0000-7")
    async with ready.transaction() as tx:
        await tx.execute("DELETE FROM core_town")
    await load_reference(ready, FIRST)
    assert [str(row[0]) for row in await ready.fetch("SELECT id FROM core_town ORDER BY code")] == ids


async def test_code_sets_of_a_plugin_that_comes_alone(ready: Database) -> None:
    sets = {"kind": CodeSet("kind", "类", "", {"a": CodeItem("a", "甲")}, "late", HERE)}
    late = replace(plugin("late", [], []), parts={"codes": sets})
    assert await load_reference(ready, World({"late": late})) == 1
    row = (await ready.fetch("SELECT code_set, code, title, parent FROM core_code_item"))[0]
    assert tuple(row) == ("kind", "a", "甲", None)


def test_the_manifest_of_core_declares_what_we_write() -> None:
    world, _ = read_world([*plugin_folders(ROOT / "manifests")])
    declared = world.entities[CODE_ITEM.key]
    assert set(CODE_ITEM.fields) <= set(declared.fields)
    assert not declared.history
    assert CODE_ITEM.unique == declared.unique


async def test_several_at_once_load_one_set(ready: Database) -> None:
    done = await asyncio.gather(*(load_reference(ready, FIRST) for _ in range(3)))
    assert sorted(done) == [0, 0, 4]
    assert len(await towns(ready)) == 2
