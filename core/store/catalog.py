"""What the database really has: one statement for columns, one for indexes, however many tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from core.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LiveColumn:
    #: As the database spells it.
    type: str
    null: bool


@dataclass(slots=True)
class LiveTable:
    columns: dict[str, LiveColumn] = field(default_factory=dict)
    #: Names of indexes made by the DDL engine.
    indexes: set[str] = field(default_factory=set)


SQLITE_COLUMNS = """
SELECT m.name, p.name, p.type, p."notnull" FROM sqlite_master m JOIN pragma_table_info(m.name) p
WHERE m.type = 'table' AND m.name IN (SELECT value FROM json_each(?1))"""
SQLITE_INDEXES = """
SELECT tbl_name, name FROM sqlite_master
WHERE type = 'index' AND (name LIKE 'ix%' OR name LIKE 'ux%') AND tbl_name IN (SELECT value FROM json_each(?1))"""
POSTGRES_COLUMNS = """
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
  || CASE WHEN l.collname = 'C' THEN ' COLLATE "C"' ELSE '' END, a.attnotnull
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname = ANY($1::text[])"""
POSTGRES_INDEXES = """
SELECT tablename::text, indexname::text FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = ANY($1::text[]) AND indexname ~ '^(ix|ux)l?s?_'"""


async def read_catalog(tx: Transaction, dialect_name: str, names: Iterable[str]) -> dict[str, LiveTable]:
    """The tables of these names that exist."""
    is_sqlite = dialect_name == "sqlite"
    wanted: object = sorted(set(names))
    if is_sqlite:
        wanted = orjson.dumps(wanted).decode()
    found: dict[str, LiveTable] = {}
    for table, name, type_, not_null in await tx.fetch(SQLITE_COLUMNS if is_sqlite else POSTGRES_COLUMNS, [wanted]):
        found.setdefault(table, LiveTable()).columns[name] = LiveColumn(type_, not not_null)
    for table, name in await tx.fetch(SQLITE_INDEXES if is_sqlite else POSTGRES_INDEXES, [wanted]):
        found[table].indexes.add(name)
    return found
