from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.manifest.model import Entity
from core.store.database import Database
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.tables import table_of
from tests.worlds import COMPOUND, HOUSE, ORG_ID, ORG_UNIT, PERSON, PERSON_ID, REPAIR_ORDER, VILLAGE

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def make_id(number: int) -> str:
    return f"01930000-0000-7000-8000-0000000001{number:02d}"


ORDERS: tuple[dict[str, Any], ...] = (
    {"id": make_id(1), "house": make_id(30), "reporter": PERSON_ID, "state": "open", "urgent": False},
    {"id": make_id(2), "house": make_id(30), "reporter": None, "state": "done", "urgent": True},
    {"id": make_id(3), "house": make_id(31), "reporter": make_id(50), "state": "open", "urgent": None},
    {"id": make_id(4), "house": make_id(31), "reporter": PERSON_ID, "state": "open", "urgent": True},
)
DIVISIONS = (VILLAGE, VILLAGE, "640522101203", None)


@pytest.fixture
async def town(database: Database) -> Database:
    """Two compounds, one of them looked after by ORG_ID; four orders, the last one deleted."""
    await migrate(database, [table_of(e) for e in (ORG_UNIT, PERSON, COMPOUND, HOUSE, REPAIR_ORDER)])
    await insert(database, COMPOUND, id=make_id(20), property_org_id=ORG_ID, name="幸福小区")
    await insert(database, COMPOUND, id=make_id(21), property_org_id=None, name="老楼院")
    await insert(database, HOUSE, id=make_id(30), compound_id=make_id(20), room_no="101", size_m2=Decimal("80.00"))
    await insert(database, HOUSE, id=make_id(31), compound_id=make_id(21), room_no="102")
    for order, division in zip(ORDERS, DIVISIONS, strict=True):
        values = {"house_id": order["house"], "reporter_id": order["reporter"], "phone": "13812345678"}
        rest = {name: order[name] for name in ("id", "state", "urgent")}
        deleted = NOW if order["id"] == make_id(4) else None
        await insert(database, REPAIR_ORDER, **values, **rest, division=division, deleted_at=deleted)
    return database


async def insert(database: Database, entity: Entity, **values: Any) -> None:
    fixed = {"created_at": NOW, "updated_at": NOW, "version": 1}
    await database.insert([Insert(table_of(entity), {**fixed, **values})])
