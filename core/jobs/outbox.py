"""Events written with their change become jobs of whoever listens, and rows of tb_recent; all happens or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.jobs.queue import JobQueue, NewJob
from core.store.database import Database, Insert, Transaction
from core.store.engine import OUTBOX, RECENT
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


async def record(transaction: Transaction, events: Sequence[Event], now: datetime) -> None:
    """Keep the events for listeners of other processes."""
    rows = [{name: getattr(event, name) for name in _NAMES} for event in events]
    await transaction.insert([Insert(RECENT, {**row, "handed_at": now}) for row in rows])


async def recent(database: Database, since: datetime, limit: int) -> list[tuple[datetime, Event]]:
    """What was handed on from a time on, oldest first."""
    names = ("handed_at", *_NAMES)
    text = (
        f"SELECT {', '.join(names)} FROM tb_recent WHERE handed_at >= {{since:handed_at}} "
        f"ORDER BY handed_at, id LIMIT {int(limit)}"
    )
    found = await database.fetch(*statement(database.dialect, RECENT, text, since=since))
    rows = [load_row(database.dialect, RECENT, names, row) for row in found]
    return [(row["handed_at"], Event(**{name: row[name] for name in _NAMES})) for row in rows]


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
