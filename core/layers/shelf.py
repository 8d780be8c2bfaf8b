"""Which layers somebody may open, and the rows of one of them as conditions of a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tongban_sdk import Actor, InputProblem, InvalidInputError, NotFoundError, PermissionDeniedError

from core.access import AccessModel
from core.expr import paths
from core.fields import all_fields
from core.fields.base import Field
from core.fields.column import Column
from core.fields.places import division_range
from core.manifest.map_layers import Layer
from core.manifest.model import Entity, World
from core.read import Reader
from core.read.floor import Cells
from core.read.rows import Access, Rows
from core.read.statement import Statement
from core.store.database import Database
from core.store.dialect import literal
from core.store.sql import Const

_TEXT = Column("division", "text")


class Live(Protocol):
    """A generation, as far as this room must know it."""

    @property
    def world(self) -> World: ...
    @property
    def access(self) -> AccessModel: ...
    @property
    def reader(self) -> Reader: ...
    @property
    def choices(self) -> Mapping[str, Mapping[str, Any]]: ...


@dataclass(slots=True)
class Shown:
    """A layer in the rights of one reader: the rows, and the conditions that choose among them."""

    live: Live
    layer: Layer
    entity: Entity
    statement: Statement
    rows: Rows
    parts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, live: Live, database: Database, actor: Actor, key: str) -> Shown:
        """NotFoundError for a layer that is not there, and for one whose rows or place the reader may not see."""
        plugin_id, _, id = key.partition(".")
        plugin = live.world.plugins.get(plugin_id)
        layer = plugin.layers.get(id) if plugin else None
        entity = live.world.entity(layer.entity) if layer else None
        if layer is None or entity is None:
            raise _missing()
        statement = Statement.start(database.dialect, live.world, live.reader.opener.vault)
        statement.sights.begin("", entity)
        try:
            found = cls(live, layer, entity, statement, _rows(live, statement, actor, layer, entity))
            found.rows.look(found.place)
            found._declared()
        except PermissionDeniedError:
            raise _missing() from None
        return found

    @property
    def place(self) -> Field:
        return all_fields(self.entity)[self.layer.point or self.layer.area]

    def fields(self) -> Iterator[Field]:
        """What a point shows beside its place."""
        names = (self.layer.label, self.layer.colour_by)
        yield from (all_fields(self.entity)[name] for name in names if name)

    def under(self, division: str) -> None:
        """Only rows of a division and below it."""
        field = all_fields(self.entity)["division"]
        self.rows.look(field)
        first, last = (self.statement.params.add(Const(end), _TEXT) for end in division_range(division))
        self.parts.append(self.rows.unless_closed(field, f"{self.rows.clear(field)} BETWEEN {first} AND {last}"))

    def condition(self, *more: str) -> str:
        return " AND ".join((self.rows.predicate(), *self.parts, *more))

    def _declared(self) -> None:
        """The layer's own condition: who sees the layer sees what it says of the fields it names."""
        where = self.layer.where
        if where is not None:
            test = self.rows.scope.sql(where)
            for name in sorted({path[0] for path in paths(where)}):
                named = all_fields(self.entity)[name]
                self.rows.look(named)
                test = self.rows.unless_closed(named, test)
            self.parts.append(test)
        if off := _off(self.live.choices.get(self.layer.plugin_id, {}), self.rows.scope.name("division")):
            self.rows.look(all_fields(self.entity)["division"])
            self.parts.append(off)


def layers_of(live: Live, database: Database, actor: Actor) -> Iterator[Layer]:
    """All that the reader may open, by key."""
    for plugin in live.world.plugins.values():
        for layer in plugin.layers.values():
            try:
                Shown.of(live, database, actor, layer.key)
            except NotFoundError:
                continue
            yield layer


def refused(name: str, message: str, id: str) -> InvalidInputError:
    return InvalidInputError("参数的值无效", (InputProblem((name,), message, id),))


def _rows(live: Live, statement: Statement, actor: Actor, layer: Layer, entity: Entity) -> Rows:
    """Rows he reads; to count by area, for who reads none, protected cells of those he may count."""
    access = Access(live.access, actor.roles)
    if layer.area and not access.rules(entity):
        return Cells.of(statement, access, entity)
    return Rows.root(statement, access, entity, listed=True)


def _off(choices: Mapping[str, str], division: str) -> str:
    """Rows outside the divisions the application is switched off in; the smallest division around a row decides."""
    if "off" not in choices.values():
        return ""
    # A part has a larger code than its whole.
    codes = sorted(filter(None, choices), reverse=True)
    whens = "".join(f" WHEN {division} BETWEEN {_ends(code)} THEN {_is_open(choices[code])}" for code in codes)
    general = _is_open(choices.get("", "on"))
    return f"(CASE{whens} ELSE {general} END)" if whens else general


def _ends(code: str) -> str:
    first, last = map(literal, division_range(code))
    return f"{first} AND {last}"


def _is_open(choice: str) -> str:
    return "FALSE" if choice == "off" else "TRUE"


def _missing() -> NotFoundError:
    return NotFoundError("没有这个图层，或者您看不到")
