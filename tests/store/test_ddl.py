"""An index is read in order, nulls included: a page costs its rows, not the table's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.fields.column import Column, Index, Table
from core.store.database import Database, Insert
from core.store.ddl import create_index
from core.store.dialect import Postgres, Sqlite
from core.store.migrate import migrate

TABLE = Table(
    "x_event",
    (Column("id", "uuid", null=False, primary=True), Column("state", "text"), Column("at", "datetime")),
    (Index(("state", "-at", "-id")), Index(("at", "id"))),
)
NEWEST = "SELECT id FROM x_event WHERE state = 'open' ORDER BY at DESC NULLS LAST, id DESC LIMIT 3"
OLDEST = "SELECT id FROM x_event ORDER BY at NULLS FIRST, id LIMIT 3"


async def test_newest_and_oldest_first_need_no_sort(database: Database) -> None:
    await migrate(database, [TABLE])
    ids = [f"01890000-0000-7000-8000-{n:012d}" for n in range(300)]
    moments = [None if n % 10 == 0 else datetime(2026, 1, 1, 0, n // 60, n % 60, tzinfo=UTC) for n in range(300)]
    rows = [Insert(TABLE, {"id": id, "state": "open", "at": at}) for id, at in zip(ids, moments, strict=True)]
    for start in range(0, 300, 100):
        await database.insert(rows[start : start + 100])
    if database.dialect.name == "postgres":
        async with database.transaction() as tx:
            await tx.execute("ANALYZE x_event")
            await tx.execute("SET LOCAL enable_seqscan = off")
            await tx.execute("SET LOCAL enable_bitmapscan = off")
            plans = [str(await tx.fetch(f"EXPLAIN {sql}")) for sql in (NEWEST, OLDEST)]
    else:
        plans = [
            str([tuple(row) for row in await database.fetch(f"EXPLAIN QUERY PLAN {sql}")]) for sql in (NEWEST, OLDEST)
        ]
    assert ["Sort" in plan or "TEMP B-TREE" in plan for plan in plans] == [False, False], plans
    newest = [str(row[0]) for row in await database.fetch(NEWEST)]
    oldest = [str(row[0]) for row in await database.fetch(OLDEST)]
    assert newest == [ids[299], ids[298], ids[297]]
    assert oldest == [ids[0], ids[10], ids[20]]


@pytest.mark.parametrize(
    ("dialect", "columns"),
    [
        (Sqlite(), '"state", "at" DESC, "id" DESC'),
        (Postgres(), '"state" NULLS FIRST, "at" DESC NULLS LAST, "id" DESC'),
    ],
)
def test_an_index_says_where_nulls_are(dialect: Sqlite | Postgres, columns: str) -> None:
    made = create_index(dialect, TABLE, "ix", TABLE.indexes[0])
    assert made == f'CREATE INDEX "ix" ON "x_event" ({columns})'
