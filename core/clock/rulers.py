"""Rulers: an instant as a place in units that count, and back. What does not count has no length on them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from core.clock.calendar import LAST, Calendar, beyond, day_of, instant
from core.expr.clock import CHINA
from core.manifest.cases import Unit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_LAST_MS = (instant(LAST.toordinal(), 0) - _EPOCH) // _MS


class Ruler(Protocol):
    def place(self, at: datetime) -> int:
        """Units that have passed until this instant."""
        ...

    def moment(self, place: int) -> datetime:
        """The first instant (UTC) at which so many have passed in full."""
        ...


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Milliseconds, day and night."""

    calendar: Calendar

    def place(self, at: datetime) -> int:
        return (at - _EPOCH) // _MS

    def moment(self, place: int) -> datetime:
        if place > _LAST_MS:
            beyond()
        return _EPOCH + place * _MS


@dataclass(frozen=True, slots=True)
class Days:
    """Calendar days. A day is over when duty ends."""

    calendar: Calendar

    def place(self, at: datetime) -> int:
        return day_of(at)

    def moment(self, place: int) -> datetime:
        return self.calendar.closing(place)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    calendar: Calendar

    def place(self, at: datetime) -> int:
        return bisect_right(self.calendar.working, day_of(at))

    def moment(self, place: int) -> datetime:
        working = self.calendar.working
        if place > len(working):
            beyond()
        return self.calendar.closing(working[place - 1])


@dataclass(frozen=True, slots=True)
class DutyTime:
    """Milliseconds of duty hours on working days."""

    calendar: Calendar

    def place(self, at: datetime) -> int:
        day, calendar = day_of(at), self.calendar
        number = bisect_left(calendar.working, day)
        passed = calendar.duty_ms[number]
        if number == len(calendar.working) or calendar.working[number] != day:
            return passed
        local = at.astimezone(CHINA)
        now_ms = ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + local.microsecond // 1000
        return passed + sum(min(max(now_ms - b * 1000, 0), (e - b) * 1000) for b, e in calendar.hours(day))

    def moment(self, place: int) -> datetime:
        calendar = self.calendar
        number = max(bisect_left(calendar.duty_ms, place) - 1, 0)
        if number == len(calendar.working):
            beyond()
        day, left = calendar.working[number], place - calendar.duty_ms[number]
        spans = iter(calendar.hours(day))
        begin, end = next(spans)
        while left > (end - begin) * 1000:
            left -= (end - begin) * 1000
            begin, end = next(spans)
        return instant(day, begin) + left * _MS


#: How each unit is counted: its ruler, and how many of the ruler's units it has; months and years are laid out in days.
RULERS: Mapping[Unit, tuple[Callable[[Calendar], Ruler], int]] = {
    "S": (Elapsed, 1000),
    "MIN": (Elapsed, 60_000),
    "H": (Elapsed, 3_600_000),
    "WH": (DutyTime, 3_600_000),
    "WD": (WorkingDays, 1),
    "D": (Days, 1),
    "MON": (Days, 1),
    "Y": (Days, 1),
}
