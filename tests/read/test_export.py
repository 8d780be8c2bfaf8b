"""Exports: every visible row once, in order, under the reader's rights."""

from __future__ import annotations

import pytest
from tongban_sdk.actor import ANONYMOUS
from tongban_sdk.errors import PermissionDeniedError

from core.read import export
from tests.read import oracle
from tests.read.conftest import House
from tests.worlds import ADMIN, REPAIR_ORDER, STREET_ADMIN, WORKER


async def test_all_visible_rows_in_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE_ROWS", 7)
    reader, database = house.generation.reader, house.database
    order = [{"field": "dueOn", "direction": "DESC"}]
    rows = [
        row
        async for row in export.export_rows(
            reader,
            database,
            STREET_ADMIN,
            REPAIR_ORDER,
            ["id", "phone"],
            where={"urgent": {"eq": True}},
            order_by=order,
        )
    ]
    expected = [row for row in oracle.visible(STREET_ADMIN) if row["urgent"] is True]
    assert rows == [
        {"id": row["id"], "phone": oracle.phone_of(STREET_ADMIN, row)}
        for row in oracle.sorted_by(expected, [("due_on", True)])
    ]
    everything = [row async for row in export.export_rows(reader, database, ADMIN, REPAIR_ORDER, ["id"])]
    assert len(everything) == len(oracle.visible(ADMIN))


async def test_without_the_right_nothing_streams(house: House) -> None:
    reader, database = house.generation.reader, house.database
    with pytest.raises(PermissionDeniedError):
        await anext(export.export_rows(reader, database, ANONYMOUS, REPAIR_ORDER, ["id"]))
    with pytest.raises(PermissionDeniedError):
        await anext(export.export_rows(reader, database, WORKER, REPAIR_ORDER, ["id"], where={"cost": {"gt": "1"}}))
