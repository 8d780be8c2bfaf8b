"""Loading: all or nothing, equal for equal seeds, only into an empty database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tongban_sdk.problems import Place

from core.demo.generators import DemoError
from core.demo.load import Loaded, NotEmptyError, load_demo
from core.fields import make_field
from core.manifest.model import Entity, Plugin, World
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of

PLACE = Place("test.yaml")
AREAS = ("640522100203", "640522100204", "640522101201", "630102001001")

DEMO: dict[str, Any] = {
    "demo": 1,
    "lists": {"surname": ["马", "李"]},
    "personas": {"citizen": "humans"},
    "rows": [
        {"as": "areas", "existing": "area", "where": {"is_real": True}, "inside": "code"},
        {
            "as": "homes",
            "entity": "home",
            "over": "areas",
            "ratio": 0.5,
            "fields": {"division": {"from": "up.code"}, "size": {"integer": [40, 90]}},
        },
        {
            "as": "humans",
            "entity": "human",
            "over": "homes",
            "each": 2,
            "first_child": "head",
            "fields": {
                "home": {"from": "up"},
                "name": {"text": "{word}{n}"},
                "phone": {"digits": "154########"},
                "fee": {"decimal": [1, 9]},
                "born_at": {"datetime": [-9, -1]},
            },
            "let": {"word": {"pick": "surname"}},
        },
    ],
}


def entity(name: str, fields: Mapping[str, Mapping[str, Any]], **more: Any) -> Entity:
    made = {key: make_field(key, {"title": key, **spec}, plugin_id="town") for key, spec in fields.items()}
    return Entity("town", name, name, "", made, (), (), True, "", PLACE, **more)


def world(demo: Mapping[str, Any] = DEMO) -> World:
    entities = {
        "area": entity("area", {"code": {"type": "division", "unique": True}, "is_real": {"type": "boolean"}}),
        "home": entity("home", {"size": {"type": "integer", "required": True}, "head": {"type": "ref", "to": "human"}}),
        "human": entity(
            "human",
            {
                "home": {"type": "ref", "to": "home", "required": True},
                "number": {"type": "sequence", "format": "HM{division:6}{seq:4}"},
                "name": {"type": "string", "required": True, "max": 4},
                "phone": {"type": "phone", "level": "L3", "unique": True},
                "fee": {"type": "money"},
                "born_at": {"type": "datetime"},
                "colour": {"type": "string", "default": "green"},
                "note": {"type": "computed", "as": "string", "expr": "name", "stored": True},
            },
            division_from="home",
        ),
    }
    parts = {"entities": entities, "demo": (demo,)}
    plugin = Plugin(
        "town", "镇", "", "0.1.0", 1, {}, "TW", "L3", (), (), (), "", {}, {}, PLACE, hash="h", parts=parts
    )  # fmt: skip
    return World({"town": plugin})


async def ready(database: Database, made: World) -> None:
    await migrate(database, tables_of(made))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    area = table_of(made.entities["town.area"])
    await database.insert(
        [
            Insert(
                area,
                {
                    "id": f"00000000-0000-7000-8000-00000000000{n}",
                    "created_at": now,
                    "updated_at": now,
                    "version": 1,
                    "code": code,
                    "is_real": n != 1,
                },
            )
            for n, code in enumerate(AREAS)
        ]
    )


async def load(database: Database, made: World, seed: int = 1, people: int = 20) -> Loaded:
    return await load_demo(database, made, county="640522", people=people, seed=seed)


async def test_rows_are_valid_complete_and_in_their_division(database: Database) -> None:
    made = world()
    await ready(database, made)
    loaded = await load(database, made)
    assert loaded.rows == {"town.home": 10, "town.human": 20}
    rows = await database.fetch(
        "SELECT h.division, o.division, h.number, h.name, h.note, h.colour, h.version, h.created_by"
        " FROM town_human h JOIN town_home o ON o.id = h.home_id ORDER BY h.id",
        [],
    )
    assert len(rows) == 20
    assert {row[0] for row in rows} == {AREAS[0], AREAS[2]}
    assert all(row[0] == row[1] and row[3] == row[4] for row in rows)
    assert [row[2] for row in rows] == [f"HM640522{n:04}" for n in range(1, 21)]
    assert {tuple(row[5:]) for row in rows} == {("green", 1, "demo")}


async def test_counters_go_on_after_the_demo(database: Database) -> None:
    made = world()
    await ready(database, made)
    await load(database, made)
    assert [tuple(row) for row in await database.fetch("SELECT id, value FROM tb_sequence", [])] == [
        ("town.human.number:HM640522{seq}", 20)
    ]


async def test_the_persona_is_the_first_row_and_the_head_of_its_home(database: Database) -> None:
    made = world()
    await ready(database, made)
    persona = (await load(database, made)).personas["citizen"]
    assert persona["entity"] == "town.human"
    first = await database.fetch_value("SELECT id FROM town_human ORDER BY id LIMIT 1", [])
    assert str(first) == persona["id"]
    heads = [str(row[0]) for row in await database.fetch("SELECT head_id FROM town_home", [])]
    assert persona["id"] in heads


async def test_a_filled_database_is_refused_and_left_as_it_was(database: Database) -> None:
    made = world()
    await ready(database, made)
    await load(database, made)
    with pytest.raises(NotEmptyError, match=r"town\.home"):
        await load(database, made, seed=2)
    assert await database.fetch_value("SELECT count(*) FROM town_human", []) == 20


async def test_a_value_a_client_could_not_send_stops_everything(database: Database) -> None:
    demo = DEMO | {
        "rows": [*DEMO["rows"][:2], DEMO["rows"][2] | {"fields": {"home": {"from": "up"}, "name": "四字以上的名字"}}]
    }
    made = world(demo)
    await ready(database, made)
    with pytest.raises(DemoError, match=r"town\.human\.name"):
        await load(database, made)
    assert await database.fetch_value("SELECT count(*) FROM town_home", []) == 0


async def test_a_county_without_divisions_is_refused(database: Database) -> None:
    made = world()
    await ready(database, made)
    with pytest.raises(DemoError, match="110101"):
        await load_demo(database, made, county="110101", people=20, seed=1)


async def test_seeds_decide_everything(database: Database) -> None:
    made = world()
    await ready(database, made)
    digests = []
    for seed in (1, 1, 2):
        digests.append((await load(database, made, seed)).digest)
        async with database.transaction() as transaction:
            for table in ("town_human", "town_home", "tb_sequence"):
                await transaction.execute(f"DELETE FROM {table}")
    assert digests[0] == digests[1] != digests[2]
