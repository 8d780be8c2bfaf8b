"""Typed rows of the engine's tables: what was written is what is read, and nobody changes it in place."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from core.fields.column import Column, Kind, Table
from core.store.database import Database
from core.store.ids import uuid7
from core.store.migrate import migrate
from core.store.rows import insert, read, values_of

VALUES: dict[Kind, Any] = {
    "text": "海原县", "uuid": uuid7(), "int": -7, "bool": True, "decimal": Decimal("12.50"), "date": date(2026, 1, 9),
    "datetime": datetime(2026, 1, 9, 8, 30, 0, 125000, tzinfo=UTC), "time": time(8, 30), "json": {"of": [1, None]},
}  # fmt: skip
ALL = Table(
    "tb_test_row",
    (Column("id", "uuid", null=False, primary=True), *(Column(f"a_{kind}", kind, scale=2) for kind in VALUES)),
)


@dataclass(frozen=True, slots=True)
class Row:
    TABLE: ClassVar[Table] = ALL

    id: str
    a_text: str | None
    a_uuid: str | None
    a_int: int | None
    a_bool: bool | None
    a_decimal: Decimal | None
    a_date: date | None
    a_datetime: datetime | None
    a_time: time | None
    a_json: Any


async def test_what_was_written_is_read_and_stays(database_place: tuple[str, str | None]) -> None:
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    try:
        await migrate(database, [ALL])
        full = Row(uuid7(), *VALUES.values())
        empty = Row(uuid7(), *[None] * len(VALUES))
        await database.insert([insert(full), insert(empty)])
        for row in (full, empty):
            [found] = await read(database, database.dialect, Row, "id = {id}", id=row.id)
            assert (type(found), found, hash(found.id)) == (Row, row, hash(row.id))
            assert [type(value) for value in values_of(found).values()] == [type(v) for v in values_of(row).values()]
            with pytest.raises(FrozenInstanceError):
                found.a_int = 1  # type: ignore[misc]  # that is the test
            assert found == row
    finally:
        await database.close()
