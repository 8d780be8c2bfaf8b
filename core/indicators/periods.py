"""Periods of indicators: days, weeks from Monday, months and years on the county's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from core.expr.clock import CHINA, china_day
from core.manifest.indicators import Cycle

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """One cycle; `last` is its last day."""

    cycle: Cycle
    first: date

    @property
    def last(self) -> date:
        return self.next.first - _DAY

    @property
    def begin(self) -> datetime:
        """The first instant in it."""
        return datetime.combine(self.first, time(), CHINA)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.next.begin

    @property
    def next(self) -> Period:
        # A day beyond its length, whatever the length: the first day of that one's period.
        days = {"day": 1, "week": 7, "month": 31, "year": 366}[self.cycle]
        return period_of(self.cycle, self.first + timedelta(days=days))

    @property
    def before(self) -> Period:
        return period_of(self.cycle, self.first - _DAY)


def period_of(cycle: Cycle, day: date) -> Period:
    match cycle:
        case "day":
            return Period(cycle, day)
        case "week":
            return Period(cycle, day - timedelta(days=day.weekday()))
        case "month":
            return Period(cycle, day.replace(day=1))
        case "year":
            return Period(cycle, day.replace(month=1, day=1))


def running(cycle: Cycle, now: datetime) -> Period:
    return period_of(cycle, china_day(now))


def back(period: Period, count: int) -> list[Period]:
    """So many periods, the last of them this one, the oldest first."""
    found = [period]
    while len(found) < count:
        found.append(found[-1].before)
    return found[::-1]


def between(cycle: Cycle, first: date, last: date) -> Iterator[Period]:
    """Periods that have one of these days."""
    period = period_of(cycle, first)
    while period.first <= last:
        yield period
        period = period.next
