"""Bring the database to the declared tables: one process at a time, one transaction, all or nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from core.fields.column import Table
from core.store.catalog import LiveTable, read_catalog
from core.store.database import Database, Insert, Transaction
from core.store.ddl import Plan, Step, add_to_plan, create_table
from core.store.dialect import quote
from core.store.engine import ENGINE_TABLES, SCHEMA
from core.store.errors import MigrationError, StoreError

#: Planned between two looks at the event loop: a toggle must not stall requests.
TABLES_AT_ONCE = 50
#: Called with the number of each statement after it ran: to show progress, and for tests to let it fail.
AfterStep = Callable[[int], None]


async def plan(database: Database, tables: Sequence[Table]) -> list[Step]:
    """What `migrate` would do. Changes nothing."""
    async with database.transaction() as tx:
        if database.dialect.name == "postgres":
            # Beside heavy writing the catalog alone has taken more than a statement's 3 s.
            await tx.execute("SET LOCAL statement_timeout = '30s'")
        made = await _plan(database, tx, tables)
    return _steps_or_error(made)


async def pending(database: Database, tables: Sequence[Table]) -> str | None:
    """What `migrate` has still to do or cannot do, in one sentence; None when the database is as declared."""
    try:
        steps = await plan(database, tables)
    except MigrationError as error:
        return f"数据库与清单不合，共 {len(error.problems)} 处：python server.py migrate --plan 逐一说明"
    # What is kept or comes back needs no statement, and no waiting.
    count = len([step for step in steps if step.sql])
    return f"数据库还差 {count} 步迁移：请运行 python server.py migrate" if count else None


async def check_engine(database: Database) -> None:
    """Refuse a database that nobody has prepared: without the engine's tables nothing can start."""
    async with database.transaction() as tx:
        live = await read_catalog(tx, database.dialect.name, [table.name for table in ENGINE_TABLES])
    if gone := [table.name for table in ENGINE_TABLES if table.name not in live]:
        raise StoreError(f"数据库里没有 {'、'.join(gone)}：请先运行 python server.py migrate")


async def migrate(database: Database, tables: Sequence[Table], after_step: AfterStep | None = None) -> list[Step]:
    """Do what is missing and return it; a second run finds nothing to do."""
    if not await plan(database, tables):
        return []
    async with database.transaction() as tx:
        await lock_schema(database, tx)
        # Planned again under the lock: another process may have been faster.
        made = await _plan(database, tx, tables)
        steps = _steps_or_error(made)
        for number, step in enumerate(steps):
            if step.sql:
                await tx.execute(step.sql)
            if after_step:
                after_step(number)
        await _record(database, tx, made)
    return steps


def _steps_or_error(made: Plan) -> list[Step]:
    if made.problems:
        raise MigrationError(made.problems)
    kept = [Step("", f"{key} 不再声明：列和数据原样保留") for key, is_gone in made.quarantine.items() if is_gone]
    back = [Step("", f"{key} 重新声明：恢复使用原有数据") for key, is_gone in made.quarantine.items() if not is_gone]
    return [*made.steps, *kept, *back]


async def lock_schema(database: Database, tx: Transaction) -> None:
    """SQLite's BEGIN IMMEDIATE is the lock. On Postgres one name per schema, held until the transaction ends."""
    if database.dialect.name == "postgres":
        await tx.execute("SET LOCAL statement_timeout = 0")
        # A change of a table must not queue every request behind one long reader.
        await tx.execute("SET LOCAL lock_timeout = '10s'")
        schema = await tx.fetch_value("SELECT current_schema()::text")
        number = int.from_bytes(hashlib.sha256(f"tongban:{schema}".encode()).digest()[:8], "big", signed=True)
        await tx.execute("SELECT pg_advisory_xact_lock($1)", [number])


async def _plan(database: Database, tx: Transaction, tables: Sequence[Table]) -> Plan:
    quarantined: frozenset[str] = frozenset()
    if SCHEMA.name in await read_catalog(tx, database.dialect.name, [SCHEMA.name]):
        quarantined = frozenset(row[0] for row in await tx.fetch(f"SELECT id FROM {SCHEMA.name}"))
    made = Plan()
    for start in range(0, len(tables), TABLES_AT_ONCE):
        some = tables[start : start + TABLES_AT_ONCE]
        names = {t.name for t in some} | {t.renamed_from for t in some if t.renamed_from}
        live = await read_catalog(tx, database.dialect.name, names)
        add_to_plan(made, database.dialect, some, live, quarantined, await _filled(tx, some, live))
        await asyncio.sleep(0)
    return made


async def _filled(tx: Transaction, tables: Sequence[Table], live: dict[str, LiveTable]) -> frozenset[str]:
    """Tables with rows, asked only where a new column without default makes it matter."""
    asked = set()
    for table in tables:
        name = table.renamed_from if table.renamed_from and table.name not in live else table.name
        must = {c.name for c in table.columns if not c.null and c.default is None}
        if name in live and must - live[name].columns.keys():
            asked.add(name)
    return frozenset([name for name in asked if await tx.fetch(f"SELECT 1 FROM {quote(name)} LIMIT 1")])


async def _record(database: Database, tx: Transaction, made: Plan) -> None:
    if not made.quarantine:
        return
    if SCHEMA.name not in await read_catalog(tx, database.dialect.name, [SCHEMA.name]):
        await tx.execute(create_table(database.dialect, SCHEMA))
    for key in made.quarantine:
        await tx.execute(f"DELETE FROM {SCHEMA.name} WHERE id = {database.dialect.placeholder(1)}", [key])
    now = datetime.now(UTC)
    gone = [key for key, is_gone in made.quarantine.items() if is_gone]
    await tx.insert([Insert(SCHEMA, {"id": key, "quarantined_at": now}) for key in gone])
