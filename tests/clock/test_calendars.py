"""Calendars in the tables: what is shipped, what is kept, and when a node looks again."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from core.clock import Calendars, due
from core.clock import seed as seeding
from core.clock.rows import chain, day_row
from core.clock.seed import bump, seed
from core.clock.shipped import shipped_days
from core.manifest.cases import Limit
from core.store.calendar_tables import CALENDAR_DAY, CALENDAR_TABLES
from core.store.database import Database, Insert
from core.store.migrate import migrate
from tests.clock.shipped import at, local

DAY = "SELECT name, source FROM tb_calendar_day WHERE id = '000000000000 2027-01-01'"
STATE = "SELECT version, moved FROM tb_calendar_state"


@pytest.fixture
async def tables(database: Database) -> Database:
    await migrate(database, CALENDAR_TABLES)
    return database


async def test_the_first_start_fills_the_tables_and_the_next_does_nothing(tables: Database) -> None:
    assert await seed(tables)
    count = await tables.fetch_value("SELECT count(*) FROM tb_calendar_day", [])
    assert count == len(shipped_days()) > 1000
    assert not await seed(tables)
    assert [tuple(row) for row in await tables.fetch(STATE, [])] == [(1, 1)]
    assert await tables.fetch_value("SELECT count(*) FROM tb_calendar_day", []) == count


async def test_several_starts_at_once_fill_them_once(tables: Database) -> None:
    assert sorted(await asyncio.gather(*(seed(tables) for _ in range(4)))) == [False, False, False, True]
    assert [tuple(row) for row in await tables.fetch(STATE, [])] == [(1, 1)]


async def test_new_packages_bring_new_rows_but_not_over_an_administrator_s(
    tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed(tables)
    mine = day_row("000000000000", 2027, date(2027, 1, 1), "rest", "元旦", "国办发明电〔2026〕9号")
    async with tables.transaction() as tx:
        await tx.execute("DELETE FROM tb_calendar_day WHERE division = '000000000000' AND year = 2027")
        await tx.insert([Insert(CALENDAR_DAY, mine)])
    monkeypatch.setattr(seeding, "stamp", lambda: "another")
    assert await seed(tables)
    assert [tuple(row) for row in await tables.fetch(DAY, [])] == [("元旦", "国办发明电〔2026〕9号")]
    of_year = "SELECT count(*) FROM tb_calendar_day WHERE division = '000000000000' AND year = "
    assert await tables.fetch_value(of_year + "2027", []) == 1
    assert await tables.fetch_value(of_year + "2028", []) > 10
    # What was computed by the old rows is to be computed again.
    assert [tuple(row) for row in await tables.fetch(STATE, [])] == [(2, 1)]


async def test_a_change_is_seen_when_a_node_looks_again(tables: Database) -> None:
    await seed(tables)
    patient, eager = Calendars(tables, fresh_s=3600), Calendars(tables, fresh_s=0)
    before = await patient.of("")
    assert (await eager.of("")).version == before.version == 1
    async with tables.transaction() as tx:
        await tx.insert([Insert(CALENDAR_DAY, day_row("000000000000", 2026, date(2026, 11, 24), "rest", "防汛", "x"))])
        await bump(tables, tx)
    assert await patient.of("") is before
    assert local(due(await eager.of(""), at("2026-11-23"), Limit(1, "WD")).at) == "2026-11-25 17:30"
    patient.forget()
    assert (await patient.of("")).version == 2


async def test_divisions_share_a_calendar_until_something_tells_them_apart(tables: Database) -> None:
    await seed(tables)
    calendars = Calendars(tables)
    village, county, beijing = [await calendars.of(code) for code in ("640522100203", "640522000000", "110000000000")]
    assert village is county
    assert village is not beijing is await calendars.of("")


async def test_without_rows_there_are_weekends_and_whole_days(tables: Database) -> None:
    end = due(await Calendars(tables).of("640522000000"), at("2026-09-30"), Limit(2, "WD"))
    assert (local(end.at), end.is_provisional) == ("2026-10-02 23:59", True)


def test_the_divisions_around_a_village() -> None:
    assert chain("640522100203") == (
        "000000000000", "640000000000", "640500000000", "640522000000", "640522100000", "640522100203",
    )  # fmt: skip
    assert chain("") == chain("000000000000") == ("000000000000",)


def test_shipped_days_name_their_source() -> None:
    rows = {row["id"]: row for row in shipped_days()}
    assert len(rows) == len(shipped_days())
    assert (rows["000000000000 2026-09-25"]["name"], rows["000000000000 2026-09-25"]["is_provisional"]) == (
        "中秋节",
        False,
    )
    assert rows["000000000000 2026-10-10"]["kind"] == "work"
    assert "chinesecalendar" in rows["000000000000 2026-10-10"]["source"]
    assert "holidays" in rows["000000000000 2027-02-06"]["source"]
    assert rows["640000000000 2026-03-20"]["source"] == "unverified"
    assert {row["is_provisional"] for row in rows.values() if row["source"] == "unverified"} == {True}
    assert {row["is_provisional"] for row in rows.values() if row["day"].year > 2026} == {True}
