"""manifests/community: the entities of the plan, city codes, indexes that serve the lists of staff."""

from __future__ import annotations

from collections import Counter

import pytest

from core.fields.made import Sequence
from tests.manifests.county import shipped

WORLD, _ = shipped()
COMMUNITY = WORLD.plugins["community"]
PLANNED = {
    "compound", "building", "house", "house_person", "repair_order", "visitor", "vehicle", "parking_space",
    "fee_item", "fee_bill", "device", "alarm", "notice", "topic", "volunteer_project", "patrol_task",
}  # fmt: skip


def test_the_planned_entities_are_there() -> None:
    assert set(COMMUNITY.entities) >= PLANNED
    assert COMMUNITY.data_level_max == "L3"
    assert COMMUNITY.requires == ("core",)


def test_people_and_organisations_are_those_of_core() -> None:
    assert not {"person", "org", "organisation", "division"} & set(COMMUNITY.entities)


@pytest.mark.parametrize(
    ("code_set", "kinds", "classes"),
    [("gbt47678_5_components", 153, 5), ("gbt47678_5_matters", 250, 10)],
)
def test_city_codes(code_set: str, kinds: int, classes: int) -> None:
    items = COMMUNITY.codes[code_set].items
    assert Counter(len(code) for code in items) == {5: kinds, 2: classes}
    assert all(item.parent == item.code[:2] for item in items.values() if len(item.code) == 5)


def test_a_component_and_its_fault_share_a_code() -> None:
    assert COMMUNITY.codes["gbt47678_5_components"].items["01002"].title == "污水井盖"
    assert COMMUNITY.codes["gbt47678_5_matters"].items["01002"].title == "污水井盖异常"


@pytest.mark.parametrize("name", ["repair_order", "alarm", "fee_bill", "visitor", "patrol_task", "notice", "topic"])
def test_lists_by_state_and_by_division_have_an_index(name: str) -> None:
    starts = {index[0] for index in COMMUNITY.entities[name].indexes}
    assert {"state", "division"} <= starts


def test_the_case_number_of_a_repair_order() -> None:
    field = COMMUNITY.entities["repair_order"].fields["case_no"]
    assert isinstance(field, Sequence)
    assert field.format == "CM{division:6}{date:%Y%m%d}{seq:7}"


def test_every_entity_is_open_to_somebody() -> None:
    open_to = {rule.entity for rule in WORLD.rules if "read" in rule.can}
    assert sorted(set(WORLD.entities) - open_to) == []
