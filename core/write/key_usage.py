"""Which keys the values of a database name: counted by the database, column by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.fields.column import Table
from core.fields.sealed import SEALED_PREFIX
from core.manifest.model import Entity, World
from core.store.crypto_tables import AT_REST, KEY
from core.store.database import Database
from core.store.dialect import quote
from core.store.engine import ENGINE_TABLES, HISTORY
from core.write.shape import shape_of


async def key_usage(database: Database, world: World) -> Counter[str]:
    """Sealed values and lookups by key id, keys that are gone included. Reads whole tables: for commands only."""
    is_postgres = database.dialect.name == "postgres"
    found: Counter[str] = Counter()
    for source, value, prefix in _sources(world, is_postgres=is_postgres):
        rest = f"substr({value}, {len(prefix) + 1})"
        key = f"split_part({rest}, '.', 1)" if is_postgres else f"substr({rest}, 1, instr({rest}, '.') - 1)"
        where = f"substr({value}, 1, {len(prefix)}) = '{prefix}'" if prefix else f"{value} IS NOT NULL"
        for id, count in await database.fetch(f"SELECT {key}, count(*) FROM {source} WHERE {where} GROUP BY 1", []):
            found[id] += count
    return found


def _sources(world: World, *, is_postgres: bool) -> Iterator[tuple[str, str, str]]:
    """FROM, the expression of a value, and what stands before the key id."""
    for entity in world.entities.values():
        yield from _of_entity(entity)
    for table in ENGINE_TABLES:
        if table not in (HISTORY, KEY, AT_REST):
            yield from _of_engine(table)
    for column in ("before", "after"):
        each = "jsonb_each_text" if is_postgres else "json_each"
        yield f"tb_history h, {each}(h.{column}) e", "e.value", SEALED_PREFIX


def _of_entity(entity: Entity) -> Iterator[tuple[str, str, str]]:
    for stored in shape_of(entity).stored:
        if stored.is_sealed or stored.is_for_children:
            yield quote(entity.table), quote(stored.sealed), SEALED_PREFIX
        if stored.lookup:
            yield quote(entity.table), quote(stored.lookup), ""


def _of_engine(table: Table) -> Iterator[tuple[str, str, str]]:
    for column in table.columns:
        if column.kind == "text":
            yield table.name, quote(column.name), SEALED_PREFIX
