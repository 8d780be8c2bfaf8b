"""Where something is: division and grid codes, points and areas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.expr.subtree import LEVEL_DIGITS, subtree_range
from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.crs import CRS, to_cgcs2000
from core.fields.text import COMPARISONS, text_column

_DIVISION = re.compile(r"[1-9][0-9]{11}", re.ASCII)
_GRID = re.compile(r"[1-9][0-9]{14}", re.ASCII)
#: Digits of a code that name each level.
LEVELS: dict[str, int] = dict(zip(("province", "city", "county", "township", "village"), LEVEL_DIGITS, strict=True))
POSITIONS_MAX = 5000
#: A plain range check that takes in all of China, its seas included, and refuses swapped axes.
BOUNDS = {"lng": (70.0, 140.0), "lat": (0.0, 55.0)}

POINT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["lng", "lat", "crs"],
    "additionalProperties": False,
    "properties": {
        "lng": {"type": "number", "minimum": BOUNDS["lng"][0], "maximum": BOUNDS["lng"][1]},
        "lat": {"type": "number", "minimum": BOUNDS["lat"][0], "maximum": BOUNDS["lat"][1]},
        "crs": {"enum": list(CRS)},
    },
}


def division_range(code: str) -> tuple[str, str]:
    """First and last code (both included) of the subtree of a division, its 15-digit grids included."""
    return subtree_range(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Division(Field):
    """An administrative division: 12 digits."""

    type: ClassVar[str] = "division"
    operators: ClassVar[tuple[str, ...]] = (*COMPARISONS, "under")
    widget: ClassVar[str] = "division"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or not _DIVISION.fullmatch(value):
            raise FieldError("division.format", "应为 12 位区划代码")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_DIVISION.pattern}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid(Field):
    """A grid below a village: 15 digits."""

    type: ClassVar[str] = "grid"
    operators: ClassVar[tuple[str, ...]] = (*COMPARISONS, "under")
    widget: ClassVar[str] = "grid"

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or not _GRID.fullmatch(value):
            raise FieldError("grid.format", "应为 15 位网格代码")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_GRID.pattern}$"}


def parse_crs(value: Any) -> str:
    if value is None:
        raise FieldError("point.crs-missing", f"须写明坐标系 crs：{'、'.join(CRS)}")
    if value not in CRS:
        raise FieldError("point.crs-unknown", f"坐标系应为以下之一：{'、'.join(CRS)}")
    return str(value)


def parse_position(lng: Any, lat: Any, crs: str) -> tuple[int, int]:
    """Degrees in any known system to 1e-7 degrees (about a centimetre) in CGCS2000."""
    for name, value in (("lng", lng), ("lat", lat)):
        low, high = BOUNDS[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("point.type", f"{name} 应为数字（度）")
        if not low <= value <= high:
            raise FieldError("point.range", f"{name} 应在 {low:g} 与 {high:g} 之间")
    x, y = to_cgcs2000(float(lng), float(lat), crs)
    return round(x * 1e7), round(y * 1e7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Field):
    """A place on the ground. Canonical value: (lng7, lat7), CGCS2000 in 1e-7 degrees."""

    type: ClassVar[str] = "point"
    operators: ClassVar[tuple[str, ...]] = ("within", "near", "isNull")
    scalar: ClassVar[str] = ""
    widget: ClassVar[str] = "point"

    def columns(self) -> tuple[Column, ...]:
        old = self.renamed_from
        return tuple(
            Column(f"{self.name}_{part}", "int", null=not self.required, renamed_from=f"{old}_{part}" if old else None)
            for part in ("lng7", "lat7")
        )

    def parse(self, value: Any) -> tuple[int, int]:
        if not isinstance(value, Mapping) or not set(value) <= {"lng", "lat", "crs"}:
            raise FieldError("point.type", "应为 {lng, lat, crs}")
        crs = parse_crs(value.get("crs"))
        return parse_position(value.get("lng"), value.get("lat"), crs)

    def split(self, value: Any) -> tuple[Any, ...]:
        return (None, None) if value is None else tuple(value)

    def json_schema(self) -> dict[str, Any]:
        return POINT_SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon(Field):
    """An area: GeoJSON Polygon plus crs. Stored as GeoJSON in CGCS2000 degrees."""

    type: ClassVar[str] = "polygon"
    operators: ClassVar[tuple[str, ...]] = ("isNull",)
    scalar: ClassVar[str] = "JSON"
    widget: ClassVar[str] = "polygon"

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.name, "json", null=not self.required, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not set(value) <= {"type", "coordinates", "crs"}:
            raise FieldError("polygon.type", "应为 GeoJSON Polygon，另加 crs")
        crs, rings = parse_crs(value.get("crs")), value.get("coordinates")
        if value.get("type") != "Polygon" or not isinstance(rings, list) or not rings:
            raise FieldError("polygon.type", '应为 GeoJSON：type 为 "Polygon"，coordinates 至少一个环')
        if sum(len(r) if isinstance(r, list) else 0 for r in rings) > POSITIONS_MAX:
            raise FieldError("polygon.too-long", f"至多 {POSITIONS_MAX} 个坐标点")
        return {"type": "Polygon", "coordinates": [_parse_ring(ring, crs) for ring in rings], "crs": "CGCS2000"}

    def json_schema(self) -> dict[str, Any]:
        position = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        ring = {"type": "array", "items": position, "minItems": 4}
        properties = {
            "type": {"const": "Polygon"},
            "coordinates": {"type": "array", "items": ring, "minItems": 1},
            "crs": {"enum": list(CRS)},
        }
        return {
            "type": "object",
            "required": list(properties),
            "additionalProperties": False,
            "properties": properties,
        }


def _parse_ring(ring: Any, crs: str) -> list[list[float]]:
    if not isinstance(ring, list) or len(ring) < 4 or ring[0] != ring[-1]:
        raise FieldError("polygon.ring", "每个环至少 4 个坐标点，首尾相同")
    if any(not isinstance(p, list) or len(p) != 2 for p in ring):
        raise FieldError("polygon.position", "每个坐标点应为 [lng, lat]")
    return [[x / 1e7, y / 1e7] for x, y in (parse_position(p[0], p[1], crs) for p in ring)]
