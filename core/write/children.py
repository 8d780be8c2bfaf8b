"""Whether a row is about a child when it is written: the same expression that reading asks, see core.access."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.access.protection import BIRTH, PERSON, adult_expr
from core.expr import evaluate
from core.fields.column import Column
from core.fields.refs import Ref
from core.manifest.model import Entity, World
from core.store.database import Database, Transaction
from core.store.dialect import bind, quote
from core.write.shape import shape_of

_ID = Column("id", "uuid")


async def is_about_child(
    source: Database | Transaction,
    database: Database,
    world: World,
    entity: Entity,
    row: Mapping[str, Any],
    now: datetime,
) -> bool:
    """One look at each person a row is about; none for entities without fields that this changes."""
    if not shape_of(entity).for_children:
        return False
    if entity.subject_paths == (("id",),):
        return is_child_row(world, entity, row, now)
    known: dict[str, Any] = {}
    for path in entity.subject_paths:
        person, birth_date = None, None
        if row[path[0]] is not None:
            person, birth_date = await _person(source, database, world, entity, path, row)
        known |= {".".join(path): person, ".".join((*path, BIRTH)): birth_date}
    return is_child_row(world, entity, known, now)


def is_child_row(world: World, entity: Entity, known: Mapping[str, Any], now: datetime) -> bool:
    """`known` holds persons and dates of birth under their paths, or the row itself when it is a person."""
    return evaluate(adult_expr(world, entity), known, {}, now) is not True


def has_new_subject(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the change may make an ordinary row one about a child."""
    names = [BIRTH if path == ("id",) else path[0] for path in entity.subject_paths]
    return any(before.get(name) != after.get(name) for name in names)


async def _person(
    source: Database | Transaction,
    database: Database,
    world: World,
    entity: Entity,
    path: tuple[str, ...],
    row: Mapping[str, Any],
) -> tuple[str | None, Any]:
    """Id and date of birth, from the row that the first ref of the path names."""
    dialect, person = database.dialect, world.entities[PERSON]
    id, target = f"CAST({dialect.placeholder(1)} AS {'uuid' if dialect.name == 'postgres' else 'text'})", entity
    first, *others = path
    target = world.entities[_ref(entity, first).to]
    for name in others:
        ref = _ref(target, name)
        id = f"(SELECT {quote(ref.column_name)} FROM {quote(target.table)} WHERE id = {id})"
        target = world.entities[ref.to]
    birth = person.fields[BIRTH].columns()[0]
    source_sql = f"(SELECT {id} AS id) s LEFT JOIN {quote(person.table)} p ON p.id = s.id"
    text = f"SELECT s.id, p.{quote(birth.name)} FROM {source_sql}"
    found = (await source.fetch(text, [bind(dialect, _ID, row[first])]))[0]
    return dialect.load(_ID, found[0]), dialect.load(birth, found[1])


def _ref(entity: Entity, name: str) -> Ref:
    ref = entity.fields[name]
    assert isinstance(ref, Ref)
    return ref
