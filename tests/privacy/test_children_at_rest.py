"""Values of every kind about a child, through the API: sealed where they lie, the same to whoever may see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.privacy.conftest import Town, opened
from tests.privacy.folders import ACCESS, VISIT
from tests.privacy.test_my_data import ERASE, EXPORT, MINE
from tests.privacy.test_proxies import born_years_ago, linked

KINDS = """  spot: {type: point, title: 位置, level: L3, purpose: duty}
  facts: {type: json, title: 情形, level: L3, purpose: duty}
  weight: {type: integer, title: 体重（克）, level: L3, purpose: duty, keyed: true}
  fee: {type: money, title: 补助, level: L3, purpose: duty}
  needs: {type: list, title: 需要, of: enum, values: {milk: 奶粉, book: 课本}, level: L3, purpose: duty}
  alone: {type: boolean, title: 独居, level: L3, purpose: duty}
  meets: {type: time, title: 钟点, level: L3, purpose: duty}
"""
GUARDIAN = """  - role: resident
    entity: visit
    can: [read]
    where: 'person.guardians.exists(g, g.guardian == me.person && g.state == "verified")'
    relation: guardian
    clear: "*"
"""
POINT = {"lng": 105.6123457, "lat": 36.5123457, "crs": "CGCS2000"}
GIVEN: dict[str, Any] = {
    "spot": POINT, "facts": {"症状": ["花粉过敏", None]}, "weight": 409614097, "fee": "912345.67",
    "needs": ["milk", "book"], "alone": False, "meets": "08:30",
}  # fmt: skip
NEEDLES = ("105.6123457", "1056123457", "花粉过敏", "409614097", "912345.67", "91234567", "milk")
COLUMNS = ("spot_lng7", "spot_lat7", *(name for name in GIVEN if name != "spot"))
FIELDS = "facts weight fee needs alone meets spot { x: lng lat crs __typename }"
ONE = f"query($id: ID!) {{ visitingVisit(id: $id) {{ {FIELDS} }} }}"
ALL = f"{{ visitingVisits {{ nodes {{ id {FIELDS} }} }} }}"
FOUND = "query($w: VisitingVisitWhere) { visitingVisits(where: $w) { nodes { id } } }"
ORDERED = "{ visitingVisits(orderBy: [{field: weight, direction: DESC}]) { nodes { id } } }"
GROUPS = "{ visitingVisitStats(groupBy: [{field: alone}]) { count key { alone } sum { weight } } }"
HISTORY = 'query($id: ID!) { entityHistory(entity: "visiting.visit", id: $id) { nodes { after } } }'
NEAR = {"spot": {"near": {**POINT, "radiusM": 50.0}}}


@pytest.fixture
def town(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    visit, access = VISIT + KINDS, ACCESS + GUARDIAN
    with opened(database_place, tmp_path, monkeypatch, visit=visit, access=access) as town:
        town.named("马大妈")
        town.named("马儿子")
        yield town


def shown(**changes: Any) -> dict[str, Any]:
    spot = {"x": POINT["lng"], "lat": POINT["lat"], "crs": "CGCS2000", "__typename": "Point"}
    return {**GIVEN, "meets": "08:30:00", "spot": spot, **changes}


def of_child(town: Town) -> str:
    child = town.person("小马", born=born_years_ago(8))
    linked(town, "马儿子", "小马")
    return town.create("visiting.visit", person=child, **GIVEN)


def test_a_guardian_reads_what_lies_sealed_and_history_and_my_data_and_export_agree(town: Town) -> None:
    id, father = of_child(town), town.citizen("马儿子")
    assert town.fetch(f"SELECT {', '.join(COLUMNS)} FROM visiting_visit") == [(None,) * len(COLUMNS)]
    lying = str(town.fetch("SELECT * FROM visiting_visit") + town.fetch("SELECT after FROM tb_history"))
    assert [needle for needle in NEEDLES if needle in lying] == []
    assert town.data(ONE, father, id=id)["visitingVisit"] == shown()
    assert town.data(ONE, town.visitor, id=id)["visitingVisit"] == shown()
    [version] = town.data(HISTORY, father, id=id)["entityHistory"]["nodes"]
    assert {name: version["after"][name] for name in GIVEN} == {**GIVEN, "meets": "08:30:00"}
    mine = {s["entity"]: s for s in town.data(MINE, father, ward=town.people["小马"])["myData"]}
    [row] = mine["visiting.visit"]["rows"]
    assert {v["field"]: v["value"] for v in row["values"] if v["field"] in GIVEN} == {**GIVEN, "meets": "08:30:00"}
    exported = json.loads(town.data(EXPORT, father, f="JSON", w=town.people["小马"])["exportMyData"])
    [section] = [s for s in exported["sections"] if s["entity"] == "visiting.visit"]
    assert {name: section["rows"][0]["values"][name] for name in GIVEN} == {**GIVEN, "meets": "08:30:00"}
    assert town.data(ERASE, father, e="visiting.visit", id=id, w=town.people["小马"])["r"]["removed"] is False
    assert town.data(ONE, father, id=id)["visitingVisit"] == shown()


def test_no_condition_order_or_group_finds_what_lies_sealed(town: Town) -> None:
    child, visitor = of_child(town), replace(town.visitor, roles=frozenset({"visiting_visitor"}))
    adult = town.create("visiting.visit", person=town.people["马大妈"], **{**GIVEN, "weight": 7})
    nodes = {node.pop("id"): node for node in town.data(ALL, visitor)["visitingVisits"]["nodes"]}
    assert nodes == {adult: shown(weight=7), child: dict.fromkeys(shown())}

    def found(where: dict[str, Any]) -> list[str]:
        return [node["id"] for node in town.data(FOUND, visitor, w=where)["visitingVisits"]["nodes"]]

    for where in (NEAR, {"weight": {"gt": 0}}, {"alone": {"eq": False}}, {"spot": {"isNull": False}}):
        assert found(where) == [adult]
    assert found({"spot": {"isNull": True}}) == found({"alone": {"eq": None}}) == []
    # By the hash, as a text: whoever brings the value along.
    assert found({"weight": {"eq": GIVEN["weight"]}}) == [child]
    ordered = town.data(ORDERED, visitor)["visitingVisits"]["nodes"]
    assert [node["id"] for node in ordered] == [adult, child]
    stats = town.data(GROUPS, visitor)["visitingVisitStats"]
    assert [(s["count"], s["key"]["alone"], s["sum"]["weight"]) for s in stats] == [(1, None, None), (1, False, 7)]


def test_tables_of_a_plugin_that_is_gone_get_the_columns_of_a_newer_version(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_place, tmp_path, monkeypatch, visit=VISIT + KINDS) as town:
        town.named("马大妈")
        id = town.create("visiting.visit", person=town.people["马大妈"], **GIVEN)

        async def as_before() -> None:
            async with town.host.database.transaction() as tx:
                await tx.execute("ALTER TABLE visiting_visit DROP COLUMN spot_sealed")

        town.run(as_before)
    with opened(database_place, tmp_path, monkeypatch, visiting=False) as town:
        town.named("马大妈")
        her = town.citizen("马大妈")
        mine = {s["entity"]: s for s in town.data(MINE, her)["myData"]}
        [row] = mine["visiting.visit"]["rows"]
        assert {v["field"]: v["value"] for v in row["values"]}["spot"] == POINT
        assert town.fetch("SELECT spot_sealed FROM visiting_visit") == [(None,)]
        assert town.data(ERASE, her, e="visiting.visit", id=id)["r"]["removed"] is False
