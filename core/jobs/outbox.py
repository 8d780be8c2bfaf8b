"""Events written with their change become jobs of whoever listens; both happen or neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.jobs.queue import JobQueue, NewJob
from core.jobs.recent import record
from core.store.database import Database
from core.store.engine import OUTBOX
from core.store.statement import load_row, statement

#: Rows handed on per transaction: short enough never to hold up a writer.
BATCH = 200
_NAMES = ("id", "topic", "entity", "row_id", "version")


@dataclass(frozen=True, slots=True)
class Event:
    """One committed change, ids only."""

    id: str
    #: "entity.created", "entity.updated" or "entity.deleted".
    topic: str
    entity: str
    row_id: str
    version: int


FanOut = Callable[[Event], Sequence[NewJob]]


async def drain(database: Database, queue: JobQueue, fan_out: FanOut) -> int:
    """Hand on everything that waits; returns how many events."""
    total = 0
    while count := await _drain_batch(database, queue, fan_out):
        total += count
        if count < BATCH:
            break
    return total


async def _drain_batch(database: Database, queue: JobQueue, fan_out: FanOut) -> int:
    if not await database.fetch_value("SELECT 1 FROM tb_outbox LIMIT 1", []):
        return 0
    lock = " FOR UPDATE SKIP LOCKED" if database.dialect.name == "postgres" else ""
    text = (
        f"DELETE FROM tb_outbox WHERE id IN (SELECT id FROM tb_outbox ORDER BY id LIMIT {BATCH}{lock}) "
        f"RETURNING {', '.join(_NAMES)}"
    )
    async with database.transaction() as transaction:
        rows = await transaction.fetch(*statement(database.dialect, OUTBOX, text))
        events = sorted((_event(database, row) for row in rows), key=lambda event: event.id)
        await record(transaction, events, queue.now())
        await queue.add_in(transaction, [job for event in events for job in fan_out(event)])
    return len(events)


def _event(database: Database, row: Sequence[object]) -> Event:
    values = load_row(database.dialect, OUTBOX, _NAMES, row)
    return Event(values["id"], values["topic"], values["entity"], values["row_id"], values["version"])
