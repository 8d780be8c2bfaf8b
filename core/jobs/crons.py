"""Clocks of manifests: each firing happens once over all nodes, because one row per clock decides who struck first."""

from __future__ import annotations

from collections.abc import Mapping

from core.jobs.queue import JobQueue, NewJob
from core.manifest.clock import Cron
from core.store.database import Database, Transaction
from core.store.runtime_tables import CRON
from core.store.statement import load_row, statement

Crons = Mapping[tuple[str, str], Cron]


async def strike(database: Database, queue: JobQueue, crons: Crons) -> None:
    """Queue what fired since the last strike; of firings missed while nobody ran, only the latest."""
    if not crons:
        return
    now = queue.now()
    rows = await database.fetch("SELECT id, fired_at FROM tb_cron", [])
    struck = {
        row["id"]: row["fired_at"] for row in (load_row(database.dialect, CRON, ("id", "fired_at"), r) for r in rows)
    }
    for (plugin_id, name), cron in crons.items():
        key = f"{plugin_id}.{name}"
        last = struck.get(key)
        due = now if last is None else cron.latest(now, last)
        if due is None:
            continue
        async with database.transaction() as transaction:
            if await _is_first(transaction, database, key, last, due) and last is not None:
                await queue.add_in(transaction, [NewJob(plugin_id=plugin_id, name=name)])


async def _is_first(transaction: Transaction, database: Database, key: str, last: object, due: object) -> bool:
    """A clock seen for the first time starts now and fires nothing for the past."""
    if last is None:
        text = (
            "INSERT INTO tb_cron (id, fired_at) VALUES ({id}, {due:fired_at}) ON CONFLICT (id) DO NOTHING RETURNING id"
        )
    else:
        text = "UPDATE tb_cron SET fired_at = {due:fired_at} WHERE id = {id} AND fired_at < {due:fired_at} RETURNING id"
    return bool(await transaction.fetch(*statement(database.dialect, CRON, text, id=key, due=due)))
