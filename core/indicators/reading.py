"""Who sees an indicator, of which place, and its numbers as a chart wants them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.access import me_of
from core.expr.subtree import LEVEL_DIGITS, subtree_range
from core.indicators.counting import Sum, Sums, level
from core.indicators.keeping import kept
from core.indicators.periods import Period, between
from core.indicators.shown import MISSING, Shown, shown, shown_beside
from core.manifest.indicators import Indicator
from core.store.database import Database

Breakdown = Literal["", "division", "group"]
#: Periods of one chart.
PERIODS_MAX = 400
#: Lines of one chart.
LINES_MAX = 500
#: What the public sees is broken down into townships: whole counties are few.
_PUBLIC_LEVEL = 9
_DIVISION = re.compile(r"[1-9][0-9]{11}", re.ASCII)
_YEARS = range(2000, 2101)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees of an indicator."""

    #: "" = everywhere.
    division: str
    #: Of those who work with it; the public sees what is over.
    sees_running: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A key and a number per period. The key is a division, a group, or "" for all."""

    key: str
    points: tuple[Shown, ...]


def sight(actor: Actor, indicator: Indicator, division: str) -> Sight | None:
    """None = nothing. Staff see their division and below, by default their own; everybody else what is public, as a
    whole."""
    me = me_of(actor)
    if actor.staff is not None and actor.agent is None and actor.roles & indicator.readers and me["division"]:
        asked = division or me["division"]
        if me["division_first"] <= asked <= me["division_last"]:
            return Sight(asked, True)
    return Sight("", False) if indicator.is_public and not division else None


def checked_division(division: str) -> str:
    if division and not _DIVISION.fullmatch(division):
        raise _refused("division", "应为 12 位区划代码", "indicator.division")
    return division


def span(indicator: Indicator, first: date, last: date) -> list[Period]:
    """The periods of a chart; InvalidInputError when there are none or too many."""
    if first > last or first.year not in _YEARS or last.year not in _YEARS:
        raise _refused("from", "应为 2000 到 2100 年之间、不晚于 to 的日期", "indicator.span")
    found: list[Period] = []
    for period in between(indicator.cycle, first, last):
        if len(found) == PERIODS_MAX:
            raise _refused("from", f"一次至多看 {PERIODS_MAX} 个周期", "indicator.span")
        found.append(period)
    return found


async def lines(
    database: Database, indicator: Indicator, seen: Sight, periods: Sequence[Period], by: Breakdown,
    running: tuple[Period, Sums] | None,
) -> list[Line]:  # fmt: skip
    """One line per part, the largest first; without `by` one line in all. `running` has what is counted so far."""
    counted = await _stored(database, indicator, seen, periods, by)
    if running and running[0] in periods:
        counted[running[0].first] = {key: one for key, one in running[1].items() if _is_wanted(key, seen, by)}
    told = {first: _told(indicator, sums, seen, by) for first, sums in counted.items()}
    sizes = Counter[str]()
    for sums in counted.values():
        sizes.update({key: one.denominator for key, one in _parts(sums, seen, by).items()})
    keys = sorted(sizes, key=lambda key: (-sizes[key], key))[:LINES_MAX] if by else [""]
    zero = shown(indicator, Sum())

    def point(period: Period, key: str) -> Shown:
        return told[period.first].get(key, zero) if period.first in told else MISSING

    return [Line(key, tuple(point(period, key) for period in periods)) for key in keys]


def _told(indicator: Indicator, sums: Sums, seen: Sight, by: Breakdown) -> Mapping[str, Shown]:
    whole = sums.get((seen.division, ""), Sum())
    return shown_beside(indicator, _parts(sums, seen, by), whole) if by else {"": shown(indicator, whole)}


def _parts(sums: Sums, seen: Sight, by: Breakdown) -> Mapping[str, Sum]:
    return {(key[0] if by == "division" else key[1]): one for key, one in sums.items() if _is_part(key, seen, by)}


def _is_part(key: tuple[str, str], seen: Sight, by: Breakdown) -> bool:
    if by != "division":
        return key[0] == seen.division and (key[1] != "") == (by == "group")
    first, last = _range(seen.division)
    return key[1] == "" and level(key[0]) == _next_level(seen) and first <= key[0] <= last


def _is_wanted(key: tuple[str, str], seen: Sight, by: Breakdown) -> bool:
    return key == (seen.division, "") or (by != "" and _is_part(key, seen, by))


def _next_level(seen: Sight) -> int:
    """Digits of the divisions that lie right below; 0 = none do."""
    if not seen.division:
        return _PUBLIC_LEVEL
    return next((digits for digits in LEVEL_DIGITS if digits > level(seen.division)), 0)


def _range(division: str) -> tuple[str, str]:
    return subtree_range(division) if division else ("0", "9" * 15)


async def _stored(
    database: Database, indicator: Indicator, seen: Sight, periods: Sequence[Period], by: Breakdown
) -> dict[date, dict[tuple[str, str], Sum]]:
    """By period that was counted: the whole, and its parts."""
    first, last = _range(seen.division)
    parts = {
        "": "",
        "group": " OR (i.division = {division} AND i.group_key <> '')",
        "division": " OR (i.level = {level} AND i.group_key = '' AND i.division >= {low:division} "
        "AND i.division <= {high:division})",
    }
    where = f"((i.division = {{division}} AND i.group_key = ''){parts[by]})"
    values = {"division": seen.division, "low": first, "high": last, "level": _next_level(seen)}
    known, rows = await kept(database, database, indicator, periods[0].first, periods[-1].first, where, **values)
    found: dict[date, dict[tuple[str, str], Sum]] = {day: {} for day in known}
    for day, division, group, one in rows:
        found[day][division, group] = one
    return found


def _refused(name: str, message: str, id: str) -> InvalidInputError:
    return InvalidInputError("填写的内容有误", [InputProblem((name,), message, id)])
