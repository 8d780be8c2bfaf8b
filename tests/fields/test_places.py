from __future__ import annotations

from math import cos, hypot, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fields.crs import bd09_of, gcj02_of, to_cgcs2000
from core.fields.places import division_range

METRES = 111_320
CENTRE = (105.6433, 36.5654)


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return hypot((a[0] - b[0]) * METRES * cos(a[1] * pi / 180), (a[1] - b[1]) * METRES)


def test_known_shift_of_the_county() -> None:
    assert [round(v, 7) for v in gcj02_of(*CENTRE)] == [105.6471733, 36.5652330]
    assert [round(v, 7) for v in bd09_of(*CENTRE)] == [105.6537409, 36.5709786]
    assert 346 < metres(CENTRE, gcj02_of(*CENTRE)) < 358


@given(st.floats(73.5, 135), st.floats(18, 53.5))
def test_round_trips_within_a_centimetre(lng: float, lat: float) -> None:
    assert metres((lng, lat), to_cgcs2000(*gcj02_of(lng, lat), "GCJ02")) < 0.01
    assert metres((lng, lat), to_cgcs2000(*bd09_of(lng, lat), "BD09")) < 0.01
    assert to_cgcs2000(lng, lat, "WGS84") == (lng, lat)


@pytest.mark.parametrize(
    ("code", "first", "last"),
    [
        ("640000000000", "640000000000", "649999999999999"),
        ("640500000000", "640500000000", "640599999999999"),
        ("640522000000", "640522000000", "640522999999999"),
        ("640522100000", "640522100000", "640522100999999"),
        ("640522100203", "640522100203", "640522100203999"),
        ("640522100203001", "640522100203001", "640522100203001"),
    ],
)
def test_ranges_know_levels(code: str, first: str, last: str) -> None:
    assert division_range(code) == (first, last)


def test_a_township_does_not_cover_its_neighbours() -> None:
    first, last = division_range("640522100000")
    inside = ["640522100000", "640522100203", "640522100203001"]
    outside = ["640522101000", "640522000000", "640522099203", "640522101203001"]
    assert [first <= code <= last for code in inside + outside] == [True] * 3 + [False] * 4
