"""Input of every type: what is accepted, what it becomes, and what is refused with which id."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fields import FIELD_TYPES, SYSTEM_FIELDS, Field, FieldError, all_fields, make_field
from core.fields.numbers import SAFE_MAX
from tests.worlds import PERSON_ID, REPAIR_ORDER

SPECS: dict[str, dict[str, Any]] = {
    "string": {"max": 4, "pattern": "^[一-龥]+$"},
    "text": {"max": 5},
    "integer": {"min": 0, "max": 9},
    "decimal": {"precision": 5, "scale": 2, "min": "-1.5"},
    "enum": {"values": {"water": "水", "power": "电"}},
    "code": {"set": "sex"},
    "ref": {"to": "house"},
    "list": {"of": "string", "max_items": 2},
    "path": {"parent": "above", "segment": "code"},
    "sequence": {"format": "CM{division:6}{date:%Y%m%d}{seq:7}"},
    "computed": {"as": "integer", "expr": "1"},
}
RING = [[105.0, 36.0], [105.1, 36.0], [105.1, 36.1], [105.0, 36.0]]
GOOD: tuple[tuple[str, Any, Any], ...] = (
    ("string", "马秀英", "马秀英"),
    ("text", "一\n二", "一\n二"),
    ("integer", 9, 9),
    ("decimal", "-1.5", Decimal("-1.50")),
    ("decimal", 999, Decimal("999.00")),
    ("decimal", "-0", Decimal("0.00")),
    ("money", "0.05", Decimal("0.05")),
    ("boolean", False, False),
    ("date", "2024-02-29", date(2024, 2, 29)),
    ("datetime", "2026-11-22T00:30:00+08:00", datetime(2026, 11, 21, 16, 30, tzinfo=UTC)),
    ("datetime", "2026-11-22t00:30:00.123999z", datetime(2026, 11, 22, 0, 30, 0, 123000, tzinfo=UTC)),
    ("datetime", "2026-11-22T00:30:00.5Z", datetime(2026, 11, 22, 0, 30, 0, 500000, tzinfo=UTC)),
    ("time", "08:30", time(8, 30)),
    ("time", "23:59:59", time(23, 59, 59)),
    ("enum", "water", "water"),
    ("code", "1", "1"),
    ("ref", PERSON_ID.upper(), PERSON_ID),
    ("file", PERSON_ID, PERSON_ID),
    ("list", ["a", "b"], ["a", "b"]),
    ("json", {"a": [1, 1.5, None, True, "x"]}, {"a": [1, 1.5, None, True, "x"]}),
    ("division", "640522100203", "640522100203"),
    ("grid", "640522100203001", "640522100203001"),
    ("point", {"lng": 105.6433, "lat": 36.5654, "crs": "WGS84"}, (1056433000, 365654000)),
    ("point", {"lng": 105, "lat": 36, "crs": "CGCS2000"}, (1050000000, 360000000)),
    (
        "polygon",
        {"type": "Polygon", "coordinates": [RING], "crs": "WGS84"},
        {"type": "Polygon", "coordinates": [RING], "crs": "CGCS2000"},
    ),
)
BAD: tuple[tuple[str, Any, str], ...] = (
    ("string", 1, "text.type"),
    ("string", "", "text.empty"),
    ("string", "马\0", "text.nul"),
    ("string", "马\ud800", "text.surrogate"),
    ("string", "马\n", "string.control"),
    ("string", "马\x85", "string.control"),
    ("string", "一二三四五", "text.too-long"),
    ("string", "abc", "string.pattern"),
    ("text", "一二三四五六", "text.too-long"),
    ("text", "\x07", "text.control"),
    ("integer", "1", "integer.type"),
    ("integer", True, "integer.type"),
    ("integer", 1.0, "integer.type"),
    ("integer", 10, "integer.range"),
    ("decimal", 1.5, "decimal.type"),
    ("decimal", True, "decimal.type"),
    ("decimal", "1e3", "decimal.format"),
    ("decimal", "NaN", "decimal.format"),
    ("decimal", "１.5", "decimal.format"),
    ("decimal", "1.555", "decimal.scale"),
    ("decimal", "1000", "decimal.precision"),
    ("decimal", "-1.51", "decimal.range"),
    ("decimal", 10**30, "decimal.format"),
    ("boolean", 1, "boolean.type"),
    ("boolean", "true", "boolean.type"),
    ("date", "2026-02-29", "date.unreal"),
    ("date", "2026-1-1", "date.format"),
    ("date", "0999-01-01", "date.range"),
    ("date", "20260101", "date.format"),
    ("datetime", "2026-11-22T00:30:00", "datetime.format"),
    ("datetime", "2026-11-22", "datetime.format"),
    ("datetime", "2026-11-22T24:30:00Z", "datetime.unreal"),
    ("datetime", "2026-11-22T23:59:60Z", "datetime.unreal"),
    ("datetime", "9999-12-31T23:00:00-08:00", "datetime.unreal"),
    ("time", "8:30", "time.format"),
    ("time", "24:00", "time.unreal"),
    ("enum", "Water", "enum.unknown"),
    ("enum", ["water"], "enum.unknown"),
    ("code", "", "text.empty"),
    ("ref", "1", "ref.format"),
    ("ref", 1, "ref.format"),
    ("file", "../x", "ref.format"),
    ("list", "a", "list.type"),
    ("list", ["a", "b", "c"], "list.too-long"),
    ("list", ["a", "a"], "list.doubles"),
    ("list", [None], "text.type"),
    ("json", {"a": 2**53}, "json.value"),
    ("json", float("nan"), "json.value"),
    ("json", {"a\0": 1}, "text.nul"),
    ("json", "x" * 70_000, "json.too-long"),
    ("json", [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]], "json.depth"),
    ("division", "640522", "division.format"),
    ("division", 640522100203, "division.format"),
    ("grid", "640522100203", "grid.format"),
    ("point", {"lng": 105.0, "lat": 36.0}, "point.crs-missing"),
    ("point", {"lng": 105.0, "lat": 36.0, "crs": "EPSG:4326"}, "point.crs-unknown"),
    ("point", {"lng": 36.0, "lat": 105.0, "crs": "WGS84"}, "point.range"),
    ("point", {"lng": "105", "lat": 36.0, "crs": "WGS84"}, "point.type"),
    ("point", {"lng": float("nan"), "lat": 36.0, "crs": "WGS84"}, "point.range"),
    ("point", [105, 36], "point.type"),
    ("polygon", {"type": "Polygon", "coordinates": [RING]}, "point.crs-missing"),
    ("polygon", {"type": "Polygon", "coordinates": [RING[:3]], "crs": "WGS84"}, "polygon.ring"),
    ("polygon", {"type": "Point", "coordinates": [RING], "crs": "WGS84"}, "polygon.type"),
    ("polygon", {"type": "Polygon", "coordinates": [[[1, 2, 3]] * 4], "crs": "WGS84"}, "polygon.position"),
    ("polygon", {"type": "Polygon", "coordinates": [RING * 2000], "crs": "WGS84"}, "polygon.too-long"),
    ("sequence", "CM1", "sequence.written"),
    ("path", "/a/", "path.written"),
    ("computed", 1, "computed.written"),
)


def field(type_name: str, **more: Any) -> Field:
    return make_field("x", {"type": type_name, "title": "值", **SPECS.get(type_name, {}), **more}, plugin_id="p")


@pytest.mark.parametrize(("type_name", "value", "canonical"), GOOD)
def test_good_values(type_name: str, value: Any, canonical: Any) -> None:
    found = field(type_name).parse(value)
    assert (found, type(found)) == (canonical, type(canonical))


@pytest.mark.parametrize(("type_name", "value", "id"), BAD)
def test_bad_values(type_name: str, value: Any, id: str) -> None:
    with pytest.raises(FieldError) as caught:
        field(type_name).parse(value)
    assert caught.value.id == id


@pytest.mark.parametrize(("type_name", "value"), [(t, v) for t, v, _ in GOOD])
def test_the_form_accepts_what_the_field_accepts(type_name: str, value: Any) -> None:
    schema = field(type_name).json_schema()
    assert jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions()).is_valid(value)


def test_every_type_is_tried() -> None:
    assert {t for t, _, _ in GOOD} | {t for t, _, _ in BAD} >= set(FIELD_TYPES) - {"idno", "uscc", "plate", "phone"}
    assert len(FIELD_TYPES) == 26


@pytest.mark.parametrize("type_name", FIELD_TYPES)
@given(value=st.recursive(st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
@settings(max_examples=30, deadline=None)
def test_any_input_is_a_value_or_a_field_error(type_name: str, value: Any) -> None:
    with suppress(FieldError):
        assert field(type_name).parse(value) is not None


def test_options_of_integer_choose_its_scalar() -> None:
    assert field("integer", max=9).graphql_scalar == "Int"
    assert field("integer", max=SAFE_MAX).graphql_scalar == "Long"


def test_columns() -> None:
    kinds = {name: [(c.name, c.kind, c.scale, c.null) for c in field(name).columns()] for name in FIELD_TYPES}
    assert kinds["ref"] == [("x_id", "uuid", 0, True)]
    assert kinds["point"] == [("x_lng7", "int", 0, True), ("x_lat7", "int", 0, True)]
    assert kinds["money"] == [("x", "decimal", 2, True)]
    assert kinds["computed"] == []
    assert [c.name for c in field("computed", stored=True).columns()] == ["x"]
    assert field("string", required=True).columns()[0].null is False


def test_defaults_become_canonical_and_renames_reach_all_columns() -> None:
    assert field("decimal", default="1.5").columns()[0].default == Decimal("1.50")
    assert field("boolean", default=False).columns()[0].default is False
    assert [c.renamed_from for c in field("point", renamed_from="y").columns()] == ["y_lng7", "y_lat7"]
    with pytest.raises(FieldError):
        field("integer", default="1")


def test_split_of_a_point() -> None:
    assert field("point").split((1, 2)) == (1, 2)
    assert field("point").split(None) == (None, None)


def test_short_refs_are_completed() -> None:
    ref = REPAIR_ORDER.fields["house"]
    assert getattr(ref, "to", "") == "community.house"
    assert ref.graphql_name == "house"


def test_system_fields_come_first_and_deleted_at_is_none_of_them() -> None:
    assert list(all_fields(REPAIR_ORDER))[:8] == list(SYSTEM_FIELDS)
    assert "deleted_at" not in all_fields(REPAIR_ORDER)
    assert [f.name for f in SYSTEM_FIELDS.values() if f.is_writable] == ["division"]
