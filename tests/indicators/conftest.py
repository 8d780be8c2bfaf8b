"""The plugin of tests/cases with indicators, and rows that lie there as if cases had come and gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.expr.clock import CHINA
from core.indicators import Indicators
from core.store.case_tables import CASE, CASE_RECORD
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.indicator_tables import INDICATOR_PERIOD
from core.store.statement import load_row
from core.store.tables import table_of
from tests.cases.conftest import COUNTY, TOWN, VILLAGE, Office, opened

INDICATORS = """indicators:
  on_time: {title: 按期办结率, over: cases, measure: share, time_field: closed_at, of: is_on_time, group_by: service,
    unit: '%', good: up, cycle: month, target: 95, alarm_at: 80, alarm_to: works_chief, readers: [works_desk],
    public: true}
  hours: {title: 平均办理时间, over: cases, measure: avg, time_field: closed_at, number_field: hours, unit: 小时,
    good: down, cycle: month, alarm_at: 24, alarm_to: works_chief, alarm_after: 2}
  reports: {title: 上报量, over: report, measure: count, group_by: kind, unit: 件, good: down, cycle: day,
    readers: [works_desk], public: true}
  open: {title: 未结, over: report, measure: count, kind: moment, about: things, where: 'state != "closed"', unit: 件,
    good: down, cycle: day, readers: [works_desk]}
"""


def at(text: str) -> datetime:
    """ "2026-03-10 09:00" on the county's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


class Board:
    """An office whose clock stands where the test puts it."""

    def __init__(self, office: Office, now: str = "2026-03-10 09:00") -> None:
        self.office, self.host, self.now = office, office.host, at(now)
        self.indicators.clock = lambda: self.now

    @property
    def indicators(self) -> Indicators:
        return self.host.indicators

    async def closed(self, count: int, when: str, division: str = VILLAGE, **record: Any) -> None:
        """So many cases that ended then."""
        await self.host.database.insert([row for _ in range(count) for row in closed_case(at(when), division, record)])

    async def reported(self, count: int, when: str, kind: str = "cover", division: str = VILLAGE) -> None:
        table = table_of(self.host.generation.world.entities["works.report"])
        fixed = {"created_by": "a", "updated_by": "a", "version": 1, "state": "new", "kind": kind, "division": division}
        rows = [{"id": uuid7(), "created_at": at(when), "updated_at": at(when), **fixed} for _ in range(count)]
        await self.host.database.insert([Insert(table, row) for row in rows])

    async def later(self, now: str) -> int:
        """The clock goes on, and the loop turns; how many periods of the plugin were counted."""
        self.now = at(now)
        # A minute is long in a test, and in this one rows come from any year.
        self.indicators._fresh.clear()
        self.indicators._since.clear()
        await self.indicators.run_all()
        return await self.counted()

    async def counted(self) -> int:
        """Periods of the plugin that were counted at this time of the clock."""
        names = ("indicator", "counted_at")
        rows = await self.host.database.fetch(f"SELECT {', '.join(names)} FROM tb_indicator_period", [])
        found = [load_row(self.host.database.dialect, INDICATOR_PERIOD, names, row) for row in rows]
        return sum(row["indicator"].startswith("works.") and row["counted_at"] == self.now for row in found)

    async def shown(self, who: str, key: str, **more: Any) -> dict[str, list[Any]]:
        """Per line: values, or the word that says why there is none."""
        chart = await self.indicators.chart(self.host.generation, self.office[who], key, **more)
        return {
            line.key: [float(p.value) if p.value is not None else p.state for p in line.points] for line in chart.lines
        }

    async def alarms(self) -> list[tuple[Any, ...]]:
        """Indicator, division, month and whether it stands."""
        names = "indicator, division, CAST(starts_on AS text), cleared_at IS NULL"
        text = f"SELECT {names} FROM tb_indicator_alarm WHERE indicator LIKE 'works.%' ORDER BY 1, 3, 2"
        return [(key, place, day, bool(stands)) for key, place, day, stands in await self.office.fetch(text)]


def closed_case(when: datetime, division: str, record: dict[str, Any]) -> list[Insert]:
    id, filed = uuid7(), when - timedelta(days=1)
    whole = {
        "id": id, "number": f"N{id}", "plugin_id": "works", "service": "works.repair", "division": division,
        "channel": "app", "filed_at": filed, "closed_at": when, "outcome": "done",
    }  # fmt: skip
    case = {
        "service_version": 1, "workflow": "works.repair", "workflow_version": 1, "entity": "works.report",
        "row_id": uuid7(), "account": "a", "state": "closed", "phase": "done", "urgency": 0, "is_provisional": False,
        "version": 1, "updated_at": when,
    }  # fmt: skip
    return [Insert(CASE, {**whole, **case}), Insert(CASE_RECORD, {**whole, "returns": 0, "paused_s": 0, **record})]


@asynccontextmanager
async def boarded(
    place: tuple[str, str | None], folder: Path, patch: pytest.MonkeyPatch, **texts: str
) -> AsyncIterator[Board]:
    async with opened(place, folder, patch, indicators=INDICATORS, **texts) as office:
        await office.member("派遣员", "works_desk", COUNTY)
        await office.member("乡派遣员", "works_desk", TOWN)
        await office.member("负责人", "works_chief", COUNTY)
        await office.member("村负责人", "works_chief", VILLAGE)
        await office.member("维修工", "works_crew", COUNTY)
        await office.citizen("马大妈")
        yield Board(office)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def board(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Board]:
    async with boarded(database_place, tmp_path, monkeypatch) as found:
        yield found
