"""Rows that are due, taken by one worker each: a claim that nobody used lapses, and another takes the row."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.fields.column import Table
from core.fields.times import utc_now
from core.store.database import Database, Transaction
from core.store.dialect import quote
from core.store.statement import load_row, statement


@dataclass(frozen=True)
class Claims:
    """Of a table with `claim` and `claimed_until`. `at` names the column that says when a row is due, `waits` is SQL:
    which rows are still to be done."""

    database: Database
    table: Table
    lease_s: float
    at: str = "at"
    waits: str = "TRUE"
    clock: Callable[[], datetime] = utc_now

    @property
    def due(self) -> str:
        """SQL with the placeholder `now`."""
        now = f"{{now:{self.at}}}"
        return f"{self.waits} AND {self.at} <= {now} AND (claimed_until IS NULL OR claimed_until <= {now})"

    async def take(self, limit: int) -> list[Mapping[str, Any]]:
        """Rows that are due, the oldest first; each carries its `claim`. They are the caller's for `lease_s`."""
        text = f"SELECT 1 FROM {self.table.name} WHERE {self.due} LIMIT 1"
        # Nothing due is the rule: a look takes no lock.
        if not await self.database.fetch(*statement(self.database.dialect, self.table, text, now=self.clock())):
            return []
        async with self.database.transaction() as tx:
            return await self.take_in(tx, limit)

    async def take_in(
        self, tx: Transaction, limit: int, where: str = "TRUE", sets: str = "", **values: Any
    ) -> list[Mapping[str, Any]]:
        """The same of some rows: `where` and `sets` (", started = {started}") are SQL over `values`."""
        dialect, now, names = self.database.dialect, self.clock(), tuple(self.table.by_name)
        skip = " FOR UPDATE SKIP LOCKED" if dialect.name == "postgres" else ""
        text = (
            f"UPDATE {self.table.name} SET claim = {{claim}}, claimed_until = {{until:claimed_until}}{sets} "
            f"WHERE id IN (SELECT id FROM {self.table.name} WHERE {where} AND {self.due} "
            f"ORDER BY {self.at}, id LIMIT {int(limit)}{skip}) RETURNING {', '.join(map(quote, names))}"
        )
        until = now + timedelta(seconds=self.lease_s)
        bound = statement(dialect, self.table, text, claim=uuid.uuid4().hex, until=until, now=now, **values)
        rows = [load_row(dialect, self.table, names, row) for row in await tx.fetch(*bound)]
        return sorted(rows, key=lambda row: (row[self.at], row["id"]))
