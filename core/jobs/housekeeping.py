"""What nobody needs any more, taken away: old keys, events that were read, contents of files that no row names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from core.fields.column import Column, Table
from core.identity.policy import session_policy
from core.store.account_tables import CODE, QUOTA
from core.store.booking_tables import BOOKING, SLOT
from core.store.case_tables import DRAFT
from core.store.connector_tables import CONNECTOR_CALL, CONNECTOR_NONCE
from core.store.crypto_tables import CONTENT
from core.store.database import Database
from core.store.dialect import quote
from core.store.document_tables import LICENCE_SHOW
from core.store.engine import IDEMPOTENCY, RECENT
from core.store.message_tables import DELIVERY, MESSAGE
from core.store.session_tables import REFRESH, SESSION
from core.store.statement import statement

#: A repeated request finds its first answer for this long.
IDEMPOTENCY_KEPT = timedelta(days=7)
#: Every process has read what was handed on earlier.
RECENT_KEPT = timedelta(minutes=10)
#: An upload writes its content first and its row a moment later; this is many moments.
ORPHAN_KEPT = timedelta(days=1)
#: Over for this long, a session answers no question any more; the audit keeps what was done in it.
SESSION_KEPT = timedelta(days=30)
#: A half-filled form nobody has touched for this long is gone.
DRAFT_KEPT = timedelta(days=30)
#: What somebody was told proves that he was, for as long as he may sue: five years at most (行政诉讼法第四十六条).
MESSAGE_KEPT = timedelta(days=5 * 366)
#: A call that is over, with its sealed answer; later messages find their case by it.
CALL_KEPT = timedelta(days=180)
#: Longer than a signature is good for, on whichever side of the clock.
NONCE_KEPT = timedelta(hours=1)
#: Long past every pause after missed ones. Slots stay until no booking tells of them.
BOOKING_KEPT = timedelta(days=3 * 366)
SLOT_KEPT = BOOKING_KEPT + timedelta(days=31)
#: Rows per statement: short enough never to hold up a writer.
BATCH = 500


async def sweep_rows(database: Database, now: datetime) -> int:
    """Delete rows past their time; returns how many."""
    past = (
        (IDEMPOTENCY, "at", now - IDEMPOTENCY_KEPT),
        (RECENT, "handed_at", now - RECENT_KEPT),
        (CODE, "expires_at", now),
        (QUOTA, "ends_at", now),
        (REFRESH, "used_at", now - session_policy().reuse_known),
        (REFRESH, "ends_at", now),
        (SESSION, "ends_at", now - SESSION_KEPT),
        (DRAFT, "updated_at", now - DRAFT_KEPT),
        (LICENCE_SHOW, "expires_at", now),
        (DELIVERY, "at", now - MESSAGE_KEPT),
        (MESSAGE, "sent_at", now - MESSAGE_KEPT),
        (CONNECTOR_CALL, "ended_at", now - CALL_KEPT),
        (CONNECTOR_NONCE, "at", now - NONCE_KEPT),
        (BOOKING, "ended_at", now - BOOKING_KEPT),
        (SLOT, "ends_at", now - SLOT_KEPT),
    )
    return sum([await _sweep(database, *one) for one in past])


async def _sweep(database: Database, table: Table, column: str, before: datetime) -> int:
    text = (
        f"DELETE FROM {table.name} WHERE id IN (SELECT id FROM {table.name} "
        f"WHERE {column} < {{before:{column}}} LIMIT {BATCH}) RETURNING id"
    )
    total, count = 0, BATCH
    while count == BATCH:
        async with database.transaction() as transaction:
            count = len(await transaction.fetch(*statement(database.dialect, table, text, before=before)))
        total += count
    return total


async def sweep_files(database: Database, folder: Path, files: Table, now: datetime) -> int:
    """Delete old contents that no row names, and uploads cut off; returns how many."""
    before = (now - ORPHAN_KEPT).timestamp()
    total = await asyncio.to_thread(_sweep_incoming, folder / "incoming", before)
    for shelf in await asyncio.to_thread(_shelves, folder):
        places = iter(await asyncio.to_thread(_old_files, shelf, before))
        while batch := list(islice(places, BATCH)):
            known = await _known(database, files, [place.name for place in batch])
            orphans = [place for place in batch if place.name not in known]
            total += await asyncio.to_thread(_remove_all, orphans)
    return total


async def _known(database: Database, files: Table, names: list[str]) -> frozenset[str]:
    """Sealed contents by their place; plain ones of an older version by their digest."""
    dialect, column = database.dialect, Column("name", "text")
    first, second = (dialect.in_list(name, dialect.placeholder(1), column) for name in ("place", "sha256"))
    text = f"SELECT place FROM {CONTENT.name} WHERE {first} UNION SELECT sha256 FROM {quote(files.name)} WHERE {second}"
    return frozenset(row[0] for row in await database.fetch(text, [dialect.bind_list(column, names)]))


def _shelves(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("??/??") if path.is_dir())


def _old_files(folder: Path, before: float) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and path.stat().st_mtime < before]


def _sweep_incoming(folder: Path, before: float) -> int:
    return _remove_all(_old_files(folder, before) if folder.is_dir() else [])


def _remove_all(places: Sequence[Path]) -> int:
    for place in places:
        place.unlink(missing_ok=True)
    return len(places)
