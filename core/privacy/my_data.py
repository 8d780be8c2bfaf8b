"""Everything the host holds about one person, over all plugins there ever were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.expr.clock import CHINA
from core.fields.base import Field, FieldError
from core.fields.refs import File, Ref, parse_uuid
from core.manifest.model import World
from core.privacy.catalogue import Catalogue, Holding
from core.privacy.rows import Lying
from core.store.database import Transaction
from core.store.dialect import quote
from core.store.json_values import to_json
from core.store.statement import statement
from core.store.tables import table_of
from core.write.rest import Unreadable
from core.write.values import Row

PluginState = Literal["running", "off", "removed"]
#: Rows of one entity that a screen shows; the export has all.
SHOWN_MAX = 200
EXPORTED_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Section:
    """What one table holds about the person; the newest rows first, deleted ones too."""

    holding: Holding
    state: PluginState
    rows: tuple[Row, ...]
    #: There are more rows than were asked for.
    has_more: bool


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a row."""

    field: Field
    #: As the API prints it; null for what cannot be opened.
    json: Any
    #: As a citizen reads it; "" for links to other rows.
    text: str


class MyData:
    """Of one generation."""

    def __init__(self, lying: Lying, world: World, catalogue: Catalogue, states: Collection[str]) -> None:
        self._lying, self._world, self._catalogue, self._states = lying, world, catalogue, states

    async def sections(
        self, person: str, plugins: Collection[str] | None = None, rows_max: int = SHOWN_MAX
    ) -> AsyncIterator[Section]:
        """Tables with at least one row about the person; `plugins` None: all."""
        for holding in await self._catalogue.holdings(self._world):
            if plugins is None or holding.entity.plugin_id in plugins:
                found = await self._lying.rows(
                    holding.entity, holding.about(), order="created_at DESC, id DESC", limit=rows_max + 1, deleted=True,
                    person=person,
                )  # fmt: skip
                if found:
                    state = self.state(holding.entity.plugin_id)
                    yield Section(holding, state, tuple(found[:rows_max]), len(found) > rows_max)

    async def find(self, person: str, key: str, id: str) -> tuple[Holding, Row] | None:
        """One row about the person."""
        holding = next((h for h in await self._catalogue.holdings(self._world) if h.entity.key == key), None)
        if holding is None:
            return None
        where = f"id = {{id}} AND {holding.about()}"
        try:
            rows = await self._lying.rows(holding.entity, where, deleted=True, id=parse_uuid(id), person=person)
        except FieldError:
            return None
        return (holding, rows[0]) if rows else None

    async def whom(
        self, holding: Holding, person: str, tx: Transaction | None = None
    ) -> dict[str, tuple[str | None, ...]]:
        """All persons whom the rows about this one are about, by row id: one or None for each way."""
        table = table_of(holding.entity)
        names = ", ".join(["id", *holding.whom("t")])
        text = f"SELECT {names} FROM {quote(table.name)} t WHERE {holding.about()}"
        database = self._lying.database
        rows = await (tx or database).fetch(*statement(database.dialect, table, text, person=person))
        return {str(id): tuple(None if one is None else str(one) for one in whom) for id, *whom in rows}

    def state(self, plugin_id: str) -> PluginState:
        if plugin_id in self._world.plugins:
            return "running"
        return "off" if plugin_id in self._states else "removed"

    def values(self, holding: Holding, row: Row, *, personal: bool = True) -> list[Value]:
        """Filled fields in the order of the manifest; without `personal`, none of L3 and L4."""
        return [
            Value(field, _json(row[field.name]), self._text(field, row[field.name]))
            for field in holding.entity.fields.values()
            if row.get(field.name) is not None and (personal or field.level not in ("L3", "L4"))
        ]

    def _text(self, field: Field, value: Any) -> str:
        if isinstance(value, Unreadable):
            return "（加密的内容目前无法打开，请联系数据管理部门）"
        if isinstance(field, File):
            return "（文件）"
        return "" if isinstance(field, Ref) else self._plain(field, value)

    def _plain(self, field: Field, value: Any) -> str:
        if isinstance(value, list | tuple) and not _is_point(value):
            return "、".join(self._plain(field, item) for item in value)
        titles: Mapping[str, str] = getattr(field, "values", None) or self._codes(field)
        match value:
            case bool():
                return "是" if value else "否"
            case datetime():
                return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
            case str():
                return titles.get(value, value)
            case tuple():
                return f"东经 {value[0] / 10**7:.5f}°，北纬 {value[1] / 10**7:.5f}°"
            case _:
                return str(to_json(value))

    def _codes(self, field: Field) -> Mapping[str, str]:
        code_set = self._world.codes.get(getattr(field, "code_set", "") or "")
        return {code: item.title for code, item in code_set.items.items()} if code_set else {}


def _json(value: Any) -> Any:
    return None if isinstance(value, Unreadable) else to_json(value)


def _is_point(value: list[Any] | tuple[Any, ...]) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(type(part) is int for part in value)
