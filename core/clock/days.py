"""The days of a limit one by one: which count, which do not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.clock.calendar import Calendar, day_of
from core.manifest.cases import Unit

#: Units whose last day is put off when it is a rest day.
ROLLING: frozenset[Unit] = frozenset({"D", "MON", "Y"})
#: Units that count no rest days.
WORKED: frozenset[Unit] = frozenset({"WD", "WH"})
WEEKEND, PUT_OFF, FIRST_DAY, MADE_UP = "周末", "顺延", "起算当日不计入", "调休上班"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the clock stands still. In days it takes out those after `since`, `until` included."""

    since: datetime
    until: datetime
    #: In words ("等待补正").
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """One day between the start of a limit and its end."""

    day: date
    is_counted: bool
    #: "周末", "国庆节", "调休上班", "暂停：等待补正" …; "" for an ordinary day.
    why: str


def days_between(
    calendar: Calendar, first: int, end: int, unit: Unit, last: int, stops: Sequence[Stretch]
) -> tuple[Day, ...]:
    """Days `first` to `end` (ordinals); `last` is the last one that counts, before it was put off."""
    stretches = [(day_of(stop.since), day_of(stop.until), stop.reason) for stop in stops]
    rows = [_day(calendar, day, unit, last, stretches) for day in range(first, end + 1)]
    if unit == "WD" or unit in ROLLING:
        rows[0] = Day(rows[0].day, False, FIRST_DAY)
    return tuple(rows)


def rest_of(calendar: Calendar, day: int) -> str:
    """Why a day is not worked; "" when it is."""
    if calendar.is_working(day):
        return ""
    mark = calendar.marks.get(day)
    return mark.name if mark else WEEKEND


def _day(calendar: Calendar, day: int, unit: Unit, last: int, stretches: Sequence[tuple[int, int, str]]) -> Day:
    on, rest = date.fromordinal(day), rest_of(calendar, day)
    if unit in WORKED and rest:
        return Day(on, False, rest)
    if unit in ROLLING and day > last:
        return Day(on, False, f"{PUT_OFF}：{rest}" if rest else PUT_OFF)
    for since, until, reason in stretches:
        # The hours of other units are stopped inside a day; such a day still counts for its rest.
        if since < day <= until and (unit == "WD" or unit in ROLLING):
            return Day(on, False, f"暂停：{reason}" if reason else "暂停")
    mark = calendar.marks.get(day)
    return Day(on, True, MADE_UP if mark and mark.is_work and unit in WORKED else "")
