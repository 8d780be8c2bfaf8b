"""The typed model of a map layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tongban_sdk.problems import Place

if TYPE_CHECKING:
    from core.expr import Expr


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows of an entity on the map: each a point, or counted by cell or area. Who sees it, the entity's rules say."""

    plugin_id: str
    id: str
    title: str
    #: Full key.
    entity: str
    kind: Literal["points", "counts"]
    place: Place
    #: Field of the position; "" = counted by `area`.
    point: str = ""
    #: Division or grid field; "" = by `point`.
    area: str = ""
    label: str = ""
    where: Expr | None = None
    icon: str = ""
    #: Choice field, and colours ("#2e7d32") by its values.
    colour_by: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    #: Below this zoom only clusters.
    min_zoom: int = 0

    @property
    def key(self) -> str:
        return f"{self.plugin_id}.{self.id}"
