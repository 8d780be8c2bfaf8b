"""Conditions over a row that is not written yet: a table of one row stands for it, so that refs can be walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.access.scope import CASTS, EntityScope
from core.expr import Expr, Undecided
from core.fields import FieldError, all_fields
from core.fields.made import Computed
from core.manifest.model import Entity, World
from core.store.database import Database, Transaction
from core.store.dialect import quote
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
    entity: Entity,
    conditions: Sequence[Expr],
    row: Row,
    me: Row,
    now: datetime,
    tx: Transaction | None = None,
) -> list[bool | None]:
    """What each condition says of the row; None = unknown. `tx` sees rows it has written itself."""
    params = Params(database.dialect)
    cells: dict[str, Any] = {}
    columns = []
    for name, field in all_fields(entity).items():
        if found := field.columns():
            cells |= zip((column.name for column in found), field.split(row.get(name)), strict=True)
            for column in found:
                value = params.add(Arg((column.name,)), column)
                # Postgres must be told the type of a parameter nothing else tells it.
                cast = f"CAST({value} AS {CASTS.get(column.kind, 'jsonb')})"
                columns.append(f"{cast if database.dialect.name == 'postgres' else value} AS {quote(column.name)}")
    scope = EntityScope(world, entity, "r", params)
    asked = ", ".join(f"({scope.sql(condition)})" for condition in conditions)
    text = f"SELECT {asked} FROM (SELECT {', '.join(columns)}) r"
    (said,) = await (tx or database).fetch(text, params.bind(Env(me, cells, now)))
    return [None if answer is None else bool(answer) for answer in said]
