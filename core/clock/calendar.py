"""A calendar of one division: which days are worked, and when the offices are open. All in +08:00."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from typing import NoReturn

from tongban_sdk.errors import InvalidInputError

from core.expr.clock import CHINA

FIRST, LAST = date(2004, 1, 1), date(2099, 12, 31)
_FIRST, _LAST = FIRST.toordinal(), LAST.toordinal()
_MIDNIGHT = datetime.combine(FIRST, time(), CHINA).astimezone(UTC)
#: Opening and closing, in seconds of the day.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that is not what its weekday says, or that has a name."""

    day: date
    #: Worked although it is a weekend (调休上班); else a rest day.
    is_work: bool
    name: str
    source: str
    #: No official notice says so (yet).
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class Season:
    """Duty hours from a day of every year on, until the next season begins."""

    month: int
    day: int
    title: str
    #: In order, never overlapping, never empty.
    hours: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class DutyTable:
    """Duty hours of a division from a date on, until its next table."""

    since: date
    #: By (month, day); the last one also covers the days of a year before the first.
    seasons: tuple[Season, ...]
    source: str


class Calendar:
    """Immutable; made by `Calendars`, shared by all divisions that have the same days and hours."""

    def __init__(
        self, marks: Iterable[Mark], tables: Sequence[DutyTable], official_years: Iterable[int], *, version: int = 0
    ) -> None:
        """`marks`: one per day; `tables`: by `since`, the first from the beginning of time."""
        self.version = version
        self.marks = {mark.day.toordinal(): mark for mark in marks}
        self.official_years = frozenset(official_years)
        self.tables = tuple(tables)
        self._unsettled = array("l", sorted(o for o, mark in self.marks.items() if mark.is_provisional))
        self._opens_from, self._opens = _periods(tables)
        #: Ordinals of the working days, in order.
        self.working = array("l", _working(self.marks))

    def is_working(self, day: int) -> bool:
        place = bisect_left(self.working, day)
        return place < len(self.working) and self.working[place] == day

    def next_working(self, day: int) -> int:
        """This day (ordinal) if it is worked, else the next that is."""
        place = bisect_left(self.working, day)
        if place == len(self.working):
            beyond()
        return self.working[place]

    def hours(self, day: int) -> tuple[Span, ...]:
        """Duty hours that hold on a day, worked or not."""
        return self._opens[bisect_right(self._opens_from, day) - 1]

    def is_open(self, at: datetime) -> bool:
        """Within duty hours of a working day."""
        day = day_of(at)
        second = (at - instant(day, 0)).total_seconds()
        return self.is_working(day) and any(begin <= second < end for begin, end in self.hours(day))

    def closing(self, day: int) -> datetime:
        """When a limit that ends on this day is over: the end of duty (民法典第二百零三条)."""
        return instant(day, self.hours(day)[-1][1])

    def is_provisional(self, first: int, last: int) -> bool:
        """Whether any of these days may still be changed by a notice that is not out."""
        if bisect_right(self._unsettled, last) > bisect_left(self._unsettled, first):
            return True
        years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
        return any(year not in self.official_years for year in years)

    @cached_property
    def duty_ms(self) -> array[int]:
        """Milliseconds of duty before each working day, and after the last: one more than `working`."""
        lengths = [1000 * sum(end - begin for begin, end in spans) for spans in self._opens]
        find, starts = bisect_right, self._opens_from
        return array("q", accumulate((lengths[find(starts, day) - 1] for day in self.working), initial=0))


def instant(day: int, second: int) -> datetime:
    """A second of a day as an aware UTC instant."""
    if not _FIRST <= day <= _LAST:
        beyond()
    return _MIDNIGHT + timedelta(days=day - _FIRST, seconds=second)


def day_of(at: datetime) -> int:
    """Ordinal of the day in China an instant falls on; InvalidInputError outside the years a calendar knows."""
    day = at.astimezone(CHINA).toordinal()
    if not _FIRST <= day <= _LAST:
        beyond()
    return day


def beyond() -> NoReturn:
    """Refuse a day no calendar knows."""
    raise InvalidInputError(f"日期超出日历：只能推算 {FIRST.year} 年到 {LAST.year} 年", hint="请核对起算时间和期限")


def _working(marks: dict[int, Mark]) -> list[int]:
    # Ordinal 6 was a Saturday.
    weekends = (range(_FIRST + (saturday - _FIRST) % 7, _LAST + 1, 7) for saturday in (6, 7))
    rests = [day for day, mark in marks.items() if not mark.is_work]
    worked = [day for day, mark in marks.items() if mark.is_work]
    return sorted(set(range(_FIRST, _LAST + 1)).difference(*weekends, rests).union(worked))


def _periods(tables: Sequence[DutyTable]) -> tuple[list[int], list[tuple[Span, ...]]]:
    """Days from which hours hold, and the hours."""
    starts: dict[int, tuple[Span, ...]] = {}
    for number, table in enumerate(tables):
        until = tables[number + 1].since if number + 1 < len(tables) else LAST + timedelta(days=1)
        begin = max(table.since, FIRST)
        before = [s for s in table.seasons if (s.month, s.day) <= (begin.month, begin.day)]
        starts[begin.toordinal()] = (before or table.seasons)[-1].hours
        for year in range(begin.year, until.year + 1):
            for season in table.seasons:
                day = date(year, season.month, season.day)
                if begin < day < until:
                    starts[day.toordinal()] = season.hours
    days = sorted(starts)
    return days, [starts[day] for day in days]
