"""The typed model of outside systems: what is exchanged with each, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tongban_sdk.problems import Place

if TYPE_CHECKING:
    from core.expr import Expr
    from core.manifest.model import World

Direction = Literal["out", "in"]
Signature = Literal["hmac-sm3", "hmac-sha256"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A message opens a case. Expressions are over the message."""

    #: Value of the property `by` → full code of the service item; without `by` the one item, under "".
    services: Mapping[str, str]
    by: str = ""
    #: Field of the item's entity → value.
    values: Mapping[str, Expr] = field(default_factory=dict)
    #: Property with the 12-digit division the case lies in; "" = where the row's grid lies.
    division: str = ""
    channel: str = "system"


@dataclass(frozen=True, slots=True)
class Following:
    """A message goes on with a case: the one that the operation `of` opened, or that ordered it."""

    of: str
    #: Property that holds the number the case is known by outside.
    number: str
    #: Property that says what has happened; "" = there is one action, under "".
    by: str = ""
    #: Value of `by` → action. Of an outgoing operation () : the effect that ordered says it (`events`).
    actions: Mapping[str, str] = field(default_factory=dict)
    #: Field of the case's row → value over the message; none where `of` is an outgoing operation.
    values: Mapping[str, Expr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    title: str
    direction: Direction
    #: JSON Schema (2020-12) of an object.
    request: Mapping[str, Any]
    place: Place
    #: Of the answer to an outgoing call.
    response: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 10.0
    tries: int = 6
    #: Staff role that hears of a call that was given up; "" = it stands in the list of calls only.
    on_failure: str = ""
    #: {"request": what an order holds at least, "response": the simulator's answer to it}; the first that fits.
    examples: tuple[Mapping[str, Any], ...] = ()
    #: Incoming: property with the sender's own number of the message. Outgoing: property of the answer with the
    #: number that later messages name.
    number: str = ""
    opening: Opening | None = None
    following: Following | None = None


@dataclass(frozen=True, slots=True)
class Connector:
    plugin_id: str
    id: str
    title: str
    #: Name of the system outside.
    system: str
    level_max: Literal["L1", "L2", "L3"]
    operations: Mapping[str, Operation]
    place: Place
    signature: Signature = "hmac-sm3"

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"


def connector_of(world: World, key: str) -> Connector | None:
    """By full code ("core.courier")."""
    plugin_id, _, id = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    return plugin.connectors.get(id) if plugin else None


def operation_of(world: World, key: str, id: str, direction: Direction) -> tuple[Connector, Operation] | None:
    connector = connector_of(world, key)
    operation = connector.operations.get(id) if connector else None
    return (connector, operation) if connector and operation and operation.direction == direction else None


def connectors_of(world: World) -> Iterator[Connector]:
    for plugin in world.plugins.values():
        yield from plugin.connectors.values()
