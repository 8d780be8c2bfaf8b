"""A small county to read from: rows of the world of tests/worlds.py, with nulls, ties, odd texts and deleted rows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from core.fields import SYSTEM_FIELDS
from core.manifest.model import Entity, World
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from tests.worlds import COMPOUND, HOUSE, ORG_ID, ORG_UNIT, PERSON, PERSON_ID, REPAIR_ORDER, VILLAGE

T0 = datetime(2026, 3, 1, 16, 30, 15, 120_000, tzinfo=UTC)
OTHER_VILLAGE = "640522101201"
DETAILS = ("漏水", '“引号”"和\\反斜线\t', "断电\n很急", "é\u2028🛠️", "<script>", "%_x", None, None)
Row = dict[str, Any]


def uid(kind: int, number: int) -> str:
    return f"01930000-0000-7000-8{kind:03x}-{number:012x}"


def system(id: str, number: int, division: str | None = VILLAGE, *, deleted: bool = False) -> Row:
    at = T0 + timedelta(hours=7 * (number // 2), milliseconds=number % 2)
    return {
        "id": id,
        "division": division,
        "org": ORG_ID if number % 3 else None,
        "created_at": at,
        "created_by": f"u{number % 4}" if number % 5 else None,
        "updated_at": at,
        "updated_by": None,
        "version": 1 + number % 3,
        "deleted_at": at if deleted else None,
    }


def county(orders: int = 60) -> dict[str, list[Row]]:
    """Canonical rows by entity key; the same on every call."""
    chance = random.Random(20261122)
    orgs = [system(ORG_ID, 0) | {"name": "物业一", "path": "/640522/wy/"}]
    orgs.append(system(uid(1, 2), 1) | {"name": "物业二", "path": None})
    persons = [
        system(PERSON_ID if n == 0 else uid(2, n), n, VILLAGE if n % 3 else OTHER_VILLAGE)
        | {
            "name": f"马{'文武' if n % 2 else '文'}{n}",
            "phone": f"1380000{n:04d}" if n % 4 else None,
            "idno": f"64052219900101{n:03d}X",
            "birth": date(1990, 1, 1) + timedelta(days=97 * n) if n % 3 else None,
            "grid": f"{VILLAGE}00{n % 3}",
        }
        for n in range(8)
    ]
    compounds = [
        system(uid(3, n), n, VILLAGE if n % 2 else OTHER_VILLAGE, deleted=n == 4)
        | {"name": f"{'甲乙丙丁戊'[n]}小区", "property_org_id": (ORG_ID, uid(1, 2), None)[n % 3], "area": None}
        for n in range(5)
    ]
    compounds[0]["area"] = {
        "type": "Polygon",
        "coordinates": [[[105.5, 36.5], [105.6, 36.5], [105.6, 36.6], [105.5, 36.5]]],
    }
    houses = [
        system(uid(4, n), n, VILLAGE if n % 4 else OTHER_VILLAGE, deleted=n == 11)
        | {
            "compound_id": compounds[n % 5]["id"],
            "room_no": f"{1 + n // 4}-{n % 4}",
            "address": f"海城镇{n}号楼2单元" if n % 3 else None,
            "size_m2": Decimal(n * 1234 % 20000).scaleb(-2) if n % 4 else None,
            "owner_id": persons[n % 8]["id"] if n % 3 else None,
        }
        for n in range(12)
    ]
    return {
        "core.org_unit": orgs,
        "core.person": persons,
        "community.compound": compounds,
        "community.house": houses,
        "community.repair_order": [_order(chance, n, houses, persons) for n in range(orders)],
    }


def _order(chance: random.Random, n: int, houses: list[Row], persons: list[Row]) -> Row:
    def maybe(value: Any) -> Any:
        return value if chance.random() > 0.3 else None

    category = chance.choice(("water", "power", "lift"))
    urgent = chance.choice((True, False, None))
    at = (1055000000 + n * 1234567, 365000000 - n * 7654) if n % 3 else (None, None)
    return system(uid(5, n), n, chance.choice((VILLAGE, OTHER_VILLAGE, "640522100000", None)), deleted=n % 13 == 5) | {
        "case_no": f"CM640522{n:07d}",
        "house_id": chance.choice(houses)["id"],
        "category": category if n != 7 else "no_longer_listed",
        "state": maybe(chance.choice(("open", "done"))),
        "urgent": urgent,
        "details": chance.choice(DETAILS),
        "reporter_id": maybe(chance.choice(persons[:3])["id"]),
        "phone": maybe(f"1390000{n:04d}"),
        "cost": maybe(Decimal(chance.choice((0, 1, 1250, 999999999999, 5))).scaleb(-2)),
        "stars": maybe(chance.randint(1, 5)),
        "due_on": maybe(date(2026, 11, 1) + timedelta(days=chance.randint(0, 40))),
        "visit_at": maybe(T0 + timedelta(days=chance.randint(0, 300), microseconds=1000 * chance.randint(0, 999))),
        "visit_from": maybe(time(chance.randint(0, 23), 30)),
        "at_lng7": at[0],
        "at_lat7": at[1],
        "tags": maybe(chance.sample(["急", "夜间", 'a"b', "x"], chance.randint(0, 3))),
        "materials": maybe(chance.choice(({"管": 2, "b": [1.5, True, None]}, [], "文字", 3))),
        "is_serious": None if urgent is None and category != "lift" else bool(urgent) or category == "lift",
    }


ENTITIES: Mapping[str, Entity] = {e.key: e for e in (ORG_UNIT, PERSON, COMPOUND, HOUSE, REPAIR_ORDER)}
assert "id" in SYSTEM_FIELDS


async def fill(database: Database, world: World, rows: Mapping[str, list[Row]]) -> None:
    await migrate(database, tables_of(world))
    for key, some in rows.items():
        table = table_of(ENTITIES[key])
        for start in range(0, len(some), 20):
            await database.insert([Insert(table, row) for row in some[start : start + 20]])
