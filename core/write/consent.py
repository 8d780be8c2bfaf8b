"""What rests on consent is not written without it, except by the person himself or who is his guardian.

Asked in the transaction of the write, once the row stands in it and the person cannot take back a word before the
commit: a withdrawal holds for the next write as it does for the next read. What lies there stays; null clears it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tongban_sdk.errors import ConsentRequiredError

from core.access import EntityScope
from core.access.protection import PERSON, own_or_consented
from core.access.rows import rows_sql
from core.fields.base import Field
from core.fields.column import Column
from core.manifest.model import Action, Entity, Purpose, World
from core.store.database import Transaction
from core.store.dialect import bind, quote
from core.store.sql import Arg, Params
from core.write.shape import shape_of
from core.write.task import Task

_ID = Column("id", "uuid")


def consent_fields(world: World, entity: Entity, names: Collection[str], row: Mapping[str, Any]) -> list[Field]:
    """Of these fields, those that hold a value under a purpose that needs consent."""
    if not entity.subject_paths:
        return []
    purposes, fields = world.plugins[entity.plugin_id].purposes, entity.fields
    held = (fields[name] for name in names if row.get(name) is not None and name in fields)
    return [f for f in held if f.purpose in purposes and purposes[f.purpose].basis == "consent"]


def newly_held(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any]) -> Collection[str]:
    """Fields with another value than before; all of them when the row is now about somebody else."""
    if any(before[path[0]] != after[path[0]] for path in entity.subject_paths):
        return shape_of(entity).writable.keys()
    return [name for name in shape_of(entity).writable if before[name] != after[name]]


async def require_consent(
    task: Task, tx: Transaction, action: Action, fields: list[Field], row: Mapping[str, Any]
) -> None:
    """ConsentRequiredError names every purpose that lacks it, and its fields."""
    if not fields:
        return
    await _hold_persons(task, tx, row)
    params = Params(task.shared.database.dialect)
    scope = EntityScope(task.shared.world, task.entity, "t", params)
    asked = ", ".join(f"coalesce({rows_sql(_condition(task, action, field), scope)}, FALSE)" for field in fields)
    id = params.add(Arg(("id",)), _ID)
    text = f"SELECT {asked} FROM {quote(task.entity.table)} t WHERE t.id = {id}"
    [answers] = await tx.fetch(text, params.bind(task.env({"id": row["id"]})))
    if missing := [field for field, may in zip(fields, answers, strict=True) if not may]:
        raise ConsentRequiredError(dict(_by_purpose(task, missing)))


def _condition(task: Task, action: Action, field: Field) -> Any:
    rules = task.shared.access.rules(task.actor.roles, task.entity.key, action)
    return own_or_consented(task.shared.world, task.entity, field, [r for r in rules if field.name in r.fields])


async def _hold_persons(task: Task, tx: Transaction, row: Mapping[str, Any]) -> None:
    """Whoever takes a consent back holds the person's row until the commit (core.privacy): one of the two waits."""
    dialect = task.shared.database.dialect
    if dialect.name != "postgres":
        return
    table = quote(task.shared.world.entities[PERSON].table)
    text = f"SELECT 1 FROM {table} WHERE id = {dialect.placeholder(1)} FOR KEY SHARE"
    for person in await task.subjects(tx, row):  # type: ignore[arg-type]
        await tx.fetch(text, [bind(dialect, _ID, person)])


def _by_purpose(task: Task, fields: list[Field]) -> Iterator[tuple[str, list[str]]]:
    purposes: Mapping[str, Purpose] = task.shared.world.plugins[task.entity.plugin_id].purposes
    for id in dict.fromkeys(field.purpose for field in fields):
        yield purposes[id].title, [field.title for field in fields if field.purpose == id]
