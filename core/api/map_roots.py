"""Root fields of the map: layers, what lies in a box, what is nearest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.api.compose import Roots
from core.fields.operators import RADIUS_MAX_M
from core.layers import Collection, Feature, Maps, layers_of
from core.layers.feature import COUNT_MIN
from core.layers.maps import FEATURES_MAX, NEAREST_MAX
from core.manifest.map_layers import Layer
from core.plugins.states import choice_in

#: Every place is stored and told in it; it is within centimetres of WGS84.
CRS = "CGCS2000"
Key = Annotated[str, strawberry.argument(description="图层标识，如 grid.components。")]
Division = Annotated[str, strawberry.argument(description="12 位区划代码：只要这里的；空为不限。")]


@strawberry.type(description="图层上一种取值的颜色。")
class MapColour:
    value: str = strawberry.field(description="字段的值。")
    colour: str = strawberry.field(description="颜色，如 #2e7d32。")


@strawberry.type(description="地图上的一层。")
class MapLayer:
    key: str = strawberry.field(description="标识：应用.图层。")
    title: str = strawberry.field(description="名称。")
    plugin: str = strawberry.field(description="应用标识。")
    entity: str = strawberry.field(description="实体。")
    is_counts: bool = strawberry.field(description=f"只有个数，不足 {COUNT_MIN} 个的不说多少。")
    is_by_area: bool = strawberry.field(description="按网格或区划计数，没有坐标；边界见 core.grid。")
    min_zoom: int = strawberry.field(description="级别比它小时只给聚合的个数。")
    icon: str | None = strawberry.field(description="图标名。")
    colour_by: str | None = strawberry.field(description="按哪个字段上色。")
    colours: list[MapColour] = strawberry.field(description="各取值的颜色。")

    @classmethod
    def of(cls, layer: Layer) -> MapLayer:
        return cls(
            key=layer.key, title=layer.title, plugin=layer.plugin_id, entity=layer.entity,
            is_counts=layer.kind == "counts", is_by_area=bool(layer.area), min_zoom=layer.min_zoom,
            icon=layer.icon or None, colour_by=layer.colour_by or None,
            colours=[MapColour(value=value, colour=colour) for value, colour in layer.colours.items()],
        )  # fmt: skip


@strawberry.type(description="GeoJSON 的 geometry。")
class MapGeometry:
    type: str = strawberry.field(description="Point。")
    coordinates: JSON = strawberry.field(description="[经度, 纬度]，度。")


@strawberry.type(description="GeoJSON 的 properties。")
class MapProperties:
    label: str | None = strawberry.field(description="标签。")
    value: str | None = strawberry.field(description="上色字段的值。")
    colour: str | None = strawberry.field(description="颜色；空为默认颜色。")
    area: str | None = strawberry.field(description="计数的网格或区划代码。")
    count: int | None = strawberry.field(description="个数；是一行或者不足而不说时为空。")
    count_text: str | None = strawberry.field(
        description=f"个数，供显示；不足而不说时为 <{COUNT_MIN}，估计的前面有“约”。"
    )
    distance_m: int | None = strawberry.field(description="离所问的点多少米。")


@strawberry.type(description="GeoJSON 的 Feature。")
class MapFeature:
    type: str = strawberry.field(description="Feature。")
    id: strawberry.ID | None = strawberry.field(description="这一行；聚合的个数没有。")
    geometry: MapGeometry | None = strawberry.field(description="位置；按区域计数的为空。")
    properties: MapProperties = strawberry.field(description="标签、颜色和个数。")

    @classmethod
    def of(cls, found: Feature) -> MapFeature:
        facts = asdict(found)
        id, position = facts.pop("id"), facts.pop("position")
        geometry = MapGeometry(type="Point", coordinates=list(position)) if position else None  # type: ignore[arg-type]
        return cls(
            type="Feature", id=strawberry.ID(id) if id else None, geometry=geometry, properties=MapProperties(**facts)
        )


@strawberry.type(description="GeoJSON 的 FeatureCollection，另写明坐标系。")
class MapCollection:
    type: str = strawberry.field(description="FeatureCollection。")
    crs: str = strawberry.field(description=f"坐标系：{CRS}（与 WGS84 相差厘米）。")
    is_clustered: bool = strawberry.field(description="各项是聚合的个数，不是一行行。")
    is_estimated: bool = strawberry.field(description="数目太多，个数是按抽样估计的。")
    features: list[MapFeature] = strawberry.field(description="各项。")

    @classmethod
    def of(cls, found: Collection) -> MapCollection:
        return cls(
            type="FeatureCollection", crs=CRS, is_clustered=found.is_clustered, is_estimated=found.is_estimated,
            features=[MapFeature.of(feature) for feature in found.features],
        )  # fmt: skip


@strawberry.input(description="地图上的一个矩形。")
class MapBox:
    west: float = strawberry.field(description="西边经度，度。")
    south: float = strawberry.field(description="南边纬度，度。")
    east: float = strawberry.field(description="东边经度，度。")
    north: float = strawberry.field(description="北边纬度，度。")
    crs: str = strawberry.field(description="坐标系：CGCS2000、WGS84、GCJ02、BD09。")


@strawberry.input(description="地图上的一点。")
class MapPoint:
    lng: float = strawberry.field(description="经度，度。")
    lat: float = strawberry.field(description="纬度，度。")
    crs: str = strawberry.field(description="坐标系：CGCS2000、WGS84、GCJ02、BD09。")


async def _layers(info: strawberry.Info, division: Division = "") -> list[MapLayer]:
    context: Any = info.context
    choices, where = context.generation.choices, division or context.actor.division or ""
    found = layers_of(context.generation, context.database, context.actor)
    return [MapLayer.of(layer) for layer in found if choice_in(choices.get(layer.plugin_id, {}), where) != "off"]


async def _features(
    info: strawberry.Info, layer: Key,
    bbox: Annotated[MapBox, strawberry.argument(description="屏幕上的矩形；按区域计数的图层不看它。")],
    zoom: Annotated[int, strawberry.argument(description="级别，0 到 22；决定聚合的方格多大。")],
    first: Annotated[int, strawberry.argument(description="至多几项，1 到 500；更多就聚合。")] = FEATURES_MAX,
    division: Division = "",
) -> MapCollection:  # fmt: skip
    return MapCollection.of(await _maps(info).features(layer, asdict(bbox), zoom, first, division))


async def _nearest(
    info: strawberry.Info, layer: Key, point: MapPoint,
    within_m: Annotated[float, strawberry.argument(description=f"多少米以内，至多 {RADIUS_MAX_M}。")] = RADIUS_MAX_M,
    first: Annotated[int, strawberry.argument(description=f"至多几个，1 到 {NEAREST_MAX}。")] = 10,
) -> MapCollection:  # fmt: skip
    return MapCollection.of(await _maps(info).nearest(layer, asdict(point), within_m, first))


def _maps(info: strawberry.Info) -> Maps:
    context: Any = info.context
    return Maps(context.generation, context.database, context.actor)


@strawberry.type
class Query:
    map_layers: list[MapLayer] = strawberry.field(
        resolver=_layers, description="看得到的图层；停用的应用和区划里停用的不列。公开的不用登录。"
    )
    map_features: MapCollection = strawberry.field(
        resolver=_features,
        description="一个图层在矩形里的各点，只有自己看得到的行；超过 first 或级别太小时是各方格的个数。",
    )
    map_nearest: MapCollection = strawberry.field(resolver=_nearest, description="离一点最近的几个，近的在前。")


def map_roots() -> Roots:
    return Roots(Query)
