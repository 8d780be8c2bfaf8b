"""Days and duty hours as rows, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from core.clock.calendar import DutyTable, Mark, Season
from core.expr.subtree import LEVEL_DIGITS

#: Division of what holds everywhere.
COUNTRY = "000000000000"


@lru_cache(4096)
def chain(division: str) -> tuple[str, ...]:
    """The country and every division around this one, the widest first; "" is the country."""
    digits = division[:12]
    return tuple(dict.fromkeys([COUNTRY, *(digits[:size].ljust(12, "0") for size in LEVEL_DIGITS if digits)]))


def day_row(
    division: str, year: int, day: date, kind: str, name: str, source: str, *, is_provisional: bool = False,
    is_shipped: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": f"{division} {day}", "division": division, "year": year, "day": day, "kind": kind, "name": name,
        "source": source, "is_provisional": is_provisional, "is_shipped": is_shipped,
    }  # fmt: skip


def duty_row(
    division: str, since: date, seasons: Sequence[Mapping[str, Any]], source: str, *, is_shipped: bool = False
) -> dict[str, Any]:
    return {
        "id": f"{division} {since}", "division": division, "since": since, "seasons": list(seasons),
        "source": source, "is_shipped": is_shipped,
    }  # fmt: skip


def mark_of(row: Mapping[str, Any]) -> Mark:
    return Mark(row["day"], row["kind"] == "work", row["name"], row["source"], row["is_provisional"])


def duty_table_of(row: Mapping[str, Any]) -> DutyTable:
    seasons = sorted(map(_season, row["seasons"]), key=lambda season: (season.month, season.day))
    return DutyTable(row["since"], tuple(seasons), row["source"])


def _season(written: Mapping[str, Any]) -> Season:
    month, day = map(int, written["starts"].split("-"))
    hours = tuple((second_of(begin), second_of(end)) for begin, end in written["hours"])
    return Season(month, day, written["title"], hours)


def second_of(clock: str) -> int:
    """ "14:30" as seconds of the day."""
    hour, minute = map(int, clock.split(":"))
    return hour * 3600 + minute * 60


def clock_of(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"
