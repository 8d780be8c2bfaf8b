"""A finished period worse than the alarm: one row and one message per period and place, gone when one is better."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from core.access.service import service_actor
from core.audit import Audit, Entry
from core.fields.column import Column, Table
from core.indicators.counting import Sum, Sums
from core.indicators.keeping import kept, summed
from core.indicators.periods import Period, back
from core.indicators.shown import is_worse, shown
from core.manifest.cases import NOWHERE
from core.manifest.indicators import Indicator
from core.manifest.outputs import MessageTemplate
from core.messages import Messages, Recipient
from core.store.database import Database, Insert, Transaction
from core.store.engine import OUTBOX
from core.store.ids import uuid7
from core.store.indicator_tables import INDICATOR_ALARM
from core.store.statement import load_row, statement

#: Told about one alarm in one place.
TOLD_MAX = 200
ACTION = "indicator_alarm"
_STAFF = Table(
    "core_staff",
    (Column("id", "uuid"), Column("work_division", "text"), Column("role", "text"), Column("roles", "json")),
)


async def judge(
    tx: Transaction, database: Database, messages: Messages, audit: Audit, indicator: Indicator, period: Period,
    sums: Sums, is_on: Callable[[str], bool], now: datetime,
) -> None:  # fmt: skip
    """Of the latest finished period, by the places where somebody has the role that is told."""
    if indicator.alarm_at is None:
        return
    staff = {place: ids for place, ids in (await _staff(tx, database, indicator.alarm_to)).items() if is_on(place)}
    worse = [place for place in staff if await _is_worse(tx, database, indicator, period, place, sums)]
    await _clear(tx, database, indicator, worse, now)
    for place in worse:
        if await _raise(tx, database, indicator, period, place, now):
            words = _words(indicator, period, sums.get((place, ""), Sum()))
            to = [Recipient(staff=id) for id in staff[place][:TOLD_MAX]]
            await messages.send_in(tx, words, to, {}, None, division=place)
            actor, detail = service_actor(indicator.plugin_id), f"{indicator.key} {period.first} {place}"
            await audit.within(tx, Entry(actor, ACTION, "", detail=detail))


async def _is_worse(
    tx: Transaction, database: Database, indicator: Indicator, period: Period, place: str, sums: Sums
) -> bool:
    """In this period and in those before it that it needs."""
    if not is_worse(indicator, sums.get((place, ""), Sum())):
        return False
    earlier = back(period, indicator.alarm_after)[:-1]
    if not earlier:
        return True
    where = "i.division = {division} AND i.group_key = ''"
    known, rows = await kept(tx, database, indicator, earlier[0].first, earlier[-1].first, where, division=place)
    found = summed(rows)
    return all(one.first in known and is_worse(indicator, found.get(one.first, Sum())) for one in earlier)


async def _staff(tx: Transaction, database: Database, role: str) -> Mapping[str, Sequence[str]]:
    """Staff in service with the role, by the division they work for."""
    dialect = database.dialect
    has = (
        "EXISTS (SELECT 1 FROM json_each({column}) WHERE value = {{role}})"
        if dialect.name == "sqlite"
        else "{column} @> {{roles}}"
    )
    text = (
        "SELECT s.id, s.work_division FROM core_staff s LEFT JOIN core_post p ON p.id = s.post_id AND p.deleted_at IS "
        "NULL WHERE s.deleted_at IS NULL AND s.state = 'active' AND s.work_division IS NOT NULL AND "
        f"({has.format(column='s.roles')} OR {has.format(column='p.roles')}) ORDER BY s.id"
    )
    found: dict[str, list[str]] = defaultdict(list)
    for raw in await tx.fetch(*statement(dialect, _STAFF, text, role=role, roles=[role])):
        row = load_row(dialect, _STAFF, ("id", "work_division"), raw)
        found[row["work_division"]].append(row["id"])
    return found


async def _raise(
    tx: Transaction, database: Database, indicator: Indicator, period: Period, place: str, now: datetime
) -> bool:
    """Whether it is a new one; an old one that was gone stands again, and nobody is told a second time."""
    id, values = uuid7(), {"indicator": indicator.key, "starts_on": period.first, "division": place}
    text = (
        "INSERT INTO tb_indicator_alarm (id, indicator, starts_on, division, raised_at) VALUES ({id}, {indicator}, "
        "{starts_on}, {division}, {now:raised_at}) ON CONFLICT (indicator, division, starts_on) DO UPDATE "
        "SET cleared_at = NULL RETURNING id"
    )
    rows = await tx.fetch(*statement(database.dialect, INDICATOR_ALARM, text, id=id, now=now, **values))
    is_new = bool(database.dialect.load(INDICATOR_ALARM.by_name["id"], rows[0][0]) == id)
    if is_new:
        event = {"topic": "indicator.alarm", "entity": indicator.key, "row_id": id, "version": 1, "at": now}
        await tx.insert([Insert(OUTBOX, {"id": uuid7(), **event})])
    return is_new


async def _clear(
    tx: Transaction, database: Database, indicator: Indicator, worse: Sequence[str], now: datetime
) -> None:
    """All that stand where it is no longer worse."""
    marks = {f"place{number}": place for number, place in enumerate(worse)}
    but = f" AND division NOT IN ({', '.join(f'{{{name}:division}}' for name in marks)})" if marks else ""
    text = (
        "UPDATE tb_indicator_alarm SET cleared_at = {now:cleared_at} "
        f"WHERE indicator = {{indicator}} AND cleared_at IS NULL{but}"
    )
    await tx.execute(*statement(database.dialect, INDICATOR_ALARM, text, indicator=indicator.key, now=now, **marks))


async def standing(database: Database, indicators: Sequence[str], division: str) -> dict[str, date]:
    """Indicators whose alarm stands in a division, with the latest period it was raised for."""
    names = ("indicator", "starts_on")
    text = "SELECT indicator, max(starts_on) FROM tb_indicator_alarm WHERE division = {division} AND cleared_at IS NULL"
    bound = statement(database.dialect, INDICATOR_ALARM, f"{text} GROUP BY indicator", division=division)
    rows = [load_row(database.dialect, INDICATOR_ALARM, names, row) for row in await database.fetch(*bound)]
    return {row["indicator"]: row["starts_on"] for row in rows if row["indicator"] in indicators}


def _words(indicator: Indicator, period: Period, one: Sum) -> MessageTemplate:
    found = shown(indicator, one)
    value: Any = f"{found.value}{indicator.unit}" if found.value is not None else f"不足 {indicator.group_min}"
    days = str(period.first) if period.first == period.last else f"{period.first} 至 {period.last}"
    text = f"{indicator.title}（{days}）为{value}，比报警值 {indicator.alarm_at:g}{indicator.unit} 差，请查明原因"
    return MessageTemplate(
        plugin_id=indicator.plugin_id, id=ACTION, title="指标报警", text=text, channels=("inbox",),
        must_reach_within=None, to=indicator.alarm_to, place=NOWHERE,
    )  # fmt: skip
