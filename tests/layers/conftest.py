"""A town with lamps, homes and their layers, on a real database of each kind: one for all tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.api.compose import Composer
from core.api.map_roots import map_roots
from core.expr import parse
from core.layers import Collection, Maps
from core.manifest.map_layers import Layer
from core.manifest.model import Entity, World
from core.read import Reader
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from tests.conftest import empty_place
from tests.worlds import HERE, entity, plugin, rule

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
VILLAGE, OTHER = "640522100203", "640522101201"
#: The south-western lamp, in 1e-7 degrees; each further one of its row is about 90 m to the east.
WEST, SOUTH, STEP = 1_056_500_000, 365_600_000, 10_000
LAMP: Entity = entity(
    "town",
    "lamp",
    {
        "name": {"type": "string", "level": "L1"},
        "state": {"type": "enum", "values": {"on": "亮", "off": "坏"}, "level": "L1"},
        "note": {"type": "string"},
        "at": {"type": "point", "index": True, "level": "L1"},
    },
)
HOME: Entity = entity(
    "town", "home", {"grid": {"type": "grid"}, "spot": {"type": "point", "index": True, "level": "L1"}}, group_min=10
)
RULES = (
    rule("anonymous", LAMP, "read", "state == 'on'", without=("note",), number=0),
    rule("street_admin", LAMP, "read", "under(division, me.division)", number=1),
    rule("system_admin", LAMP, without=("at",), number=2),
    rule("street_admin", HOME, "read", "under(division, me.division)", number=3),
    rule("county_leader", HOME, "aggregate", only=("division", "grid"), number=4),
)


def layer(id: str, of: Entity, kind: Any = "points", **more: Any) -> Layer:
    return Layer("town", id, f"图层{id}", of.key, kind, HERE, **more)


COLOURS = {"on": "#2e7d32", "off": "#c62828"}
LAYERS = (
    layer("lamps", LAMP, point="at", label="name", colour_by="state", colours=COLOURS, icon="lamp", min_zoom=12),
    layer("noted", LAMP, point="at", where=parse("note == 'x'")),
    layer("heat", HOME, "counts", point="spot"),
    layer("homes", HOME, "counts", area="grid"),
    layer("towns", HOME, "counts", area="division"),
)
ANYBODY = Actor()
TOWN_ADMIN = Actor("u1", "staff", None, frozenset({"street_admin"}), division="640522100000")
COUNTY_ADMIN = Actor("u2", "staff", None, frozenset({"anonymous", "street_admin"}), division="640522000000")
LEADER = Actor("u3", "staff", None, frozenset({"anonymous", "county_leader"}), division="640522000000")
SYSTEM = Actor("u4", "admin", None, frozenset({"system_admin"}))
Choices = dict[str, dict[str, str]]


@dataclass
class TownMap:
    database: Database
    generation: Any
    choices: Choices = field(default_factory=dict)

    def of(self, actor: Actor) -> Maps:
        return Maps(self.generation, self.database, actor)

    async def features(self, actor: Actor, layer: str, zoom: int = 18, **more: Any) -> Collection:
        box = more.pop("bbox", around())
        return await self.of(actor).features(f"town.{layer}", box, zoom, **more)

    async def nearest(self, actor: Actor, layer: str, n: int = 10, **more: Any) -> Collection:
        return await self.of(actor).nearest(f"town.{layer}", degrees(WEST, SOUTH), first=n, **more)


def degrees(lng7: int, lat7: int) -> dict[str, Any]:
    return {"lng": lng7 / 1e7, "lat": lat7 / 1e7, "crs": "CGCS2000"}


def around(steps: int = 100) -> dict[str, Any]:
    """A box that begins at the first lamp and holds `steps` further ones of its row."""
    return {
        "west": WEST / 1e7, "south": (SOUTH - STEP) / 1e7, "east": (WEST + steps * STEP) / 1e7,
        "north": (SOUTH + steps * STEP) / 1e7, "crs": "CGCS2000",
    }  # fmt: skip


def lamps() -> list[dict[str, Any]]:
    """Sixty in a row to the east: every third is off, every fourth in the other village; one deleted, one nowhere."""
    rows = [
        _row(1, n, OTHER if n % 4 == 3 else VILLAGE)
        | {"name": f"灯{n}", "state": "off" if n % 3 == 2 else "on", "note": "x"}
        | {"at_lng7": WEST + n * STEP, "at_lat7": SOUTH}
        for n in range(60)
    ]
    gone = rows[0] | {"id": _id(1, 60), "deleted_at": NOW}
    nowhere = rows[0] | {"id": _id(1, 61), "at_lng7": None, "at_lat7": None}
    return [*rows, gone, nowhere]


def homes() -> list[dict[str, Any]]:
    """Thirteen in grid 001, four in 002, twelve in the other village's; in two spots a kilometre apart."""
    where = [(VILLAGE, "001")] * 13 + [(VILLAGE, "002")] * 4 + [(OTHER, "001")] * 12
    return [
        _row(2, n, division)
        | {"grid": division + grid, "spot_lng7": WEST + (120_000 if n > 16 else 0), "spot_lat7": SOUTH}
        for n, (division, grid) in enumerate(where)
    ]


def _id(kind: int, n: int) -> str:
    return f"01930000-0000-7000-8{kind:03x}-{n:012x}"


def _row(kind: int, n: int, division: str) -> dict[str, Any]:
    told: Mapping[str, Any] = {"created_by": "t", "updated_by": "t", "org": None, "version": 1, "deleted_at": None}
    return {"id": _id(kind, n), "division": division, "created_at": NOW, "updated_at": NOW, **told}


def town_world() -> World:
    town = plugin("town", (LAMP, HOME), RULES)
    town.parts["layers"] = {found.id: found for found in LAYERS}  # type: ignore[index]
    return World({"core": plugin("core", (), ()), "town": town})


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def _town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TownMap]:
    folder: Path = tmp_path_factory.mktemp("layers")
    async with empty_place(request.param, folder) as (url, schema):
        database = await Database.open(url, pool_max=2, schema=schema)
        try:
            yield await _open(database)
        finally:
            await database.close()


@pytest.fixture
def town(_town: TownMap) -> TownMap:
    _town.choices.clear()
    return _town


async def _open(database: Database) -> TownMap:
    world, choices = town_world(), Choices()
    await migrate(database, tables_of(world))
    await database.insert([Insert(table_of(LAMP), row) for row in lamps()])
    await database.insert([Insert(table_of(HOME), row) for row in homes()])
    access = AccessModel(world)
    reader, schema = Reader(world, access), await Composer((map_roots(),))(world, {})
    reader.use(schema._schema, database.dialect)
    facts = {"world": world, "access": access, "reader": reader, "schema": schema, "choices": choices, "number": 1}
    return TownMap(database, SimpleNamespace(**facts, writer=None), choices)
