"""A layer shows what its reader may see: points, then cells; of persons counts, and never how few."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from tongban_sdk import InvalidInputError, NotFoundError
from tongban_sdk.actor import Actor

from core.api.documents import TrustedDocuments
from core.api.execution import Execution, GraphQLRequest
from core.layers import Feature, layers_of
from core.layers.lattice import PERSON_BITS, Box, bits_for
from core.settings import ROOT
from tests.layers.conftest import (
    ANYBODY,
    COUNTY_ADMIN,
    LEADER,
    OTHER,
    SOUTH,
    STEP,
    SYSTEM,
    TOWN_ADMIN,
    VILLAGE,
    WEST,
    TownMap,
    around,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_points_in_the_box_in_the_readers_rights(town: TownMap) -> None:
    found = await town.features(ANYBODY, "lamps", bbox=around(4))
    assert not found.is_clustered
    assert [(f.label, f.value, f.colour) for f in found.features] == [(f"灯{n}", "on", "#2e7d32") for n in (0, 1, 3, 4)]
    assert found.features[1].position == ((WEST + STEP) / 1e7, SOUTH / 1e7)
    mine = await town.features(TOWN_ADMIN, "lamps", bbox=around(4))
    assert [f.label for f in mine.features] == ["灯0", "灯1", "灯2", "灯4"]
    assert mine.features[2].colour == "#c62828"
    there = await town.features(COUNTY_ADMIN, "lamps", bbox=around(8), division=OTHER)
    assert [f.label for f in there.features] == ["灯3", "灯7"]


async def test_more_than_fit_become_clusters_that_lose_nobody(town: TownMap) -> None:
    for first, zoom in ((59, 18), (500, 11), (7, 22)):
        found = await town.features(COUNTY_ADMIN, "lamps", zoom, first=first)
        assert found.is_clustered
        assert len(found.features) <= first
        assert sum(f.count or 0 for f in found.features) == 60
        assert {f.id for f in found.features} == {None}
    all_of_them = await town.features(COUNTY_ADMIN, "lamps", first=60)
    assert (all_of_them.is_clustered, len(all_of_them.features)) == (False, 60)
    one = await town.features(COUNTY_ADMIN, "lamps", 3)
    mean = (WEST + 59 * STEP // 2) / 1e7
    assert one.features == (Feature(position=(mean, SOUTH / 1e7), count=60, count_text="60"),)


async def test_too_many_to_count_are_estimated_from_a_sample(town: TownMap, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row in 64, by the end of its id: of the lamps the first four."""
    monkeypatch.setattr("core.layers.maps._SAMPLED_MAX", 1)
    found = await town.features(COUNTY_ADMIN, "lamps")
    assert (found.is_clustered, found.is_estimated) == (True, True)
    assert [(f.count, f.count_text) for f in found.features] == [(64, "约 64"), (192, "约 192")]
    # The sample is of what the reader sees; who sees few is told exactly.
    assert sum(f.count or 0 for f in (await town.features(ANYBODY, "lamps")).features) == 3 * 64
    few = await town.features(COUNTY_ADMIN, "lamps", division=OTHER)
    assert (few.is_estimated, few.is_clustered, len(few.features)) == (False, False, 15)
    monkeypatch.setattr("core.layers.maps._SAMPLED_MAX", 4)
    assert not (await town.features(COUNTY_ADMIN, "lamps")).is_estimated


