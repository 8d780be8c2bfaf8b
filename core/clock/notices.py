"""What an administrator sets: the days of a year, or the duty hours from a day on. Checked whole, then as rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

from tongban_sdk.errors import InputProblem

from core.clock.calendar import FIRST, LAST
from core.clock.calendars import Known
from core.clock.days import MADE_UP, WEEKEND
from core.clock.rows import COUNTRY, chain, day_row, duty_row, duty_table_of, mark_of, second_of
from core.clock.shipped import shipped_days, shipped_hours, statutory
from core.fields.column import Table
from core.store.calendar_tables import CALENDAR_DAY, DUTY_HOURS
from core.store.database import Transaction
from core.store.dialect import Dialect
from core.store.statement import statement

Row = Mapping[str, Any]
DAYS_MAX, SOURCE_MAX, NAME_MAX, SEASONS_MAX = 120, 200, 50, 12
#: The law of statutory days as it stands holds from this year on.
_LAW_SINCE = 2025
_NAMES = {"rest": WEEKEND, "work": MADE_UP}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_STARTS = re.compile(r"[0-9]{2}-[0-9]{2}")


class Notice(Protocol):
    """A change of the calendar of one division."""

    @property
    def division(self) -> str: ...
    @property
    def table(self) -> Table: ...
    @property
    def first(self) -> date:
        """The first day it may change."""
        ...

    def problems(self, known: Known) -> list[InputProblem]:
        """Everything that is wrong with it, given what is known now."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """What it sets."""
        ...

    def altered(self, known: Known) -> Known:
        """What would be known then."""
        ...

    async def clear(self, dialect: Dialect, tx: Transaction) -> None:
        """Remove what it takes the place of."""
        ...

    def told(self) -> str:
        """For the auditor."""
        ...


@dataclass(frozen=True, slots=True)
class NoticeDay:
    day: date
    #: rest, work
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class YearNotice:
    """All special days of a year; it takes the place of whatever was known of that year. Without days: back to what is
    shipped."""

    division: str
    year: int
    days: Sequence[NoticeDay]
    source: str

    @property
    def table(self) -> Table:
        return CALENDAR_DAY

    @property
    def first(self) -> date:
        return date(self.year - 1, 12, 1)

    def problems(self, known: Known) -> list[InputProblem]:
        found = list(_common(self.division, self.source))
        if not FIRST.year <= self.year <= LAST.year:
            return [*found, _problem(f"年份应在 {FIRST.year}–{LAST.year} 之间", "calendar.year", "year")]
        if len(self.days) > DAYS_MAX:
            return [*found, _problem(f"一年最多 {DAYS_MAX} 天", "calendar.too-many", "days")]
        if any(problem.path[-1] == "division" for problem in found):
            return found
        return [*found, *self._day_problems(known), *self._missing()]

    def _day_problems(self, known: Known) -> Iterator[InputProblem]:
        wider = known.of(chain(self.division)[-2]) if self.division != COUNTRY else None
        times = Counter(day.day for day in self.days)
        others = self._others(known)
        for number, day in enumerate(self.days):
            if not (day.day.year == self.year or (day.day.year, day.day.month) == (self.year - 1, 12)):
                yield _day_problem(number, f"{day.day} 不在 {self.year} 年（或上一年 12 月）", "calendar.day-outside")
            if times[day.day] > 1:
                yield _day_problem(number, f"{day.day} 出现了 {times[day.day]} 次", "calendar.day-twice")
            if day.day in others:
                yield _day_problem(number, f"{day.day} 已由另一年的通知安排", "calendar.day-taken")
            worked = wider.is_working(day.day.toordinal()) if wider else day.day.weekday() < 5
            if day.kind == "work" and worked:
                yield _day_problem(number, f"{day.day} 本来就是工作日，不用写上班", "calendar.already-working")
            if len(day.name) > NAME_MAX:
                yield _day_problem(number, f"名称最多 {NAME_MAX} 字", "calendar.name")

    def _others(self, known: Known) -> set[date]:
        """Days of this division that notices of other years hold: only the last days of December can be."""
        held = known.years.get(self.division, {})
        return {day for day, year in held.items() if year != self.year}

    def _missing(self) -> Iterator[InputProblem]:
        """Days the law gives to the whole country cannot be left out."""
        if self.division != COUNTRY or self.year < _LAW_SINCE or not self.days:
            return
        rests = {day.day for day in self.days if day.kind == "rest"}
        for day, name in statutory([self.year]).items():
            if "补假" not in name and day not in rests:
                yield _problem(f"{day} 是法定节假日（{name}），通知里没有放假", "calendar.statutory-missing", "days")

    def rows(self) -> list[dict[str, Any]]:
        if not self.days:
            return [row for row in shipped_days() if (row["division"], row["year"]) == (self.division, self.year)]
        return [
            day_row(self.division, self.year, d.day, d.kind, d.name or _NAMES[d.kind], self.source) for d in self.days
        ]

    def altered(self, known: Known) -> Known:
        rows = self.rows()
        held = known.years.get(self.division, {})
        kept = [mark for mark in known.days.get(self.division, []) if held[mark.day] != self.year]
        days = {**known.days, self.division: [*kept, *map(mark_of, rows)]}
        return replace(known, days=days, official_years=self._official(known, rows), made={})

    def _official(self, known: Known, rows: Sequence[Row]) -> frozenset[int]:
        if self.division != COUNTRY:
            return known.official_years
        settled = {self.year} if any(not row["is_provisional"] for row in rows) else set[int]()
        return known.official_years - {self.year} | settled

    async def clear(self, dialect: Dialect, tx: Transaction) -> None:
        text = "DELETE FROM tb_calendar_day WHERE division = {division} AND year = {year}"
        await tx.execute(*statement(dialect, CALENDAR_DAY, text, division=self.division, year=self.year))

    def told(self) -> str:
        return f"{self.division} {self.year}年 {len(self.days)}天：{self.source}"


@dataclass(frozen=True, slots=True)
class HoursNotice:
    """Duty hours of a division from a day on. Without seasons: that table goes, or comes back as shipped."""

    division: str
    since: date
    #: {"starts": "05-01", "title": "夏季", "hours": [["08:30", "12:00"], …]}
    seasons: Sequence[Mapping[str, Any]]
    source: str

    @property
    def table(self) -> Table:
        return DUTY_HOURS

    @property
    def first(self) -> date:
        return self.since

    def problems(self, known: Known) -> list[InputProblem]:
        found = list(_common(self.division, self.source))
        if not FIRST <= self.since <= LAST:
            found.append(_problem(f"日期应在 {FIRST} 到 {LAST} 之间", "calendar.year", "since"))
        if len(self.seasons) > SEASONS_MAX:
            found.append(_problem(f"最多 {SEASONS_MAX} 季", "calendar.too-many", "seasons"))
        times = Counter(season["starts"] for season in self.seasons)
        for number, season in enumerate(self.seasons):
            found += [
                InputProblem(("input", "seasons", number, name), message, id)
                for name, message, id in _season_faults(season, times)
            ]
        return found

    def rows(self) -> list[dict[str, Any]]:
        if not self.seasons:
            return [row for row in shipped_hours() if (row["division"], row["since"]) == (self.division, self.since)]
        return [duty_row(self.division, self.since, self.seasons, self.source)]

    def altered(self, known: Known) -> Known:
        kept = [table for table in known.tables.get(self.division, []) if table.since != self.since]
        own = sorted([*kept, *map(duty_table_of, self.rows())], key=lambda table: table.since)
        return replace(known, tables={**known.tables, self.division: own}, made={})

    async def clear(self, dialect: Dialect, tx: Transaction) -> None:
        text = "DELETE FROM tb_duty_hours WHERE division = {division} AND since = {since}"
        await tx.execute(*statement(dialect, DUTY_HOURS, text, division=self.division, since=self.since))

    def told(self) -> str:
        return f"{self.division} 自{self.since}起{len(self.seasons)}季：{self.source}"


def _common(division: str, source: str) -> Iterator[InputProblem]:
    if not re.fullmatch(r"[0-9]{12}", division):
        yield _problem("区划应为 12 位数字；全国写 000000000000", "calendar.division", "division")
    if not source.strip() or len(source) > SOURCE_MAX:
        yield _problem(f"写明依据的文件（文号和名称），最多 {SOURCE_MAX} 字", "calendar.source", "source")


def _season_faults(season: Mapping[str, Any], times: Mapping[str, int]) -> Iterator[tuple[str, str, str]]:
    starts = season["starts"]
    if not _STARTS.fullmatch(starts) or not _is_day(starts):
        yield "starts", f"{starts} 不是每年都有的日子，写成 05-01 这样", "calendar.season-start"
    if times[starts] > 1:
        yield "starts", f"{starts} 出现了 {times[starts]} 次", "calendar.season-start"
    if not season["title"] or len(season["title"]) > NAME_MAX:
        yield "title", f"写一个名称，最多 {NAME_MAX} 字", "calendar.name"
    clocks = [clock for span in season["hours"] for clock in span]
    wrong = [clock for clock in clocks if not _CLOCK.fullmatch(clock)]
    if wrong:
        yield "hours", f"{'、'.join(wrong)} 不是时刻，写成 08:30 这样", "calendar.hours"
    elif not clocks or any(a >= b for a, b in zip(map(second_of, clocks), map(second_of, clocks[1:]), strict=False)):
        yield "hours", "时段应从早到晚，互不重叠，至少一段", "calendar.hours"


def _is_day(starts: str) -> bool:
    month, day = map(int, starts.split("-"))
    try:
        date(2001, month, day)
    except ValueError:
        return False
    return True


def _problem(message: str, id: str, name: str) -> InputProblem:
    return InputProblem(("input", name), message, id)


def _day_problem(number: int, message: str, id: str) -> InputProblem:
    return InputProblem(("input", "days", number, "day"), message, id)
