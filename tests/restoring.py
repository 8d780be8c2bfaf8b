"""A Postgres database as it was before the test: what was written goes, what was changed comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

#: Each place is a database of its own, so that all may call their schema so; the rows it began with lie beside it.
SCHEMA, KEPT = "t", "kept"
#: Of a larger table, new files are less work than deleting its rows.
SMALL_BYTES = 1_000_000

#: Every table with all that somebody may have changed of it.
TABLES = f"""
SELECT c.relname::text, concat_ws('|', c.relkind, c.relpersistence, c.relchecks, c.relhastriggers, c.relhasrules,
  c.relrowsecurity, c.relacl, c.reloptions,
  (SELECT string_agg(concat_ws(' ', attname, atttypid, atttypmod, attcollation, attnotnull, atthasdef, attisdropped),
     ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),
  (SELECT string_agg(concat_ws(' ', i.relname, indisunique, indisvalid), ',' ORDER BY i.relname)
     FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = c.oid))
FROM pg_class c WHERE c.relnamespace = '{SCHEMA}'::regnamespace AND c.relkind NOT IN ('i', 'c')
UNION ALL
SELECT '', concat_ws('|', (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_'),
  (SELECT count(*) FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace), (SELECT count(*) FROM pg_extension))"""
OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@dataclass(frozen=True, slots=True)
class Original:
    """What a place begins with."""

    tables: Mapping[str, str] = field(default_factory=dict)
    #: Those with rows: how many.
    filled: Mapping[str, int] = field(default_factory=dict)
    #: Says which tables have other rows than the original.
    question: str = ""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    settings = {"search_path": SCHEMA, "synchronous_commit": "off", "lock_timeout": "10s"}
    connection = await asyncpg.connect(url, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def keep(url: str) -> Original:
    """Put the rows of an original aside, and note what it is made of."""
    async with connected(url) as connection:
        await connection.execute(f"CREATE SCHEMA {KEPT}")
        names = [name for name in dict(await connection.fetch(TABLES)) if name]
        counts = [(name, await connection.fetchval(f"SELECT count(*) FROM {name}")) for name in names]
        filled = {name: count for name, count in counts if count}
        for name in filled:
            await connection.execute(f"CREATE TABLE {KEPT}.{name} AS TABLE {name}")
        await connection.execute(f"CREATE TABLE {KEPT}.mark AS SELECT {LAST} AS last")
        tables = dict(await connection.fetch(TABLES))
        return Original(tables, filled, " UNION ALL ".join(_asked(name, filled.get(name, 0)) for name in names))


#: The number of this transaction; what is written later has a greater one.
LAST = "pg_current_xact_id()::xid::text::bigint"


def _asked(name: str, count: int) -> str:
    changed = f"EXISTS (SELECT FROM {name})"
    if count:
        later = f"EXISTS (SELECT FROM {name} WHERE xmin::text::bigint > (SELECT last FROM {KEPT}.mark))"
        changed = f"{later} OR (SELECT count(*) FROM {name}) <> {count}"
    return f"SELECT '{name}', pg_relation_size('{name}') WHERE {changed}"


async def restore(url: str, original: Original) -> bool:
    """False when a test has changed more than rows and tables of its own: then nobody should use it any longer."""
    async with connected(url) as connection:
        await connection.fetch(OTHERS)
        found = dict(await connection.fetch(TABLES))
        if any(found.get(name) != what for name, what in original.tables.items()):
            return False
        steps = [f'DROP TABLE "{name}" CASCADE' for name in found.keys() - original.tables.keys()]
        for name, size in await connection.fetch(original.question):
            steps.append(f"TRUNCATE {name}" if size > SMALL_BYTES else f"DELETE FROM {name}")
            if name in original.filled:
                steps.append(f"INSERT INTO {name} TABLE {KEPT}.{name}")
        if steps:
            await connection.execute(";".join([*steps, f"UPDATE {KEPT}.mark SET last = {LAST}"]))
    return True
