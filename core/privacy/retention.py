"""How long personal data is kept: ISO 8601 durations of manifests as calendar days in +08:00."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.expr.clock import china_day

_DURATION = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,6})D)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Retention:
    """A duration of whole days and more; hours keep nothing for a citizen to understand."""

    years: int = 0
    months: int = 0
    days: int = 0

    def end(self, start: datetime) -> date:
        """The first day on which the data need not be kept. 31 January and one month is 28 February."""
        first = china_day(start)
        months = first.year * 12 + first.month - 1 + self.years * 12 + self.months
        year, month = divmod(months, 12)
        try:
            day = min(first.day, monthrange(year, month + 1)[1])
            return date(year, month + 1, day) + timedelta(days=self.days)
        except (OverflowError, ValueError):
            return date.max

    @property
    def title(self) -> str:
        parts = [f"{n}{unit}" for n, unit in ((self.years, "年"), (self.months, "个月"), (self.days, "天")) if n]
        return "".join(parts) or "用完即删"


def parse_retention(text: str) -> Retention:
    """ "P3Y", "P1Y6M", "P2W", "P30D". ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is no duration such as P3Y, P6M or P30D")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    return Retention(years, months, weeks * 7 + days)


def told(text: str) -> str:
    """As a citizen reads it; what does not parse is shown as it is."""
    try:
        return parse_retention(text).title
    except ValueError:
        return text
