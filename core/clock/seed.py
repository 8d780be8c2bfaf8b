"""The days and hours the host comes with, brought into the tables; what an administrator set stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.clock.shipped import Row, shipped_days, shipped_hours, stamp
from core.fields.times import utc_now
from core.store.calendar_tables import CALENDAR_DAY, CALENDAR_STATE, DUTY_HOURS
from core.store.database import Database, Insert, Transaction
from core.store.migrate import lock_schema
from core.store.statement import statement

_STATE = "SELECT version, shipped FROM tb_calendar_state WHERE id = 'CN'"


async def seed(database: Database) -> bool:
    """Bring in what is new of what is shipped; one SELECT when nothing is. True when rows were written. All or nothing;
    several processes at once do it once."""
    wanted = stamp()
    if _shipped(await database.fetch(_STATE, [])) == wanted:
        return False
    days, hours = shipped_days(), shipped_hours()
    async with database.transaction() as tx:
        await lock_schema(database, tx)
        found = await tx.fetch(_STATE)
        if _shipped(found) == wanted:
            return False
        await tx.execute("DELETE FROM tb_calendar_day WHERE is_shipped")
        await tx.execute("DELETE FROM tb_duty_hours WHERE is_shipped")
        await tx.insert(await _not_set(tx, days, hours))
        await _note(database, tx, wanted, first=not found)
    return True


async def _not_set(tx: Transaction, days: Sequence[Row], hours: Sequence[Row]) -> list[Insert]:
    """Years of a division, and duty tables, that no administrator has set."""
    years = {tuple(row) for row in await tx.fetch("SELECT DISTINCT division, year FROM tb_calendar_day")}
    taken = {row[0] for row in await tx.fetch("SELECT id FROM tb_calendar_day")}
    tables = {row[0] for row in await tx.fetch("SELECT id FROM tb_duty_hours")}
    left = [row for row in days if (row["division"], row["year"]) not in years and row["id"] not in taken]
    rows = [Insert(CALENDAR_DAY, row) for row in left]
    return rows + [Insert(DUTY_HOURS, row) for row in hours if row["id"] not in tables]


async def bump(database: Database, tx: Transaction) -> int:
    """A change of days or hours: every node reads anew, and due dates are to be computed anew. The new version."""
    text = (
        "UPDATE tb_calendar_state SET version = version + 1, changed_at = {now:changed_at} WHERE id = 'CN' "
        "RETURNING version"
    )
    rows = await tx.fetch(*statement(database.dialect, CALENDAR_STATE, text, now=utc_now()))
    return int(rows[0][0])


async def _note(database: Database, tx: Transaction, shipped: str, *, first: bool) -> None:
    if first:
        values = {"id": "CN", "version": 1, "moved": 1, "shipped": shipped, "changed_at": utc_now()}
        await tx.insert([Insert(CALENDAR_STATE, values)])
    else:
        await bump(database, tx)
        text = "UPDATE tb_calendar_state SET shipped = {shipped} WHERE id = 'CN'"
        await tx.execute(*statement(database.dialect, CALENDAR_STATE, text, shipped=shipped))


def _shipped(found: Any) -> str:
    return str(found[0][1]) if found else ""
