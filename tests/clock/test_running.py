"""Cases whose clock runs, read page by page from where the engine keeps them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.clock import Stretch, running
from core.clock.moves import preview
from core.clock.running import running_cases
from core.manifest.cases import Limit
from core.store.case_tables import CASE_TABLES
from core.store.database import Database
from core.store.migrate import migrate
from tests.clock.rows import case_rows
from tests.clock.shipped import at, calendar

START, LIMIT = at("2026-11-23"), Limit(20, "WD", basis="行政许可法第四十二条")


@pytest.fixture
async def tables(database: Database) -> Database:
    await migrate(database, CASE_TABLES)
    return database


async def numbers(database: Database, division: str = "") -> list[str]:
    # By id: those of one millisecond come in any order.
    return sorted([case.number async for case in running_cases(database, division)])


async def test_every_page_is_read_once(tables: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PAGE", 3)
    filed = [f"CM{number}" for number in range(7)]
    for number in filed:
        await tables.insert(case_rows(number, START, LIMIT))
    assert await numbers(tables) == filed


async def test_a_case_comes_with_its_limit_and_the_pauses_that_ended(tables: Database) -> None:
    days = [("2026-11-24", "2026-11-26"), ("2026-11-30", "2026-12-01")]
    pauses = tuple(Stretch(at(since), at(until), "correction") for since, until in days)
    await tables.insert(case_rows("CM1", START, LIMIT, pauses))
    (case,) = [case async for case in running_cases(tables)]
    assert (case.start, case.limit, tuple(case.pauses)) == (START, LIMIT, pauses)
    assert await preview(running_cases(tables), calendar) == []


async def test_only_clocks_that_a_calendar_moves(tables: Database) -> None:
    await tables.insert(case_rows("CM1", START, LIMIT))
    await tables.insert(case_rows("CM2", START, Limit(24, "H")))
    for phase in ("paused", "done", "refused", "withdrawn", "merged"):
        await tables.insert(case_rows(f"CM-{phase}", START, LIMIT, phase=phase))
    assert await numbers(tables) == ["CM1"]


async def test_what_was_due_before_a_change_is_left_out(tables: Database) -> None:
    await tables.insert(case_rows("CM1", START, LIMIT))
    expected = [(date(2003, 12, 1), ["CM1"]), (date(2026, 12, 21), ["CM1"]), (date(2026, 12, 22), [])]
    for day, found in expected:
        assert [case.number async for case in running_cases(tables, due_from=day)] == found


async def test_a_division_and_what_lies_below(tables: Database) -> None:
    for number, division in [("CM1", "640522000000"), ("CM2", "640522100203"), ("CM3", "640521000000")]:
        await tables.insert(case_rows(number, START, LIMIT, division=division))
    assert await numbers(tables, "000000000000") == ["CM1", "CM2", "CM3"]
    assert await numbers(tables, "640500000000") == ["CM1", "CM2", "CM3"]
    assert await numbers(tables, "640522000000") == ["CM1", "CM2"]
    assert await numbers(tables, "640522100000") == ["CM2"]
    assert await numbers(tables, "110000000000") == []


async def test_a_move_names_case_and_new_date(tables: Database) -> None:
    # Filed under winter hours of 宁夏, looked at with those of the country.
    await tables.insert(case_rows("CM1", START, LIMIT))
    moves = await preview(running_cases(tables), lambda division: calendar())
    assert [(m.case.number, m.at - m.case.due_at, m.is_provisional) for m in moves] == [
        ("CM1", timedelta(minutes=-30), False)
    ]
