"""One thing on the map, as every question answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import cos, pi, sqrt
from typing import Any

from core.fields.operators import METRES_PER_DEGREE
from core.manifest.map_layers import Layer

#: Fewer are told as "<10" only.
COUNT_MIN = 10


@dataclass(frozen=True, slots=True)
class Feature:
    """One row, or a count of them. Degrees, CGCS2000."""

    id: str | None = None
    #: Longitude, latitude; None = an area, which lies where its boundary says.
    position: tuple[float, float] | None = None
    label: str | None = None
    #: Value of the choice field, and the colour the layer has for it.
    value: str | None = None
    colour: str | None = None
    #: Code of the division or grid that was counted.
    area: str | None = None
    #: None where fewer than COUNT_MIN persons, or no count at all.
    count: int | None = None
    #: "36", "<10", "约 1280".
    count_text: str | None = None
    distance_m: int | None = None

    @classmethod
    def of(cls, layer: Layer, row: Mapping[str, Any]) -> Feature:
        value = row.get(layer.colour_by)
        return cls(
            id=row["id"], position=(row["lng"], row["lat"]), label=row.get(layer.label), value=value,
            colour=layer.colours.get(value or ""),
        )  # fmt: skip

    @classmethod
    def counted(
        cls, layer: Layer, count: int, *, position: tuple[float, float] | None = None, area: str | None = None,
        is_estimated: bool = False,
    ) -> Feature:  # fmt: skip
        """A cluster of points says how many; a layer of counts does not say how few."""
        if layer.kind == "counts" and count < COUNT_MIN:
            return cls(position=position, area=area, count_text=f"<{COUNT_MIN}")
        return cls(position=position, area=area, count=count, count_text=f"{'约 ' if is_estimated else ''}{count}")

    def away_from(self, lng7: int, lat7: int) -> Feature:
        """The same with its distance; flat, like the circle it was found in."""
        assert self.position is not None
        y = self.position[1] - lat7 / 1e7
        x = (self.position[0] - lng7 / 1e7) * cos(lat7 / 1e7 * pi / 180)
        return replace(self, distance_m=round(sqrt(x * x + y * y) * METRES_PER_DEGREE))


@dataclass(frozen=True, slots=True)
class Collection:
    features: tuple[Feature, ...]
    #: They are counts, not rows.
    is_clustered: bool
    #: They are estimates: there are too many rows to count them all.
    is_estimated: bool = False