async def test_persons_are_counts_however_near_one_looks(town: TownMap) -> None:
    """Cells stay 300 m wide, lie where they lie, and tell neither a place nor how few."""
    found = await town.features(COUNTY_ADMIN, "heat", 22, bbox=around(1))
    rest = (1 << PERSON_BITS) - 1
    middle = ((WEST & ~rest) + (1 << PERSON_BITS) // 2, (SOUTH & ~rest) + (1 << PERSON_BITS) // 2)
    assert found.features == (Feature(position=(middle[0] / 1e7, middle[1] / 1e7), count=17, count_text="17"),)
    beside = around(1) | {"west": (WEST + 1) / 1e7}
    assert (await town.features(COUNTY_ADMIN, "heat", 22, bbox=beside)).features == found.features
    few = await town.features(COUNTY_ADMIN, "heat", 22, bbox=around(1), division=OTHER)
    assert few.features == ()
    village = await town.features(COUNTY_ADMIN, "homes", division=VILLAGE)
    assert village.features == (
        Feature(area=f"{VILLAGE}001", count=13, count_text="13"),
        Feature(area=f"{VILLAGE}002", count_text="<10"),
    )


async def test_areas_grow_until_they_fit(town: TownMap) -> None:
    grids = await town.features(COUNTY_ADMIN, "homes")
    assert [(f.area, f.count_text) for f in grids.features] == [
        (f"{VILLAGE}001", "13"), (f"{VILLAGE}002", "<10"), (f"{OTHER}001", "12")
    ]  # fmt: skip
    villages = await town.features(COUNTY_ADMIN, "homes", first=2)
    assert [(f.area, f.count) for f in villages.features] == [(f"{VILLAGE}000", 17), (f"{OTHER}000", 12)]
    county = await town.features(COUNTY_ADMIN, "homes", first=1)
    assert [(f.area, f.count) for f in county.features] == [("640522000000000", 29)]
    towns = await town.features(COUNTY_ADMIN, "towns", first=1)
    assert [(f.area, f.count) for f in towns.features] == [("640522000000", 29)]


async def test_who_may_only_count_gets_protected_cells(town: TownMap) -> None:
    """Rounded to the floor of the entity, the small grid merged away; no places at all."""
    found = await town.features(LEADER, "homes")
    assert [(f.area, f.count) for f in found.features] == [(f"{VILLAGE}001", 10), (f"{OTHER}001", 10)]
    with pytest.raises(NotFoundError):
        await town.features(LEADER, "heat")


@pytest.mark.parametrize(
    ("actor", "layer"),
    [(ANYBODY, "homes"), (ANYBODY, "noted"), (SYSTEM, "lamps"), (COUNTY_ADMIN, "nothing"), (COUNTY_ADMIN, "")],
)
async def test_what_one_may_not_see_is_not_there(town: TownMap, actor: Actor, layer: str) -> None:
    """No rule, a condition on a hidden field, a hidden place, no such layer: one answer."""
    with pytest.raises(NotFoundError, match="没有这个图层，或者您看不到"):
        await town.features(actor, layer)
    with pytest.raises(NotFoundError, match="没有这个图层，或者您看不到"):
        await town.nearest(actor, layer)


async def test_the_list_holds_what_opens(town: TownMap) -> None:
    for actor, ids in ((ANYBODY, ["lamps"]), (LEADER, ["lamps", "homes", "towns"]), (SYSTEM, [])):
        assert [found.id for found in layers_of(town.generation, town.database, actor)] == ids


async def test_the_nearest_come_first_with_their_distance(town: TownMap) -> None:
    found = await town.nearest(ANYBODY, "lamps", 3)
    assert [(f.label, f.distance_m) for f in found.features] == [("灯0", 0), ("灯1", 89), ("灯3", 268)]
    # Several circles until there are enough, or the widest is reached.
    many = await town.nearest(COUNTY_ADMIN, "lamps", 100)
    assert [f.label for f in many.features] == [f"灯{n}" for n in range(60)]
    close = await town.nearest(COUNTY_ADMIN, "lamps", 100, within_m=180)
    assert [f.label for f in close.features] == ["灯0", "灯1", "灯2"]
    with pytest.raises(InvalidInputError) as refused:
        await town.nearest(COUNTY_ADMIN, "heat")
    assert [p.id for p in refused.value.problems] == ["layer.counts"]


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ({"bbox": around() | {"crs": "WGS72"}}, "point.crs-unknown"),
        ({"bbox": around() | {"west": 200.0}}, "point.range"),
        ({"bbox": around() | {"west": 106.0}}, "layer.box"),
        ({"zoom": 23}, "layer.zoom"),
        ({"first": 501}, "layer.first"),
        ({"first": 0}, "layer.first"),
        ({"division": "64"}, "division.format"),
    ],
)
async def test_what_no_map_asks_is_refused(town: TownMap, given: dict[str, Any], id: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await town.features(COUNTY_ADMIN, "lamps", **given)
    assert [p.id for p in refused.value.problems] == [id]


@pytest.mark.parametrize("within_m", [0, -1, 50_001, float("nan")])
async def test_a_circle_has_a_radius(town: TownMap, within_m: float) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await town.nearest(COUNTY_ADMIN, "lamps", within_m=within_m)
    assert [p.id for p in refused.value.problems] == ["where.radius"]


async def test_rows_of_a_division_that_is_switched_off_are_not_there(town: TownMap) -> None:
    town.choices["town"] = {OTHER: "off"}
    assert len((await town.features(COUNTY_ADMIN, "lamps")).features) == 45
    assert OTHER + "001" not in {f.area for f in (await town.features(COUNTY_ADMIN, "homes")).features}
    town.choices["town"] = {"": "off", "640522000000": "off", OTHER: "draining"}
    assert len((await town.features(COUNTY_ADMIN, "lamps")).features) == 15
    assert [f.area for f in (await town.features(LEADER, "homes")).features] == [OTHER + "001"]


async def test_the_api_answers_geojson(town: TownMap) -> None:
    host: Any = SimpleNamespace(generation=town.generation, database=town.database)
    execution = Execution(host, TrustedDocuments(), "dev")

    async def ask(operation: str, actor: Actor, **variables: Any) -> Any:
        text = (ROOT / "graphql" / "operations" / f"{operation}.graphql").read_text("utf-8")
        return orjson.loads(await execution.answer(GraphQLRequest(text, variables=variables), actor))["data"]

    lamp = {
        "type": "Feature", "id": "01930000-0000-7000-8001-000000000001",
        "geometry": {"type": "Point", "coordinates": [105.651, 36.56]},
    }  # fmt: skip
    plain = {"label": "灯1", "value": "on", "colour": "#2e7d32"}
    found = (await ask("map_features", ANYBODY, layer="town.lamps", bbox=around(2), zoom=15))["mapFeatures"]
    assert (found["type"], found["crs"], found["isClustered"]) == ("FeatureCollection", "CGCS2000", False)
    assert found["features"][1] == lamp | {"properties": plain | {"area": None, "count": None, "countText": None}}
    point = {"lng": 105.651, "lat": 36.56, "crs": "CGCS2000"}
    near = (await ask("map_nearest", ANYBODY, layer="town.lamps", point=point, first=1))["mapNearest"]
    assert near["features"] == [lamp | {"properties": plain | {"distanceM": 0}}]
    [told] = (await ask("map_layers", ANYBODY))["mapLayers"]
    assert (told["key"], told["icon"], told["minZoom"]) == ("town.lamps", "lamp", 12)
    assert told["colours"] == [{"value": "on", "colour": "#2e7d32"}, {"value": "off", "colour": "#c62828"}]
    town.choices["town"] = {VILLAGE: "off"}
    assert (await ask("map_layers", ANYBODY, division=VILLAGE))["mapLayers"] == []
    assert len((await ask("map_layers", ANYBODY, division=OTHER))["mapLayers"]) == 1


async def test_no_viewport_asks_for_more_cells_than_fit() -> None:
    world = Box(700_000_000, 0, 1_400_000_000, 550_000_000)
    for zoom in range(23):
        assert world.cells(bits_for(world, zoom, 500)) <= 500
    small = Box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)
    assert [bits_for(small, zoom, 500) for zoom in (0, 10, 22)] == [29, 19, 9]
    assert bits_for(small, 22, 500, PERSON_BITS) == PERSON_BITS
