"""Days and duty hours the host comes with: official ones, computed ones, and those of data/overlay.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from core.clock.days import MADE_UP
from core.clock.rows import COUNTRY, day_row, duty_row

OVERLAY = Path(__file__).with_name("data") / "overlay.yaml"
UNVERIFIED = "unverified"
#: Beyond, a calendar knows weekends only. Everything after the last official year is 暂定 anyway.
COMPUTED_UNTIL = 2040
#: Raised when this module makes other rows of the same data.
_MADE = "1"
#: chinesecalendar's names, as the law has them.
_NAMES = {
    "New Year's Day": "元旦", "Spring Festival": "春节", "Tomb-sweeping Day": "清明节", "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节", "Mid-autumn Festival": "中秋节", "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗日战争胜利70周年纪念日",
}  # fmt: skip

Row = dict[str, Any]


def stamp() -> str:
    """Changes with what would be shipped; costs no import of the packages."""
    parts = [_MADE, version("chinesecalendar"), version("holidays"), OVERLAY.read_text("utf-8")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@lru_cache(1)
def shipped_days() -> tuple[Row, ...]:
    """Rows of tb_calendar_day."""
    official = list(_official())
    last = max(row["year"] for row in official)
    return (*official, *_computed(last + 1), *_overlaid())


def shipped_hours() -> tuple[Row, ...]:
    """Rows of tb_duty_hours."""
    tables = _overlay()["duty_hours"]
    return tuple(
        duty_row(division, table["since"], table["seasons"], table["source"], is_shipped=True)
        for division, found in tables.items()
        for table in found
    )


def _official() -> Iterator[Row]:
    """The notices of the State Council, as chinesecalendar transcribes them. Needed here only: 0.1 s of import."""
    from chinese_calendar.constants import holidays, workdays

    source = f"国务院办公厅节假日安排通知（chinesecalendar {version('chinesecalendar')}）"
    for kind, days in (("rest", holidays), ("work", workdays)):
        for day, english in days.items():
            name = MADE_UP if kind == "work" else _NAMES[english]
            yield day_row(COUNTRY, day.year, day, kind, name, source, is_shipped=True)


def _computed(first_year: int) -> Iterator[Row]:
    source = f"按《全国年节及纪念日放假办法》推算（holidays {version('holidays')}）"
    for day, name in statutory(range(first_year, COMPUTED_UNTIL + 1)).items():
        yield day_row(COUNTRY, day.year, day, "rest", name, source, is_provisional=True, is_shipped=True)


def statutory(years: Iterable[int]) -> dict[date, str]:
    """Statutory days of years from 2025 on, substitutes ("春节（补假）") included: 全国年节及纪念日放假办法 art. 2, 6.

    Which weekends are worked in exchange nobody can compute."""
    from holidays import country_holidays

    found = country_holidays("CN", years=years, language="zh_CN").items()
    return {day: name.replace("农历除夕", "春节").replace("; ", "、") for day, name in sorted(found)}


def _overlaid() -> Iterator[Row]:
    for division, years in _overlay()["days"].items():
        for found in years:
            year, source = found["year"], found["source"]
            names = [(day, name) for name, days in found.items() if isinstance(days, list) for day in days]
            for day, name in names:
                guess = source == UNVERIFIED
                yield day_row(division, year, day, "rest", name, source, is_provisional=guess, is_shipped=True)


def _overlay() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.load(OVERLAY.read_bytes(), Loader=yaml.CSafeLoader)
    return loaded
