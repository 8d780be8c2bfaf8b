"""Contents that lie plain since an older version, sealed: by the job that brings every other value to rest."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from core.crypto.contents import Contents, place_of
from core.crypto.stream import CHUNK_BYTES, SealingWriter
from core.fields.column import Table
from core.store.crypto_tables import CONTENT
from core.store.database import Database, Transaction
from core.store.dialect import quote
from core.store.engine import HISTORY
from core.store.statement import statement
from core.write.past import BATCH, FIRST_ID
from core.write.upkeep_report import Upkeep


async def seal_plain_files(database: Database, contents: Contents, files: Table, done: Upkeep) -> None:
    """Every row of core.file gets a sealed content of its own; what lay plain is removed when no row needs it."""
    last = FIRST_ID
    text = (
        f"SELECT f.id, f.sha256 FROM {quote(files.name)} f LEFT JOIN {CONTENT.name} c ON c.id = f.id "
        f"WHERE c.id IS NULL AND f.sha256 IS NOT NULL AND f.id > {{last:id}} ORDER BY f.id LIMIT {BATCH}"
    )
    while rows := await database.fetch(*statement(database.dialect, files, text, last=last)):
        last = str(rows[-1][0])
        for id, digest in rows:
            if place_of(contents.folder, digest).is_file():
                await _seal(database, contents, files, str(id), digest)
                done.rows[CONTENT.name] += 1
        for digest in {row[1] for row in rows}:
            await _remove(database, contents, files, digest)


async def _seal(database: Database, contents: Contents, files: Table, id: str, digest: str) -> None:
    written = contents.begin()
    try:
        await asyncio.to_thread(_copy, place_of(contents.folder, digest), written)
        async with database.transaction() as tx:
            await _set_digest(tx, database, files, id, digest, contents.fingerprint(written.sha256))
            await contents.keep(tx, id, written)
    finally:
        written.discard()


def _copy(plain: Path, written: SealingWriter) -> None:
    with plain.open("rb") as source:
        shutil.copyfileobj(source, written, CHUNK_BYTES)
    written.close()


async def _set_digest(tx: Transaction, database: Database, files: Table, id: str, old: str, new: str) -> None:
    """In the row and in its past: a plain digest tells who holds a known file."""
    text = f"UPDATE {quote(files.name)} SET sha256 = {{sha256}} WHERE id = {{id}}"
    await tx.execute(*statement(database.dialect, files, text, id=id, sha256=new))
    read = "SELECT id, before, after FROM tb_history WHERE row_id = {row_id}"
    text = "UPDATE tb_history SET before = {before}, after = {after} WHERE id = {id}"
    for row_id, before, after in await tx.fetch(*statement(database.dialect, HISTORY, read, row_id=id)):
        values = {
            "before": _with(database, "before", before, old, new), "after": _with(database, "after", after, old, new),
        }  # fmt: skip
        await tx.execute(*statement(database.dialect, HISTORY, text, id=str(row_id), **values))


def _with(database: Database, name: str, raw: Any, old: str, new: str) -> dict[str, Any] | None:
    values = database.dialect.load(HISTORY.column(name), raw)
    return values and {key: new if value == old else value for key, value in values.items()}


async def _remove(database: Database, contents: Contents, files: Table, digest: str) -> None:
    text = f"SELECT count(*) FROM {quote(files.name)} WHERE sha256 = {{sha256}}"
    if not await database.fetch_value(*statement(database.dialect, files, text, sha256=digest)):
        place_of(contents.folder, digest).unlink(missing_ok=True)
