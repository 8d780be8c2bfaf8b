"""Every operator finds the right rows in both databases."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fields import FieldError, make_field
from core.fields.operators import OPERATORS, filter_columns, operators_of
from core.store.database import Database
from core.store.dialect import quote
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.sql import Const, Env, Params
from core.store.tables import table_of
from tests.expr.sources import NOW
from tests.worlds import entity

THING = entity(
    "core",
    "thing",
    {
        "name": {"type": "string"},
        "size": {"type": "integer"},
        "price": {"type": "money"},
        "urgent": {"type": "boolean"},
        "day": {"type": "date"},
        "at": {"type": "datetime"},
        "open_from": {"type": "time"},
        "state": {"type": "enum", "values": {"open": "开", "done": "完"}},
        "owner": {"type": "ref", "to": "thing"},
        "tags": {"type": "list", "of": "string"},
        "marks": {"type": "list", "of": "integer"},
        "place": {"type": "division"},
        "grid": {"type": "grid"},
        "spot": {"type": "point"},
    },
)
ID = "01930000-0000-7000-8000-00000000000{}"
CENTRE = {"lng": 105.6433, "lat": 36.5654, "crs": "WGS84"}
INPUTS: tuple[dict[str, Any], ...] = (
    {},
    {
        "name": "马秀英", "size": 1, "price": "9.90", "urgent": True, "day": "2024-02-29", "at": "2026-11-22T00:00:00Z",
        "open_from": "08:30", "state": "open", "owner": ID.format(1), "tags": ["水", "a"], "marks": [1],
        "place": "640522100203", "grid": "640522100203001", "spot": CENTRE,
    },
    {
        "name": "100%_真", "size": 10, "price": "10.00", "urgent": False, "day": "9999-12-31",
        "at": "2026-11-22T08:00:00.001+08:00", "open_from": "09:00", "state": "done", "owner": ID.format(0), "tags": [],
        "marks": [10, 2], "place": "640522101000", "grid": "640522101000001",
        "spot": {"lng": 105.6533, "lat": 36.5654, "crs": "WGS84"},
    },
)  # fmt: skip
CIRCLE = CENTRE | {"radiusM": 500}
BOX = {"west": 105.64, "south": 36.56, "east": 105.65, "north": 36.57, "crs": "CGCS2000"}

CASES: tuple[tuple[str, str, Any, list[int]], ...] = (
    ("name", "eq", "马秀英", [1]),
    ("name", "ne", "马秀英", [2]),
    ("name", "in", ["马秀英", "x"], [1]),
    ("name", "in", [], []),
    ("name", "notIn", ["马秀英"], [2]),
    ("name", "lt", "马", [2]),
    ("name", "contains", "%_", [2]),
    ("name", "startsWith", "马", [1]),
    ("name", "startsWith", "马秀英", [1]),
    ("name", "startsWith", "", [1, 2]),
    ("name", "startsWith", "秀", []),
    ("name", "isNull", True, [0]),
    ("name", "isNull", False, [1, 2]),
    ("size", "gt", 1, [2]),
    ("size", "lte", 10, [1, 2]),
    ("price", "lt", "10", [1]),
    ("price", "in", ["10.00", "1"], [2]),
    ("urgent", "eq", False, [2]),
    ("day", "gte", "2024-03-01", [2]),
    ("at", "eq", "2026-11-22T00:00:00.001Z", [2]),
    ("at", "in", ["2026-11-22T08:00:00+08:00"], [1]),
    ("open_from", "gt", "08:30:00", [2]),
    ("state", "in", ["done"], [2]),
    ("owner", "eq", ID.format(1), [1]),
    ("owner", "notIn", [ID.format(1)], [2]),
    ("tags", "has", "水", [1]),
    ("marks", "has", 2, [2]),
    ("tags", "isNull", True, [0]),
    ("place", "under", "640522100000", [1]),
    ("place", "under", "640522000000", [1, 2]),
    ("grid", "under", "640522100203", [1]),
    ("grid", "under", "640522101000", [2]),
    ("spot", "within", BOX, [1]),
    ("spot", "near", CIRCLE, [1]),
    ("spot", "near", CIRCLE | {"radiusM": 900}, [1, 2]),
    ("spot", "near", CIRCLE | {"radiusM": 890}, [1]),
    ("spot", "isNull", False, [1, 2]),
)


@pytest.fixture
async def things(database: Database) -> Database:
    table = table_of(THING)
    await migrate(database, [table])
    for number, values_of in enumerate(INPUTS):
        row: dict[str, Any] = {"id": ID.format(number), "created_at": NOW, "updated_at": NOW, "version": 1}
        for field in THING.fields.values():
            if field.name in values_of:
                values = field.split(field.parse(values_of[field.name]))
                row |= dict(zip((c.name for c in field.columns()), values, strict=True))
        await database.insert([Insert(table, row)])
    return database


async def test_operators_find_rows(things: Database) -> None:
    for name, operator_name, argument, expected in CASES:
        field, operator = THING.fields[name], OPERATORS[operator_name]
        params = Params(things.dialect)
        asked = operator.params(field)
        marks = [
            params.add(Const(tuple(value) if p.many else value), p.column, many=p.many)
            for p in asked
            for value in [p.make(argument)]
        ]
        sql = operator.sql(things.dialect, [p.column for p in asked], [quote(c.name) for c in field.columns()], marks)
        rows = await things.fetch(f"SELECT id FROM core_thing WHERE {sql} ORDER BY id", params.bind(Env({}, {}, NOW)))
        assert [int(str(row[0])[-1]) for row in rows] == expected, (name, operator_name, argument)


def test_every_operator_is_tried_and_every_field_has_known_ones() -> None:
    assert {operator for _, operator, _, _ in CASES} == set(OPERATORS)
    for field in THING.fields.values():
        assert set(operators_of(field)) <= set(OPERATORS)
        assert filter_columns(field)


@pytest.mark.parametrize(
    ("name", "operator", "argument", "id"),
    [
        ("size", "eq", "1", "integer.type"),
        ("price", "eq", 1.5, "decimal.type"),
        ("name", "in", ["a"] * 201, "where.list"),
        ("place", "under", "6405", "where.under"),
        ("spot", "near", CENTRE | {"radiusM": 50_001}, "where.radius"),
        ("spot", "near", {"lng": 105.0, "lat": 36.0, "radiusM": 5}, "point.crs-missing"),
        ("spot", "within", BOX | {"west": 300}, "point.range"),
        ("day", "lt", "x", "date.format"),
        ("name", "contains", "\0", "text.nul"),
    ],
)
def test_bad_arguments(name: str, operator: str, argument: Any, id: str) -> None:
    params = OPERATORS[operator].params(THING.fields[name])
    with pytest.raises(FieldError) as caught:
        [param.make(argument) for param in params]
    assert caught.value.id == id


def test_computed_fields_compare_as_their_result() -> None:
    field = make_field("n", {"type": "computed", "title": "n", "as": "integer", "expr": "1"})
    assert operators_of(field)[0] == "eq"
    assert filter_columns(field)[0].kind == "int"


#: Any text but NUL, which no database holds.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)


@given(TEXTS, TEXTS)
def test_a_prefix_is_a_range(prefix: str, rest: str) -> None:
    """In the order of code points, which is that of UTF-8 bytes."""
    first, after = (param.make(prefix) for param in OPERATORS["startsWith"].params(THING.fields["name"]))
    for text in (prefix + rest, rest, rest + prefix):
        assert (first.encode() <= text.encode() < after.encode()) == text.startswith(prefix)
