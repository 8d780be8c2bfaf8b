"""Reading what the audit's tables hold, as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.audit.chain import NOTHING_REMOVED, Checkpoint, Seal, lanes_of
from core.fields.column import Table
from core.store.audit_tables import AUDIT, AUDIT_CHECKPOINT, AUDIT_LANE, AUDIT_SEAL, AUDIT_SUBJECT
from core.store.database import Database, Transaction
from core.store.dialect import Dialect, quote
from core.store.statement import load_row, statement

Source = Database | Transaction


async def read_rows(
    source: Source, dialect: Dialect, table: Table, rest: str = "", **values: Any
) -> list[Mapping[str, Any]]:
    """Whole rows; `rest` is WHERE and ORDER BY with named placeholders."""
    names = tuple(table.by_name)
    text = f"SELECT {', '.join(map(quote, names))} FROM {table.name} {rest}"
    rows: Sequence[Any] = await source.fetch(*statement(dialect, table, text, **values))
    return [load_row(dialect, table, names, row) for row in rows]


def seal_of(row: Mapping[str, Any]) -> Seal:
    return Seal(**{name: value for name, value in row.items() if name != "mac"})


async def last_seal(source: Source, dialect: Dialect) -> Seal | None:
    rows = await read_rows(source, dialect, AUDIT_SEAL, "ORDER BY id DESC LIMIT 1")
    return seal_of(rows[0]) if rows else None


async def read_checkpoint(source: Source, dialect: Dialect) -> tuple[Checkpoint, str]:
    """The newest one, and its MAC."""
    rows = await read_rows(source, dialect, AUDIT_CHECKPOINT, "ORDER BY id DESC LIMIT 1")
    if not rows:
        return NOTHING_REMOVED, ""
    row = rows[0]
    return Checkpoint(row["id"], row["hash"], lanes_of(row["lanes"]), row["at"]), row["mac"]


async def read_lanes(source: Source, dialect: Dialect) -> list[Mapping[str, Any]]:
    return await read_rows(source, dialect, AUDIT_LANE, "ORDER BY id")


async def sealed_to(source: Source, checkpoint: Checkpoint, before: int | None = None) -> dict[int, int]:
    """The last sealed number of each lane, at all or before a seal."""
    where = "" if before is None else f" WHERE id < {int(before)}"
    rows = await source.fetch(f"SELECT lane, max(last) FROM tb_audit_seal{where} GROUP BY lane", [])
    return {**checkpoint.lanes, **{int(lane): int(last) for lane, last in rows}}


async def read_macs(source: Source, dialect: Dialect, lane: int, after: int, limit: int) -> list[tuple[int, str]]:
    text = (
        f"SELECT number, mac FROM tb_audit WHERE lane = {{lane}} AND number > {{number}} ORDER BY number LIMIT {limit}"
    )
    rows = await source.fetch(*statement(dialect, AUDIT, text, lane=lane, number=after))
    return [(int(number), mac) for number, mac in rows]


async def read_lines(source: Source, dialect: Dialect, lane: int, first: int, last: int) -> list[Mapping[str, Any]]:
    rest = "WHERE lane = {lane} AND number >= {first:number} AND number <= {last:number} ORDER BY number"
    return await read_rows(source, dialect, AUDIT, rest, lane=lane, first=first, last=last)


async def read_subjects(source: Source, dialect: Dialect, lane: int, first: int, last: int) -> dict[int, list[str]]:
    """Persons by number, in order."""
    text = (
        "SELECT number, person FROM tb_audit_subject WHERE lane = {lane} AND number >= {first:number} "
        "AND number <= {last:number} ORDER BY number, person"
    )
    found: dict[int, list[str]] = {}
    for number, person in await source.fetch(
        *statement(dialect, AUDIT_SUBJECT, text, lane=lane, first=first, last=last)
    ):
        found.setdefault(int(number), []).append(person)
    return found
