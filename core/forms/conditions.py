"""Conditions over a row that is not written yet: a table of one row stands for it, so that refs can be walked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.access.scope import CASTS, EntityScope
from core.expr import Undecided
from core.fields import FieldError, all_fields
from core.fields.column import Column
from core.fields.made import Computed
from core.manifest.cases import Service
from core.manifest.model import Entity, World
from core.store.database import Database, Transaction
from core.store.dialect import Dialect, quote
from core.store.sql import Arg, Env, Params

Row = Mapping[str, Any]


def coming_row(entity: Entity, values: Row, me: Row, now: datetime) -> dict[str, Any]:
    """The row as it would be written, canonical, by field name; what does not parse is not there yet."""
    row: dict[str, Any] = {name: field.default for name, field in all_fields(entity).items()}
    row |= {"division": me["division"], "org": me["org"], "created_at": now, "updated_at": now, "version": 1}
    for name, value in values.items():
        try:
            row[name] = all_fields(entity)[name].parse(value)
        except FieldError:
            row[name] = None
    for name, field in entity.fields.items():
        if isinstance(field, Computed) and field.stored:
            row[name] = _computed(field, row, me, now)
    return row


def _computed(field: Computed, row: Row, me: Row, now: datetime) -> Any:
    try:
        return field.evaluate(row, me, now)
    except Undecided:
        return None


async def answers(
    database: Database,
    world: World,
    service: Service,
    entity: Entity,
    row: Row,
    me: Row,
    now: datetime,
    tx: Transaction | None = None,
) -> list[bool | None]:
    """What each precondition says of the row; None = unknown. `tx` sees rows it has written itself."""
    text, params = _question(world, service, entity, database.dialect)
    cells = {
        column.name: value
        for name, field in all_fields(entity).items()
        if (columns := field.columns())
        for column, value in zip(columns, field.split(row.get(name)), strict=True)
    }
    (said,) = await (tx or database).fetch(text, params.bind(Env(me, cells, now)))
    return [None if answer is None else bool(answer) for answer in said]


_KEPT: dict[tuple[str, int, str], tuple[World, Service, str, Params]] = {}


def _question(world: World, service: Service, entity: Entity, dialect: Dialect) -> tuple[str, Params]:
    """One statement for all preconditions of an item; made once."""
    key = (service.key, service.version, dialect.name)
    kept = _KEPT.get(key)
    if kept is None or kept[0] is not world or kept[1] is not service:
        params = Params(dialect)
        cells = [_cell(column, params) for field in all_fields(entity).values() for column in field.columns()]
        scope = EntityScope(world, entity, "r", params)
        asked = ", ".join(f"({scope.sql(condition.when)})" for condition in service.preconditions)
        kept = _KEPT[key] = (world, service, f"SELECT {asked} FROM (SELECT {', '.join(cells)}) r", params)
    return kept[2:]


def _cell(column: Column, params: Params) -> str:
    value = params.add(Arg((column.name,)), column)
    # Postgres must be told the type of a parameter nothing else tells it.
    cast = f"CAST({value} AS {CASTS.get(column.kind, 'jsonb')})" if params.dialect.name == "postgres" else value
    return f"{cast} AS {quote(column.name)}"
