"""Calendars as the tables say, kept in memory until the version row moves."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from core.clock.calendar import FIRST, Calendar, DutyTable, Mark, Season
from core.clock.rows import COUNTRY, chain, duty_table_of, mark_of
from core.store.calendar_tables import CALENDAR_DAY, DUTY_HOURS
from core.store.database import Database
from core.store.statement import load_row

#: How long a node goes on with what it read.
FRESH_S = 2.0
#: Where no table says anything: a calendar must be able to say when a day is over.
_WHOLE_DAY = DutyTable(FIRST, (Season(1, 1, "全天", ((0, 24 * 3600 - 1),)),), "")
_DAYS = ("division", "year", "day", "kind", "name", "source", "is_provisional")
_HOURS = ("division", "since", "seasons", "source")


@dataclass(slots=True)
class Known:
    """What the tables said at one version; `made` are the calendars built of it."""

    version: int
    days: Mapping[str, list[Mark]]
    tables: Mapping[str, list[DutyTable]]
    official_years: frozenset[int]
    #: Division → day → year of the notice it stands in.
    years: Mapping[str, Mapping[date, int]]
    made: dict[tuple[str, ...], Calendar] = field(default_factory=dict)

    def of(self, division: str) -> Calendar:
        """Divisions that nothing tells apart share one calendar."""
        around = tuple(d for d in chain(division) if d in self.days or d in self.tables)
        if around not in self.made:
            self.made[around] = self._make(around)
        return self.made[around]

    def _make(self, around: tuple[str, ...]) -> Calendar:
        marks = {mark.day: mark for division in around for mark in self.days.get(division, ())}
        return Calendar(marks.values(), self._hours(around), self.official_years, version=self.version)

    def _hours(self, around: tuple[str, ...]) -> list[DutyTable]:
        """From its first table on, a narrower division goes by its own hours."""
        tables: list[DutyTable] = []
        for division in around:
            own = self.tables.get(division, [])
            tables = [t for t in tables if not own or t.since < own[0].since] + own
        return tables if tables and tables[0].since <= FIRST else [_WHOLE_DAY, *tables]


class Calendars:
    """One per process."""

    def __init__(self, database: Database, *, fresh_s: float = FRESH_S) -> None:
        self._database, self._fresh_s = database, fresh_s
        self._known: Known | None = None
        self._looked_at = float("-inf")

    async def of(self, division: str) -> Calendar:
        """The calendar of a division (12 digits), or of the country (""). Another node's change is seen within 2 s."""
        return (await self.known()).of(division)

    async def known(self) -> Known:
        """Everything, for who asks about many divisions at once."""
        if self._known is None or time.monotonic() - self._looked_at > self._fresh_s:
            version = await read_version(self._database)
            if self._known is None or self._known.version != version:
                self._known = await read_known(self._database, version)
            self._looked_at = time.monotonic()
        return self._known

    def forget(self) -> None:
        """The next question looks at the tables."""
        self._looked_at = float("-inf")


async def read_version(database: Database) -> int:
    """0 before anything was shipped."""
    return int(await database.fetch_value("SELECT version FROM tb_calendar_state WHERE id = 'CN'", []) or 0)


async def read_known(database: Database, version: int) -> Known:
    """All rows. Read after `version`: rows that are newer than it are read again with the next look."""
    days = await _rows(database, CALENDAR_DAY, _DAYS, "day")
    return known_of(version, days, await _rows(database, DUTY_HOURS, _HOURS, "since"))


def known_of(version: int, days: Iterable[Mapping[str, Any]], hours: Iterable[Mapping[str, Any]]) -> Known:
    """Rows of tb_calendar_day and, by `since`, of tb_duty_hours."""
    marks: dict[str, list[Mark]] = defaultdict(list)
    tables: dict[str, list[DutyTable]] = defaultdict(list)
    years: dict[str, dict[date, int]] = defaultdict(dict)
    official: set[int] = set()
    for row in days:
        marks[row["division"]].append(mark_of(row))
        years[row["division"]][row["day"]] = row["year"]
        if row["division"] == COUNTRY and not row["is_provisional"]:
            official.add(row["year"])
    for row in hours:
        tables[row["division"]].append(duty_table_of(row))
    return Known(version, dict(marks), dict(tables), frozenset(official), dict(years))


async def _rows(database: Database, table: Any, names: tuple[str, ...], order: str) -> list[Mapping[str, Any]]:
    found = await database.fetch(f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {order}", [])
    return [load_row(database.dialect, table, names, row) for row in found]
