"""Finished periods: which are to be counted now, and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time

from core.expr.clock import CHINA, china_day
from core.indicators.counting import Sum, Sums, level
from core.indicators.periods import Period, back, running
from core.manifest.indicators import Indicator
from core.store.database import Database, Insert, Transaction
from core.store.ids import uuid7
from core.store.indicator_tables import INDICATOR, INDICATOR_PERIOD
from core.store.statement import load_row, statement

#: Periods that are counted when they are missing: after a time without workers, for a new or changed indicator.
MISSED = {"day": 35, "week": 13, "month": 13, "year": 3}
#: The latest of them are counted again once a day: what is entered late counts, too.
LATE = {"day": 7, "week": 4, "month": 3, "year": 2}

_NAMES = ("starts_on", "definition", "counted_at")
#: First day of a period to the definition it was counted by, and when.
Counted = Mapping[date, tuple[str, datetime]]


async def due(database: Database, indicator: Indicator, now: datetime, since: date) -> list[Period]:
    """Finished periods to be counted, the oldest first. Before `since` there was nothing, except in the last one."""
    last = running(indicator.cycle, now).before
    if indicator.kind == "moment":
        # How things stood earlier nobody knows any more.
        found = await _counted(database, indicator, last)
        return [] if found.get(last.first, ("",))[0] == indicator.hash else [last]
    wanted = [one for one in back(last, MISSED[indicator.cycle]) if one.last >= since or one == last]
    late = {period.first for period in wanted[-LATE[indicator.cycle] :]}
    found = await _counted(database, indicator, wanted[0])
    today = datetime.combine(china_day(now), time(), CHINA)

    def is_fresh(period: Period) -> bool:
        definition, at = found.get(period.first, ("", today))
        return definition == indicator.hash and (period.first not in late or at >= today)

    return [period for period in wanted if not is_fresh(period)]


async def _counted(database: Database, indicator: Indicator, since: Period) -> Counted:
    text = (
        f"SELECT {', '.join(_NAMES)} FROM tb_indicator_period "
        "WHERE indicator = {indicator} AND starts_on >= {since:starts_on}"
    )
    bound = statement(database.dialect, INDICATOR_PERIOD, text, indicator=indicator.key, since=since.first)
    rows = [load_row(database.dialect, INDICATOR_PERIOD, _NAMES, row) for row in await database.fetch(*bound)]
    return {row["starts_on"]: (row["definition"], row["counted_at"]) for row in rows}


async def keep(
    tx: Transaction, database: Database, indicator: Indicator, period: Period, sums: Sums, now: datetime
) -> bool:
    """Replace what was counted before `now`; False when somebody has counted later and nothing was changed."""
    dialect, key = database.dialect, {"indicator": indicator.key, "starts_on": period.first}
    text = (
        "INSERT INTO tb_indicator_period (id, indicator, starts_on, definition, counted_at) VALUES "
        "({id}, {indicator}, {starts_on}, {definition}, {now:counted_at}) ON CONFLICT (id) DO UPDATE SET "
        "definition = excluded.definition, counted_at = excluded.counted_at "
        "WHERE tb_indicator_period.counted_at < excluded.counted_at RETURNING id"
    )
    id = f"{indicator.key}@{period.first}"
    taken = statement(dialect, INDICATOR_PERIOD, text, id=id, definition=indicator.hash, now=now, **key)
    if not await tx.fetch(*taken):
        return False
    gone = "DELETE FROM tb_indicator WHERE indicator = {indicator} AND starts_on = {starts_on}"
    await tx.execute(*statement(dialect, INDICATOR, gone, **key))
    await tx.insert([Insert(INDICATOR, {"id": uuid7(), **key, **_row(*place, one)}) for place, one in sums.items()])
    return True


def _row(division: str, group: str, one: Sum) -> dict[str, object]:
    return {
        "division": division, "level": level(division), "group_key": group, "numerator": one.numerator,
        "denominator": one.denominator,
    }  # fmt: skip


async def kept(
    source: Database | Transaction, database: Database, indicator: Indicator, first: date, last: date, places: str,
    **values: object,
) -> tuple[frozenset[date], list[tuple[date, str, str, Sum]]]:  # fmt: skip
    """Periods that were counted by today's definition, and the sums of some places (SQL over the columns division,
    level, group_key) in them as (first day, division, group, sum)."""
    dialect = database.dialect
    names = ("starts_on", "division", "group_key", "numerator", "denominator")
    # Most indicators have zero somewhere: the outer join tells that from a period nobody counted.
    text = (
        f"SELECT p.starts_on, {', '.join(f'i.{name}' for name in names[1:])} FROM tb_indicator_period p "
        f"LEFT JOIN tb_indicator i ON i.indicator = p.indicator AND i.starts_on = p.starts_on AND {places} "
        "WHERE p.indicator = {indicator} AND p.starts_on >= {first:starts_on} AND p.starts_on <= {last:starts_on} "
        "AND p.definition = {definition:group_key}"
    )
    bound = statement(
        dialect, INDICATOR, text, indicator=indicator.key, first=first, last=last, definition=indicator.hash, **values
    )
    rows = [load_row(dialect, INDICATOR, names, row) for row in await source.fetch(*bound)]
    sums = [
        (row["starts_on"], row["division"], row["group_key"], Sum(row["numerator"], row["denominator"]))
        for row in rows
        if row["division"] is not None
    ]
    return frozenset(row["starts_on"] for row in rows), sums


def summed(rows: Iterable[tuple[date, str, str, Sum]]) -> dict[date, Sum]:
    """Of one place."""
    return {first: one for first, _, _, one in rows}
