"""Periods of one thing never overlap, whoever writes at the same time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError

from core.access import AccessModel
from core.manifest.model import Period, World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer, Written
from tests.worlds import entity, plugin, rule

SHIFT = entity(
    "test",
    "shift",
    {
        "who": {"type": "string"},
        "note": {"type": "string"},
        "begins": {"type": "datetime", "title": "开始"},
        "ends": {"type": "datetime", "title": "结束"},
    },
    no_overlap=(Period(("who",), "begins", "ends"),),
)
WORLD = World({"test": plugin("test", [SHIFT], [rule("clerk", SHIFT, "read create update delete")])})
CLERK = Actor("u1", "staff", roles=frozenset({"anonymous", "clerk"}))


class Roster:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = Writer(database, WORLD, AccessModel(WORLD))

    async def add(self, begins: int | None, ends: int | None, who: str | None = "甲", **more: Any) -> Written:
        return await self.writer.create(CLERK, SHIFT, {"who": who, "begins": at(begins), "ends": at(ends), **more})

    async def change(self, shift: Written, **patch: Any) -> Written:
        return await self.writer.update(CLERK, SHIFT, shift.id, shift.version, patch)

    async def count(self) -> int:
        return int(await self.database.fetch_value("SELECT count(*) FROM test_shift WHERE deleted_at IS NULL"))


def at(hour: int | None) -> str | None:
    return None if hour is None else datetime(2026, 9, 1, hour, tzinfo=UTC).isoformat()


@pytest.fixture
async def roster(database: Database) -> Roster:
    await migrate(database, tables_of(WORLD))
    return Roster(database)


async def test_periods_of_one_thing_do_not_overlap(roster: Roster) -> None:
    first = await roster.add(8, 12)
    await roster.add(12, 14)
    await roster.add(8, 12, "乙")
    await roster.add(9, 10, None)
    await roster.add(None, 10)
    for begins, ends in ((11, 13), (7, 9), (9, 10), (7, 20), (8, 12), (11, None), (0, None)):
        with pytest.raises(InvalidInputError) as refused:
            await roster.add(begins, ends)
        assert [(p.path, p.id) for p in refused.value.problems] == [(("input", "ends"), "period.overlap")]
    with pytest.raises(InvalidInputError) as refused:
        await roster.add(15, 15)
    assert [(p.id, p.message) for p in refused.value.problems] == [("period.order", "应晚于开始")]
    assert await roster.count() == 5
    assert int(await roster.database.fetch_value("SELECT count(*) FROM tb_history")) == 5
    endless = await roster.add(20, None)
    with pytest.raises(InvalidInputError, match="填写的内容有误"):
        await roster.add(22, 23)
    # What does not touch the period is not asked; a row is not in its own way; what is deleted is in nobody's.
    first = await roster.change(first, note="换班")
    first = await roster.change(first, begins=at(9))
    with pytest.raises(InvalidInputError) as refused:
        await roster.change(first, ends=at(13))
    assert [(p.path, p.id) for p in refused.value.problems] == [(("patch", "ends"), "period.overlap")]
    await roster.writer.delete(CLERK, SHIFT, endless.id, 1)
    await roster.add(22, 23)


async def test_of_many_at_once_one_gets_the_time(roster: Roster) -> None:
    results = await asyncio.gather(*(roster.add(8, 9 + n) for n in range(8)), return_exceptions=True)
    assert [type(result) for result in results].count(Written) == 1
    assert {type(result) for result in results} == {Written, InvalidInputError}
    assert await roster.count() == 1
