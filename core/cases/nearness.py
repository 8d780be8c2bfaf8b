"""How near a member of staff is to the matter of a case: from the nearest site of his unit, else by divisions.

Where staff are at a moment is nobody's business: no positions of persons are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import cos, hypot, radians

from core.cases.step import Step
from core.expr.subtree import LEVEL_DIGITS
from core.fields.column import Column, Table
from core.fields.places import Point
from core.store.database import Transaction
from core.store.dialect import Dialect

#: Canonical: (lng, lat) in 1e-7 degrees.
Spot = tuple[int, int]
METRES_PER_DEGREE = 111_195.0
_LEVELS = {0: "同村（社区）", 1: "同乡镇（街道）", 2: "同县（区）", 3: "同市", 4: "同省"}
_PLACE = Table("core_place", (Column("operator_id", "uuid"), Column("lng", "int"), Column("lat", "int")))


@dataclass(frozen=True, slots=True, order=True)
class Nearness:
    """Ordered: known metres first, the fewer the nearer; then levels up to the smallest division that holds both."""

    is_unknown: bool
    metres: int
    levels: int

    def __str__(self) -> str:
        if self.is_unknown:
            return _LEVELS.get(self.levels, "跨省")
        return f"距 {self.metres} 米" if self.metres < 1000 else f"距 {self.metres / 1000:.1f} 公里"


def nearness(spot: Spot | None, sites: Collection[Spot], code: str | None, division: str) -> Nearness:
    far = levels(code, division)
    if spot is None or not sites:
        return Nearness(True, 0, far)
    return Nearness(False, min(metres(spot, site) for site in sites), far)


def levels(code: str | None, division: str) -> int:
    """0 = the same village."""
    near = [digits for digits in LEVEL_DIGITS if code and code[:digits] == division[:digits]]
    return len(LEVEL_DIGITS) - len(near)


def metres(a: Spot, b: Spot) -> int:
    """As the crow flies; the earth is flat within a county."""
    lng, lat = (a[0] - b[0]) / 1e7, (a[1] - b[1]) / 1e7
    return round(hypot(lng * cos(radians(a[1] / 1e7)), lat) * METRES_PER_DEGREE)


async def spot_of(step: Step) -> Spot | None:
    """Where the matter is: the first point of the row."""
    names = [field.name for field in step.entity.fields.values() if isinstance(field, Point)]
    row = await step.read_row() if names else {}
    return next((row[name] for name in names if row.get(name) is not None), None)


async def sites_of(tx: Transaction, dialect: Dialect, orgs: Collection[str]) -> Mapping[str, list[Spot]]:
    """Units and where their places are (core.place they operate)."""
    unit, found = _PLACE.by_name["operator_id"], dict[str, list[Spot]]()
    where = dialect.in_list("operator_id", dialect.placeholder(1), unit)
    text = (
        f"SELECT operator_id, location_lng7, location_lat7 FROM core_place WHERE {where} "
        "AND location_lng7 IS NOT NULL AND state = 'open' AND deleted_at IS NULL"
    )
    for org, lng, lat in await tx.fetch(text, [dialect.bind_list(unit, sorted(orgs))]):
        found.setdefault(dialect.load(unit, org), []).append((int(lng), int(lat)))
    return found
