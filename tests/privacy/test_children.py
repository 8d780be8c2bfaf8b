"""A child's record end to end: sealed at rest, never in clear in lists, the guardian's word, to the day."""

from __future__ import annotations

import json

import pytest

from tests.privacy.conftest import Town
from tests.privacy.test_my_data import EXPORT, MINE
from tests.privacy.test_proxies import born_years_ago, linked

LIST = "{ visitingVisits { nodes { id phone } } }"
ONE = "query($id: ID!) { visitingVisit(id: $id) { phone } }"
PHONE, NICKNAME = "13912345678", "小马驹儿"


@pytest.mark.parametrize(("days", "is_child"), [(-1, True), (0, False), (1, False)])
def test_l3_counts_as_l4_until_the_fourteenth_birthday(town: Town, days: int, is_child: bool) -> None:
    child = town.person("小马", born=born_years_ago(14, days))
    id = town.create("visiting.visit", person=child, phone=PHONE, nickname=NICKNAME)
    [listed] = town.data(LIST, town.visitor)["visitingVisits"]["nodes"]
    assert listed["phone"] == ("139****5678" if is_child else PHONE)
    # One record, under a rule that names the duty, is open to who has the duty.
    assert town.data(ONE, town.visitor, id=id)["visitingVisit"] == {"phone": PHONE}
    at_rest = str(town.fetch("SELECT phone, nickname FROM visiting_visit"))
    history = str(town.fetch("SELECT after FROM tb_history WHERE entity = 'visiting.visit'"))
    for text in (at_rest, history):
        assert (PHONE in text, NICKNAME in text) == (not is_child, not is_child)


def test_the_guardian_sees_and_takes_away_the_childs_data_and_nobody_else_does(town: Town) -> None:
    child = town.person("小马", born=born_years_ago(8))
    town.create("visiting.visit", person=child, phone=PHONE, illness="花粉过敏")
    father, mother = town.citizen("马儿子"), town.citizen("马大妈")
    assert town.code(MINE, father, ward=child) == "PERMISSION_DENIED"
    linked(town, "马儿子", "小马")
    found = {s["entity"]: s for s in town.data(MINE, father, ward=child)["myData"]}
    values = {v["field"]: v["value"] for v in found["visiting.visit"]["rows"][0]["values"]}
    assert (values["phone"], values["illness"]) == (PHONE, "花粉过敏")
    exported = json.loads(town.data(EXPORT, father, f="JSON", w=child)["exportMyData"])
    assert exported["person"] == child
    assert town.code(EXPORT, mother, f="JSON", w=child) == "PERMISSION_DENIED"
    told = town.fetch("SELECT action, rule, result FROM tb_audit WHERE rule LIKE 'my_data:%' ORDER BY at, number")
    assert told == [("read", "my_data:guardian", "ok"), ("export", "my_data:guardian", "ok")]
