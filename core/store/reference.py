"""Rows that plugins ship: data sets and code sets, upserted by key with each migration, never deleted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tongban_sdk.problems import Place

from core.fields import Field, all_fields, make_field
from core.fields.column import Column, Table
from core.fields.times import utc_now
from core.manifest.model import DataSet, Entity, World
from core.store.catalog import read_catalog
from core.store.database import Database, Insert, Transaction
from core.store.dialect import quote
from core.store.engine import HISTORY
from core.store.ids import uuid7
from core.store.migrate import lock_schema
from core.store.statement import statement
from core.store.tables import table_of

#: Where the items of all code sets go, as manifests/core declares it: a plugin switched on later brings its sets
#: without bringing core along.
CODE_ITEM = Entity(
    plugin_id="core",
    name="code_item",
    title="代码项",
    description="",
    fields={
        name: make_field(name, {"type": "string", "title": name}) for name in ("code_set", "code", "title", "parent")
    },
    indexes=(),
    unique=(("code_set", "code"),),
    history=False,
    display="title",
    place=Place("core/store/reference.py"),
)
ACTOR = "system"
#: Compared between two looks at the event loop.
ROWS_AT_ONCE = 500


Fetch = Callable[..., Awaitable[Sequence[Any]]]
#: Fields by name, each with the columns it lies in.
Fields = Mapping[str, tuple[Field, tuple[Column, ...]]]


@dataclass(frozen=True, slots=True)
class _Change:
    entity: Entity
    #: None for a new row.
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


async def load_reference(database: Database, world: World) -> int:
    """Bring the reference rows of a world into the database; returns how many were added or changed."""
    sets = [(world.entities[data.entity], data) for plugin in world.plugins.values() for data in plugin.data]
    sets += await _code_items(database, world)
    if not await _changes(database, database.fetch, sets):
        return 0
    async with database.transaction() as tx:
        await lock_schema(database, tx)
        # Looked at again under the lock: another process may have been faster.
        changes = await _changes(database, tx.fetch, sets)
        await _write(database, tx, changes)
    return len(changes)


async def _code_items(database: Database, world: World) -> list[tuple[Entity, DataSet]]:
    """The code sets of the world as rows of core.code_item, if there is such a table."""
    async with database.transaction() as tx:
        found = await read_catalog(tx, database.dialect.name, [CODE_ITEM.table])
    rows = tuple(
        {"code_set": codes.id, "code": item.code, "title": item.title, "parent": item.parent}
        for codes in world.codes.values()
        for item in codes.items.values()
    )
    return [(CODE_ITEM, DataSet(CODE_ITEM.key, ("code_set", "code"), rows, CODE_ITEM.place))] if found and rows else []


async def _changes(database: Database, fetch: Fetch, sets: Sequence[tuple[Entity, DataSet]]) -> list[_Change]:
    changes: list[_Change] = []
    for entity, data in sets:
        fields = _fields(entity, dict.fromkeys(name for row in data.rows for name in (*data.key, *row)))
        key = tuple(column.name for name in data.key for column in fields[name][1])
        found = await _existing(database, fetch, table_of(entity), fields, key)
        for number, row in enumerate(data.rows):
            if number % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            after = _columns(fields, row)
            before = found.get(tuple(after.get(name) for name in key))
            if before is None:
                changes.append(_Change(entity, None, {"id": _id(entity, data.key, row), **after}))
            elif any(before[name] != value for name, value in after.items()):
                changes.append(_Change(entity, before, after))
    return changes


def _fields(entity: Entity, names: Iterable[str]) -> Fields:
    fields = all_fields(entity)
    return {name: (fields[name], fields[name].columns()) for name in names}


def _columns(fields: Fields, row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in row.items():
        field, columns = fields[name]
        parts = (None,) * len(columns) if value is None else field.split(value)
        values |= {column.name: part for column, part in zip(columns, parts, strict=True)}
    return values


async def _existing(
    database: Database, fetch: Fetch, table: Table, fields: Fields, key: tuple[str, ...]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their key: what is shipped of them, id and version."""
    columns = [table.column("id"), table.column("version"), *(c for _, parts in fields.values() for c in parts)]
    names = ", ".join(quote(column.name) for column in columns)
    rows = await fetch(f"SELECT {names} FROM {quote(table.name)} WHERE deleted_at IS NULL")
    load = database.dialect.load
    loaded = ({c.name: load(c, v) for c, v in zip(columns, row, strict=True)} for row in rows)
    return {tuple(row[name] for name in key): row for row in loaded}


def _id(entity: Entity, key: Sequence[str], row: Mapping[str, Any]) -> str:
    """The same row has the same id in every county: a version 7 id of the year 1970, the rest from its key."""
    text = "\0".join([entity.key, *(str(row.get(name)) for name in key)])
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:10])
    number = 0x7 << 76 | (number >> 64 & 0xFFF) << 64 | 0b10 << 62 | number & (1 << 62) - 1
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def _write(database: Database, tx: Transaction, changes: Sequence[_Change]) -> None:
    now = utc_now()
    stamps = {"updated_at": now, "updated_by": ACTOR}
    new = [c for c in changes if c.before is None]
    born = {"created_at": now, "created_by": ACTOR, "version": 1, **stamps}
    await tx.insert([Insert(table_of(c.entity), {**_defaults(c.entity), **c.after, **born}) for c in new])
    for change in changes:
        if change.before is not None:
            after = {**change.after, **stamps, "version": change.before["version"] + 1}
            sets = ", ".join(f"{quote(name)} = {{{name}}}" for name in after)
            text = f"UPDATE {quote(change.entity.table)} SET {sets} WHERE id = {{id}}"
            values = {**after, "id": change.before["id"]}
            await tx.execute(*statement(database.dialect, table_of(change.entity), text, **values))
    await tx.insert([Insert(HISTORY, _history(c, now)) for c in changes if c.entity.history])


def _defaults(entity: Entity) -> dict[str, Any]:
    given = {name: field.default for name, field in entity.fields.items() if field.default is not None}
    return _columns(_fields(entity, given), given)


def _history(change: _Change, now: datetime) -> dict[str, Any]:
    before = change.before or {}
    names = [n for n, value in change.after.items() if n != "id" and before.get(n) != value]
    return {
        "id": uuid7(),
        "entity": change.entity.key,
        "row_id": before.get("id") or change.after["id"],
        "version": before.get("version", 0) + 1,
        "action": "update" if before else "create",
        "actor": ACTOR,
        "at": now,
        "why": "随应用发布的参考数据",
        "before": {n: _text(before[n]) for n in names} if before else None,
        "after": {n: _text(change.after[n]) for n in names},
    }


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, bool, list, dict)) else str(value)
