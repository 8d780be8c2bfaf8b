"""The rows of one submission again and again, by the one transaction somebody would write for exactly these rows.

What has to be worked out (limits, sealed values, MACs) it gets for nothing; ids and numbers are new each time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from core.fields.column import Table
from core.store.audit_tables import AUDIT, AUDIT_SUBJECT
from core.store.case_tables import CASE, CASE_RECORD, CASE_STEP, TASK, TIMER
from core.store.database import Database
from core.store.dialect import quote
from core.store.engine import HISTORY, IDEMPOTENCY, OUTBOX
from core.store.ids import uuid7
from core.store.pool import Connection

#: Where the rows of a submission lie, beside the entity's own table.
TABLES = (CASE, TASK, CASE_STEP, CASE_RECORD, TIMER, HISTORY, OUTBOX, IDEMPOTENCY, AUDIT, AUDIT_SUBJECT)
LANES = (AUDIT.name, AUDIT_SUBJECT.name)
COUNTER = (
    "INSERT INTO tb_sequence VALUES ({}, 1) ON CONFLICT (id) DO UPDATE SET value = tb_sequence.value + 1 "
    "RETURNING value"
)
LANE = "UPDATE tb_audit_lane SET number = {}, mac = {} WHERE id = {} AND number = {}"
Row = tuple[Table, tuple[Any, ...]]


async def all_rows(database: Database, entity: Table) -> list[Row]:
    """As the driver gives them."""
    found: list[Row] = []
    for table in (entity, *TABLES):
        names = ", ".join(quote(column.name) for column in table.columns)
        found += [(table, tuple(row)) for row in await database.fetch(f"SELECT {names} FROM {table.name}", [])]
    return found


@dataclass
class ByHand:
    """One writer; it has a lane of the audit to itself."""

    rows: Sequence[Row]
    #: Number of the recorded case.
    number: str
    lane: int = field(default_factory=lambda: uuid4().int >> 66)
    #: Lines of the audit so far.
    written: int = 0

    def __post_init__(self) -> None:
        keys = [str(row[0]) for table, row in self.rows if table.name not in LANES]
        self._new = {key: place for place, key in enumerate(dict.fromkeys([*keys, self.number]))}
        self._args = [(value, self._place(value)) for _, row in self.rows for value in row]
        named = [(table.name, column.name) for table, _ in self.rows for column in table.columns]
        self._lane_at = [at for at, name in enumerate(named) if name[0] in LANES and name[1] == "lane"]
        numbered = [at for at, name in enumerate(named) if name[0] in LANES and name[1] == "number"]
        lines = sorted({self._args[at][0] for at in numbered})
        self._lines = len(lines)
        self._number_at = [(at, lines.index(self._args[at][0]) + 1) for at in numbered]

    def _place(self, value: Any) -> int | None:
        return self._new.get(str(value)) if isinstance(value, str | UUID) else None

    def opening(self) -> str:
        return f"INSERT INTO tb_audit_lane (id, number, node, mac) VALUES ({self.lane}, 0, '', '')"

    def _values(self) -> list[Any]:
        """Of the next submission."""
        made = [uuid7() for _ in self._new]
        found = [value if place is None else made[place] for value, place in self._args]
        for at in self._lane_at:
            found[at] = self.lane
        for at, line in self._number_at:
            found[at] = self.written + line
        return found

    def _moved(self) -> tuple[Any, ...]:
        before, self.written = self.written, self.written + self._lines
        return (self.written, "0" * 64, self.lane, before)

    def _inserts(self, marks: Iterator[str]) -> list[str]:
        return [
            f"INSERT INTO {table.name} ({', '.join(quote(column.name) for column in table.columns)}) "
            f"VALUES ({', '.join(next(marks) for _ in row)})"
            for table, row in self.rows
        ]

    def sqlite(self, connection: sqlite3.Connection, counter: str) -> None:
        """Statement by statement, without leaving the thread."""
        values = iter(self._values())
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(COUNTER.format("?"), [counter]).fetchall()
        for text, (_, row) in zip(self._texts, self.rows, strict=True):
            connection.execute(text, [next(values) for _ in row])
        connection.execute(LANE.format(*"????"), self._moved())
        connection.execute("COMMIT")

    async def postgres(self, connection: Connection, counter: str) -> None:
        """The counter, then all rows in one statement."""
        async with connection.transaction():
            await (await connection.prepared(COUNTER.format("$1"))).fetchval(counter)
            await (await connection.prepared(self._whole)).fetch(*self._values(), *self._moved())

    @property
    def _whole(self) -> str:
        return self._texts[0]

    def for_sqlite(self) -> None:
        self._texts = self._inserts(iter(lambda: "?", None))

    def for_postgres(self) -> None:
        """One text: the statements beside each other."""
        marks = (f"${number}" for number in count(1))
        parts = ", ".join(f"r{at} AS ({text})" for at, text in enumerate(self._inserts(marks)))
        self._texts = [f"WITH {parts} {LANE.format(*(next(marks) for _ in range(4)))}"]
