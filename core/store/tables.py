"""Entities as tables: system columns, one or more columns per field, indexes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from core.fields import SYSTEM_FIELDS, all_fields
from core.fields.column import Index, Table
from core.fields.places import Point
from core.fields.refs import Ref
from core.fields.sealed import at_rest_columns, indexed_columns
from core.fields.system import DELETED_AT
from core.manifest.model import Entity, World
from core.store.engine import ENGINE_TABLES

#: Postgres cuts longer names.
NAME_MAX = 63
_KEPT: dict[str, tuple[Entity, Table]] = {}


def tables_of(world: World) -> list[Table]:
    """Every table of a world, the engine's first."""
    return [*ENGINE_TABLES, *(table_of(entity) for entity in world.entities.values())]


def table_of(entity: Entity) -> Table:
    """The table of an entity, made once per entity object."""
    kept = _KEPT.get(entity.key)
    if kept is None or kept[0] is not entity:
        kept = _KEPT[entity.key] = (entity, _table(entity))
    return kept[1]


def _table(entity: Entity) -> Table:
    columns = [c for f in SYSTEM_FIELDS.values() for c in f.columns()] + [DELETED_AT]
    # `required` is a rule of writing, not of the table: a field no longer declared must not block inserts.
    columns += [replace(c, null=True) for f in entity.fields.values() for c in at_rest_columns(f, entity)]
    renamed = f"{entity.plugin_id}_{entity.renamed_from}" if entity.renamed_from else None
    return Table(entity.table, tuple(columns), tuple(dict.fromkeys(_indexes(entity))), renamed)


def _indexes(entity: Entity) -> Iterator[Index]:
    yield Index(("division", "id"))
    for names in entity.unique:
        yield Index(_columns(entity, names), unique=True, live=True)
    for field in entity.fields.values():
        columns = tuple(c.name for c in indexed_columns(field))
        if field.unique and columns:
            yield Index(columns, unique=True, live=True)
        elif columns and (field.index or field.keyed or isinstance(field, Ref)):
            yield Index((*columns, "id"))
            if isinstance(field, Point):
                # A map of everything looks at some of them.
                yield Index((*columns, "id"), sample=True)
    for names in entity.indexes:
        columns = _columns(entity, names)
        # With `id` at the end, a page begins where the one before ended, by the index alone.
        yield Index(columns if "id" in columns else (*columns, "-id" if columns[-1][0] == "-" else "id"))


def _columns(entity: Entity, names: tuple[str, ...]) -> tuple[str, ...]:
    fields = all_fields(entity)
    return tuple(
        name[: len(name) - len(name.lstrip("-"))] + column.name
        for name in names
        for column in indexed_columns(fields[name.lstrip("-")])
    )


@lru_cache(65536)
def index_name(table: str, index: Index) -> str:
    """The same declaration always has the same name, another one another name."""
    columns = "_".join(f"{c[1:]}_desc" if c[0] == "-" else c for c in index.columns)
    prefix = ("ux" if index.unique else "ix") + ("l" if index.live else "") + ("s" if index.sample else "")
    name = f"{prefix}_{table}_{columns}"
    if len(name) <= NAME_MAX:
        return name
    return f"{name[: NAME_MAX - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
