"""China's one clock: +08:00. It has had no summer time since 1991, and none in our databases."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def china_day(instant: datetime) -> date:
    """The day an aware instant falls on."""
    return instant.astimezone(CHINA).date()
