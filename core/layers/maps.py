"""What of a layer lies in a box or near a point: points while they fit a screen, else counts by cell or by area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tongban_sdk import Actor

from core.fields.column import SAMPLE, SAMPLE_OF, Column
from core.fields.operators import OPERATORS, RADIUS_MAX_M, squared_distance
from core.fields.places import Division, parse_crs, parse_position
from core.fields.times import utc_now
from core.layers.feature import Collection, Feature
from core.layers.lattice import PERSON_BITS, Box, bits_for, centre
from core.layers.shelf import Live, Shown, refused
from core.read.canonical import refusing
from core.read.floor import Cells
from core.read.plan import Plan
from core.store.database import Database
from core.store.sql import Const

FEATURES_MAX = 500
NEAREST_MAX = 100
ZOOM_MAX = 22
#: Of more rows than about fifty thousand only the sample is counted: these many of it.
_SAMPLED_MAX = 50_000 // SAMPLE_OF
#: The first circle of `nearest`, in metres; each further one is four times as wide.
_FIRST_M, _WIDER = 200.0, 4
#: Digits of a place that stay: grid, village, township, county.
_AREA_DIGITS = {"grid": (15, 12, 9, 6), "division": (12, 9, 6)}
_INT = Column("place", "int")


@dataclass(frozen=True, slots=True)
class Maps:
    """Everything one reader asks of layers, in one generation."""

    live: Live
    database: Database
    actor: Actor

    async def features(
        self, key: str, bbox: Mapping[str, Any], zoom: int, first: int = FEATURES_MAX, division: str = ""
    ) -> Collection:
        """What lies in the box, `first` features at most; counts by area are of the division, whatever the box."""
        box: Box = refusing(_box, ("bbox",))(bbox)
        _check("zoom", zoom, 0, ZOOM_MAX)
        _check("first", first, 1, FEATURES_MAX)
        layer = self._shown(key, division).layer
        if layer.area:
            return await self._areas(key, first, division)
        if await self._sampled(self._shown(key), box) > _SAMPLED_MAX:
            found = await self._cells(self._shown(key, division), box, zoom, first, SAMPLE_OF)
            # Who sees few of the many rows is answered exactly: by his division, as a rule.
            if sum(cell.count or 0 for cell in found.features) > _SAMPLED_MAX * SAMPLE_OF:
                return found
        if layer.kind == "points" and zoom >= layer.min_zoom:
            points = await self._points(self._shown(key, division), box, first)
            if len(points) <= first:
                return Collection(tuple(points), False)
        return await self._cells(self._shown(key, division), box, zoom, first)

    async def nearest(
        self, key: str, point: Mapping[str, Any], within_m: float = RADIUS_MAX_M, first: int = 10
    ) -> Collection:
        """Rows by distance, the nearest first; a layer of counts has none."""
        _check("first", first, 1, NEAREST_MAX)
        shown = self._shown(key)
        if shown.layer.kind == "counts":
            raise refused("layer", "这个图层只有个数，不能找最近的", "layer.counts")
        _circle(shown, {**point, "radiusM": within_m})
        radius = min(_FIRST_M, within_m)
        while True:
            found = await self._near(self._shown(key), {**point, "radiusM": radius}, first)
            if len(found) == first or radius >= within_m:
                return Collection(tuple(found), False)
            radius = min(radius * _WIDER, within_m)

    def _shown(self, key: str, division: str = "") -> Shown:
        """A statement of its own for each question."""
        shown = Shown.of(self.live, self.database, self.actor, key)
        if division:
            shown.under(refusing(Division(name="", title="").parse, ("division",))(division))
        return shown

    async def _points(self, shown: Shown, box: Box, first: int) -> list[Feature]:
        # In the order of the index: the database may stop after one more than fit.
        return await self._rows(shown, _inside(shown, box), ", ".join(_place(shown)), first + 1)

    async def _near(self, shown: Shown, circle: Mapping[str, Any], first: int) -> list[Feature]:
        operator, dialect, sqls = OPERATORS["near"], self.database.dialect, _place(shown)
        values = _circle(shown, circle)
        marks = [shown.statement.params.add(Const(value), _INT) for value in values]
        near = operator.sql(dialect, [_INT] * len(marks), sqls, marks)
        found = await self._rows(shown, near, squared_distance(dialect, sqls, marks), first)
        return [feature.away_from(values[0], values[1]) for feature in found]

    async def _rows(self, shown: Shown, place: str, order: str, limit: int) -> list[Feature]:
        rows, json, fields = shown.rows, shown.statement.json, list(shown.fields())
        condition = shown.condition(rows.unless_closed(shown.place, place))
        rows.scope.used.clear()
        (lng, lat), id = _place(shown), rows.scope.name("id")
        pairs = [("id", id), ("lng", json.degrees(lng)), ("lat", json.degrees(lat))]
        pairs += [(field.name, rows.value(field)) for field in fields] + rows.seen([shown.place, *fields])
        columns = ", ".join(rows.scope.name(name) for name in list(rows.scope.used))
        page = f"SELECT {columns} FROM {rows.source} WHERE {condition} ORDER BY {order}, {id} LIMIT {limit}"
        found = await self._ask(shown, json.objects(pairs, f"({page}) {rows.alias}"))
        return [Feature.of(shown.layer, row) for row in found]

    async def _sampled(self, shown: Shown, box: Box) -> int:
        """How many rows of the sample lie in the box, whoever may see them: a look at an index."""
        inside = f"{_inside(shown, box)} AND {_is_sampled(shown)}"
        source = f"SELECT count(*) AS n FROM {shown.rows.source} WHERE {inside}"
        [found] = await self._ask(shown, _grouped(shown, source, ("n",)))
        return int(found["n"])

    async def _cells(self, shown: Shown, box: Box, zoom: int, first: int, one_in: int = 1) -> Collection:
        is_counts = shown.layer.kind == "counts"
        bits = bits_for(box, zoom, first, PERSON_BITS if is_counts else 0)
        lng, lat = _place(shown)
        inside = shown.rows.unless_closed(shown.place, _inside(shown, box.snapped(bits)))
        if one_in > 1:
            inside = f"{inside} AND {_is_sampled(shown)}"
        # Within a cell 32 bits are enough: Postgres adds up wider ones as numerics, at twice the cost.
        sums = ", ".join(
            f"sum(CAST({sql} & {(1 << bits) - 1} AS integer)) AS s{axis}" for axis, sql in (("x", lng), ("y", lat))
        )
        facts = f"({lng} >> {bits}) AS x, ({lat} >> {bits}) AS y, count(*) AS n, {sums}"
        source = f"SELECT {facts} FROM {shown.rows.source} WHERE {shown.condition(inside)} GROUP BY 1, 2 ORDER BY 1, 2"
        found = await self._ask(shown, _grouped(shown, source, ("x", "y", "n", "sx", "sy")))
        # The mean of a few places is nearly each of them: of persons only the cell is told.
        at = partial(_middle if is_counts else _mean, bits)
        counted = partial(Feature.counted, shown.layer, is_estimated=one_in > 1)
        return Collection(tuple(counted(cell["n"] * one_in, position=at(cell)) for cell in found), True, one_in > 1)

    async def _areas(self, key: str, first: int, division: str) -> Collection:
        """By the smallest areas of which no more than `first` have rows; what is nowhere is left out."""
        shown, found = self._shown(key, division), []
        width, *_ = digits = _AREA_DIGITS[shown.place.type]
        for kept in digits:
            shown = self._shown(key, division)
            found = await self._by_area(shown, kept, width, first)
            if len(found) <= first:
                break
        counted = (Feature.counted(shown.layer, row["n"], area=row["code"]) for row in found[:first])
        return Collection(tuple(counted), True)

    async def _by_area(self, shown: Shown, kept: int, width: int, first: int) -> list[Any]:
        rows, sql, count = shown.rows, shown.rows.clear(shown.place), "count(*)"
        if isinstance(rows, Cells):
            count = f"CAST(sum({rows.scope.name('n')}) AS bigint)"
        code = f"(substr({sql}, 1, {kept}) || '{'0' * (width - kept)}')"
        source = f"SELECT {code} AS code, {count} AS n FROM {rows.source} WHERE {shown.condition(f'{sql} IS NOT NULL')}"
        return await self._ask(
            shown, _grouped(shown, f"{source} GROUP BY 1 ORDER BY 1 LIMIT {first + 1}", ("code", "n"))
        )

    async def _ask(self, shown: Shown, sql: str) -> list[Any]:
        plan = Plan.of(f"SELECT {sql}", shown.statement, self.live.reader.opener)
        arguments = plan.bind(self.actor, {}, utc_now())
        text = await self.database.fetch_value(plan.text(self.actor), arguments)
        found: list[Any] = await plan.opened(text, self.actor)
        return found


def _box(bbox: Mapping[str, Any]) -> Box:
    crs = parse_crs(bbox["crs"])
    (west, south), (east, north) = (
        parse_position(bbox[x], bbox[y], crs) for x, y in (("west", "south"), ("east", "north"))
    )
    if west > east or south > north:
        raise refused("bbox", "西边应小于东边，南边应小于北边", "layer.box")
    return Box(west, south, east, north)


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise refused(name, f"应为 {low} 到 {high} 的整数", f"layer.{name}")


def _place(shown: Shown) -> list[str]:
    """Columns of longitude and latitude."""
    return shown.rows.scope.field(shown.place)


def _circle(shown: Shown, circle: Mapping[str, Any]) -> list[int]:
    """What the operator `near` binds; InvalidInputError for a point or a radius no map has."""
    return [refusing(param.make, ("point",))(circle) for param in OPERATORS["near"].params(shown.place)]


def _inside(shown: Shown, box: Box) -> str:
    (lng, lat), add = _place(shown), shown.statement.params.add
    west, east, south, north = (add(Const(edge), _INT) for edge in (box.west, box.east, box.south, box.north))
    return f"({lng} BETWEEN {west} AND {east} AND {lat} BETWEEN {south} AND {north})"


def _is_sampled(shown: Shown) -> str:
    return SAMPLE.format(id=shown.rows.scope.name("id"))


def _grouped(shown: Shown, source: str, names: tuple[str, ...]) -> str:
    return shown.statement.json.objects([(name, f"g.{name}") for name in names], f"({source}) g")


def _middle(bits: int, cell: Mapping[str, int]) -> tuple[float, float]:
    return centre(cell["x"], bits) / 1e7, centre(cell["y"], bits) / 1e7


def _mean(bits: int, cell: Mapping[str, int]) -> tuple[float, float]:
    n = cell["n"]
    return ((cell["x"] << bits) + round(cell["sx"] / n)) / 1e7, ((cell["y"] << bits) + round(cell["sy"] / n)) / 1e7
