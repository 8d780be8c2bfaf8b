"""Cron expressions of manifests: "minute hour day month weekday", always +08:00 (China has one time and no summer)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.expr.clock import CHINA

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
#: 29 February on a weekday comes back within 28 years, 40 over a century; nobody waits that long for a job.
_HORIZON_DAYS = 366 * 9


class CronError(ValueError):
    """The expression cannot be read; the message is Chinese."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. As in crontab(5), day and weekday are "or" when both are restricted."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def latest(self, now: datetime, after: datetime) -> datetime | None:
        """The last firing in (after, now], or None."""
        local = now.astimezone(CHINA).replace(second=0, microsecond=0)
        floor = max(after.astimezone(CHINA), local - timedelta(days=_HORIZON_DAYS))
        day = local.date()
        while day >= floor.date():
            if self._matches_day(day.month, day.day, day.isoweekday() % 7):
                for hour in sorted(self.hours, reverse=True):
                    for minute in sorted(self.minutes, reverse=True):
                        at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHINA)
                        if at <= floor:
                            return None
                        if at <= local:
                            return at.astimezone(UTC)
            day -= timedelta(days=1)
        return None

    def _matches_day(self, month: int, day: int, weekday: int) -> bool:
        if month not in self.months:
            return False
        if self.either_day:
            return day in self.days or weekday in self.weekdays
        return day in self.days and weekday in self.weekdays


def parse_cron(text: str) -> Cron:
    """Read one expression, or raise CronError."""
    parts = text.split()
    if len(parts) != 5:
        raise CronError(f"cron {text!r} 应有 5 段：分 时 日 月 周")
    sets = [_numbers(part, low, high) for part, (low, high) in zip(parts, _RANGES, strict=True)]
    weekdays = frozenset(number % 7 for number in sets[4])
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays, parts[2] != "*" and parts[4] != "*")


def _numbers(part: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for piece in part.split(","):
        span, _, step = piece.partition("/")
        first, dash, last = (str(low), "-", str(high)) if span == "*" else span.partition("-")
        numbers = [first, last if dash else (str(high) if step else first), step or "1"]
        if not all(n.isascii() and n.isdigit() for n in numbers):
            raise CronError(f"cron 的 {part!r} 看不懂")
        start, end, stride = map(int, numbers)
        if not (low <= start <= end <= high and stride > 0):
            raise CronError(f"cron 的 {part!r} 超出 {low}–{high}")
        found.update(range(start, end + 1, stride))
    return frozenset(found)
