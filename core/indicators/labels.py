"""Names of the groups and places of a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.fields import all_fields
from core.fields.base import Field
from core.fields.choices import Code, Enum
from core.fields.refs import Ref
from core.indicators.counting import NONE, entity_of
from core.indicators.reading import Breakdown
from core.manifest.indicators import Indicator
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.dialect import quote
from core.store.statement import statement
from core.store.tables import table_of

_ORG_UNIT, _DIVISION = "core.org_unit", "core.division"
_WORDS = {"true": "是", "false": "否", NONE: "未填"}


async def labels(
    database: Database, world: World, indicator: Indicator, by: Breakdown, keys: Sequence[str]
) -> Mapping[str, str]:
    """By key; what has no name is called by its key."""
    if by == "division":
        return await _named(database, world, _DIVISION, "code", "name", keys)
    entity = entity_of(world, indicator)
    if by != "group" or entity is None:
        return {}
    found = await _of_field(database, world, all_fields(entity)[indicator.group_by], keys)
    return {**_WORDS, **found}


async def _of_field(database: Database, world: World, field: Field, keys: Sequence[str]) -> Mapping[str, str]:
    match field:
        case Enum():
            return field.values
        case Code():
            found = world.codes.get(field.code_set)
            return {code: item.title for code, item in found.items.items()} if found else {}
        case Ref():
            return await _named(database, world, field.to, "id", _display(world, field.to), keys)
    match field.name:
        case "org":
            return await _named(database, world, _ORG_UNIT, "id", "name", keys)
        case "division":
            return await _named(database, world, _DIVISION, "code", "name", keys)
        case "service":
            return {f"{p.id}.{id}": v[-1].title for p in world.plugins.values() for id, v in p.services.items() if v}
    return {}


def _display(world: World, key: str) -> str:
    entity = world.entity(key)
    return entity.display if entity else ""


async def _named(
    database: Database, world: World, key: str, by: str, name: str, keys: Sequence[str]
) -> Mapping[str, str]:
    entity: Entity | None = world.entity(key)
    values = {f"key{number}": one for number, one in enumerate(keys) if one not in ("", NONE)}
    if entity is None or not values or not name:
        return {}
    table, marks = table_of(entity), ", ".join(f"{{{one}:{by}}}" for one in values)
    text = f"SELECT {by}, {quote(name)} FROM {quote(table.name)} WHERE {by} IN ({marks})"
    rows = await database.fetch(*statement(database.dialect, table, text, **values))
    return {str(one): str(title) for one, title in rows if title}
