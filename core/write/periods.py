"""Periods of one thing that must not overlap: shifts of one person, terms of one office."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields import all_fields
from core.manifest.model import Entity, Period
from core.store.database import Transaction
from core.store.dialect import Dialect, quote
from core.store.statement import statement
from core.store.tables import table_of
from core.write.tree import lock_table

Row = dict[str, Any]


def touches_periods(entity: Entity, fields: Collection[str]) -> bool:
    return any(name in fields for period in entity.no_overlap for name in (*period.per, period.since, period.until))


async def refuse_overlaps(tx: Transaction, dialect: Dialect, entity: Entity, row: Row, root: str) -> None:
    """Of a row that has just been stored. Periods are half open; without an end they last."""
    if entity.no_overlap:
        await lock_table(tx, dialect, entity, "periods")
    for period in entity.no_overlap:
        since, until = row[period.since], row[period.until]
        if since is None or any(row[name] is None for name in period.per):
            continue
        if until is not None and until <= since:
            raise _refused(entity, period, root, "period.order", "应晚于")
        if await _overlaps(tx, dialect, entity, period, row):
            raise _refused(entity, period, root, "period.overlap", "这段时间与已有的一行重叠：")


async def _overlaps(tx: Transaction, dialect: Dialect, entity: Entity, period: Period, row: Row) -> bool:
    table, fields = table_of(entity), all_fields(entity)
    since, until = (fields[name].columns()[0].name for name in (period.since, period.until))
    columns = {fields[name].columns()[0].name: row[name] for name in period.per}
    parts = [f"{quote(name)} = {{{name}}}" for name in columns]
    parts += ["deleted_at IS NULL", "id <> {id}", f"({quote(until)} IS NULL OR {quote(until)} > {{begin:{since}}})"]
    values = {"id": row["id"], "begin": row[period.since], **columns}
    if row[period.until] is not None:
        parts.append(f"{quote(since)} < {{end:{until}}}")
        values["end"] = row[period.until]
    text = f"SELECT 1 FROM {quote(table.name)} WHERE {' AND '.join(parts)} LIMIT 1"
    return bool(await tx.fetch(*statement(dialect, table, text, **values)))


def _refused(entity: Entity, period: Period, root: str, id: str, words: str) -> InvalidInputError:
    since, until = (all_fields(entity)[name] for name in (period.since, period.until))
    per = "、".join(all_fields(entity)[name].title for name in period.per)
    message = f"{words}{since.title}" if id == "period.order" else f"{words}{per}相同"
    return InvalidInputError("填写的内容有误", [InputProblem((root, until.graphql_name), message, id)])
