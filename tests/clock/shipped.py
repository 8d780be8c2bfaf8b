"""Calendars of what the host ships with, without a database."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from core.clock import Calendar
from core.clock.calendars import Known, known_of
from core.clock.rows import COUNTRY
from core.clock.shipped import shipped_days, shipped_hours
from core.expr.clock import CHINA

BEIJING, HAIYUAN = "110000000000", "640522000000"


@lru_cache
def known() -> Known:
    return known_of(1, shipped_days(), shipped_hours())


def calendar(division: str = COUNTRY) -> Calendar:
    return known().of(division)


def at(text: str, clock: str = "10:00") -> datetime:
    """A moment in China."""
    return datetime.fromisoformat(f"{text}T{clock}+08:00")


def local(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
