"""Each generator word, on a row made by hand."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from core.demo.generators import BASE_DATE, DemoError, Run, maker
from core.demo.row import Group, Row


def run() -> Run:
    return Run(county="640522", people=100, seed=1, boxes={"640522": [105.25, 36.25, 106.05, 36.95]})


def row(**values: Any) -> Row:
    return Row(None, {"n": 0, "i": 0, "id": "x", **values})


def make(spec: Any, on: Row, times: int = 1, inside: Run | None = None) -> list[Any]:
    made = maker(spec, inside or run(), Random(5))
    return [made(on) for _ in range(times)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("草稿", "草稿"),
        (7, 7),
        (["a"], ["a"]),
        ({"value": None}, None),
        ({"from": "name"}, "山门村委会"),
        ({"from": "name", "without": ["村委会"]}, "山门"),
        ({"from": "up.name"}, None),
        ({"text": "{name}第{n:03}号"}, "山门村委会第004号"),
        ({"cycle": ["a", "b", "c"]}, "b"),
        ({"cycle": ["a", "b", "c"], "every": 2}, "c"),
        ({"list": ["name", "n"]}, ["山门村委会", 4]),
        ({"by": "n", "cases": {"4": "four"}, "else": "other"}, "four"),
        ({"by": "n", "cases": {"5": "five"}, "else": {"from": "n"}}, 4),
        ({"by": "n", "below": {"10": "small", "4": "tiny"}}, "small"),
        ({"by": "n", "below": {"4": "tiny"}}, None),
        ({"integer": [2, 2], "plus": "n"}, 6),
        ({"integer": [2, 2], "plus": "n", "clamp": [0, 5]}, 5),
        ({"decimal": [1.5, 1.5]}, "1.50"),
        ({"date": [-1, -1]}, "2026-11-19"),
        ({"date": [3, 3], "after": "at"}, "2026-01-05"),
        ({"datetime": [90, 90], "after": "at"}, "2026-01-02T09:30:00+08:00"),
    ],
)
def test_a_word_makes_its_value(spec: Any, expected: Any) -> None:
    assert make(spec, row(name="山门村委会", n=4, at="2026-01-02T08:00:00+08:00")) == [expected]


def test_pick_follows_weights_and_named_lists() -> None:
    inside = run()
    inside.lists["letter"] = {"a": 99, "b": 1}
    made = make({"pick": "letter"}, row(), 500, inside)
    assert set(made) == {"a", "b"}
    assert made.count("a") > 450


def test_share_leaves_the_rest_empty() -> None:
    made = make({"value": 1, "share": 0.25}, row(), 1000)
    assert 180 < made.count(1) < 320
    assert made.count(None) == 1000 - made.count(1)


def test_some_makes_short_lists_without_doubles() -> None:
    for made in make({"some": ["a", "b", "c"], "at_most": 2}, row(), 50):
        assert 1 <= len(set(made)) == len(made) <= 2


def test_digits_never_repeat_and_say_when_they_run_out() -> None:
    inside = run()
    assert sorted(make({"digits": "A#B"}, row(), 10, inside)) == [f"A{n}B" for n in range(10)]
    with pytest.raises(DemoError, match="已用完"):
        make({"digits": "A#B"}, row(), 1, inside)


def test_birth_gives_the_age_at_the_base_date() -> None:
    for text in make({"birth": "age"}, row(age=30), 50):
        days = (BASE_DATE - BASE_DATE.fromisoformat(text)).days
        assert 30 <= round(days / 365.2425, 2) < 31


def test_points_stay_in_the_box_and_near_their_village() -> None:
    points = make({"point": "code", "metres": 500}, row(code="640522100203"), 50)
    assert {point["crs"] for point in points} == {"CGCS2000"}
    assert all(105.25 <= p["lng"] <= 106.05 and 36.25 <= p["lat"] <= 36.95 for p in points)
    assert max(p["lat"] for p in points) - min(p["lat"] for p in points) < 0.01


def test_refs_match_by_value_and_keep_together_by_key() -> None:
    inside = run()
    houses = [Row(None, {"id": str(n), "division": "a" if n < 6 else "b"}) for n in range(9)]
    inside.groups["houses"] = Group(houses)
    spec = {"ref": "houses", "match": {"division": "place"}, "key": "family"}
    made = make(spec, row(place="b", family="f"), 20, inside)
    assert len({found.values["id"] for found in made}) == 1
    assert made[0].values["division"] == "b"
    assert make(spec, row(place="c", family="f"), 1, inside) == [None]
    assert make(spec | {"or_any": True}, row(place="c", family="f"), 1, inside)[0] in houses


def test_unknown_groups_and_words_are_refused() -> None:
    with pytest.raises(DemoError, match="houses"):
        make({"ref": "houses"}, row())
    with pytest.raises(DemoError, match="不认识"):
        make({"share": 0.5}, row())
    with pytest.raises(DemoError, match="坐标范围"):
        make({"point": "code"}, row(code="1"), 1, Run(county="110101", people=1, seed=1))
