"""Asking for a correction, and deciding it, through the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from core.fields.times import utc_now
from tests.privacy.conftest import Town

ASK = """mutation($e: String!, $id: ID!, $f: String!, $v: String!, $w: ID) {
  id: requestCorrection(entity: $e, id: $id, field: $f, value: $v, reason: "写错了", ward: $w)
}"""
DECIDE = """mutation($id: ID!, $yes: Boolean!, $a: String!, $v: String) {
  decideCorrection(id: $id, accepts: $yes, answer: $a, value: $v)
}"""
STATES = "SELECT state, handled_by_id FROM core_correction_request"


@pytest.fixture
def asked(town: Town) -> dict[str, Any]:
    visit = town.create("visiting.visit", person=town.people["马大妈"], phone="13800000009")
    values = {"e": "visiting.visit", "id": visit, "f": "phone"}
    id = town.data(ASK, town.citizen("马大妈"), v="13800000001", **values)["id"]
    return {"id": id, "visit": visit}


def test_who_may_change_it_puts_it_right(town: Town, asked: dict[str, Any]) -> None:
    town.data(DECIDE, town.visitor, id=asked["id"], yes=True, a="已更正")
    assert town.fetch("SELECT phone, version FROM visiting_visit") == [("13800000001", 2)]
    assert [state for state, _ in town.fetch(STATES)] == ["corrected"]
    assert town.code(DECIDE, town.visitor, id=asked["id"], yes=True, a="再来") == "CONFLICT"


def test_a_refusal_is_answered_and_changes_nothing_else(town: Town, asked: dict[str, Any]) -> None:
    assert town.code(DECIDE, town.visitor, id=asked["id"], yes=False, a=" ") == "INVALID_INPUT"
    town.data(DECIDE, town.visitor, id=asked["id"], yes=False, a="与登记机关一致")
    assert town.fetch("SELECT phone, version FROM visiting_visit") == [("13800000009", 1)]
    assert [state for state, _ in town.fetch(STATES)] == ["refused"]


def test_a_wrong_value_of_the_clerk_leaves_request_and_row(town: Town, asked: dict[str, Any]) -> None:
    assert town.code(DECIDE, town.visitor, id=asked["id"], yes=True, a="好", v="12") == "INVALID_INPUT"
    assert town.fetch("SELECT phone, version FROM visiting_visit") == [("13800000009", 1)]
    assert town.fetch(STATES) == [("submitted", None)]


def test_whoever_may_not_change_it_may_not_decide(town: Town, asked: dict[str, Any]) -> None:
    for actor, code in ((town.clerk("窗口甲"), "NOT_FOUND"), (town.citizen("马儿子"), "PERMISSION_DENIED")):
        assert town.code(DECIDE, actor, id=asked["id"], yes=False, a="不行") == code
    assert town.fetch(STATES) == [("submitted", None)]


def test_a_request_about_somebody_elses_row_is_not_carried_out(town: Town, asked: dict[str, Any]) -> None:
    generation = town.host.generation
    entity, moved = generation.world.entities["visiting.visit"], {"person": town.people["马儿子"]}
    mover = replace(town.visitor, roles=town.visitor.roles | {"core_service"})
    town.run(generation.writer.update, mover, entity, asked["visit"], 1, moved)
    assert town.code(DECIDE, town.visitor, id=asked["id"], yes=True, a="已更正") == "CONFLICT"
    assert town.fetch("SELECT phone FROM visiting_visit") == [("13800000009",)]
    assert town.fetch(STATES) == [("submitted", None)]


def test_a_delegate_is_no_guardian_of_the_principals_ward(town: Town) -> None:
    mother, child = town.people["马大妈"], town.person("小马", born=date(2020, 5, 1))
    visit = town.create("visiting.visit", person=child, phone="13800000009")
    town.insert(
        "core.guardian_link", guardian_id=mother, ward_id=child, relation="grandparent", state="verified",
        verified_at=utc_now(),
    )  # fmt: skip
    asked = {"e": "visiting.visit", "id": visit, "f": "phone", "v": "13800000001", "w": child}
    son = replace(
        town.citizen("马儿子"), person=mother, agent=town.people["马儿子"], delegation="d", scopes=("visiting",),
        roles=frozenset({"anonymous", "delegate"}),
    )  # fmt: skip
    assert town.code(ASK, son, **asked) == "PERMISSION_DENIED"
    assert town.fetch("SELECT id FROM core_correction_request") == []
    town.data(ASK, town.citizen("马大妈"), **asked)


def test_wrong_requests_leave_nothing(town: Town) -> None:
    her, son = town.citizen("马大妈"), town.citizen("马儿子")
    visit = town.create("visiting.visit", person=town.people["马大妈"], phone="13800000009")
    right = {"e": "visiting.visit", "id": visit, "f": "phone", "v": "13800000001"}
    assert town.code(ASK, son, **right) == "NOT_FOUND"
    assert town.code(ASK, son, **right, w=town.people["马大妈"]) == "PERMISSION_DENIED"
    assert town.code(ASK, her, **{**right, "v": "12"}) == "INVALID_INPUT"
    assert town.code(ASK, her, **{**right, "f": "nothing"}) == "INVALID_INPUT"
    assert town.code(ASK, her, **{**right, "id": "x"}) == "NOT_FOUND"
    assert town.fetch("SELECT id FROM core_correction_request") == []
    town.data(ASK, her, **right)
    assert town.code(ASK, her, **right) == "CONFLICT"
    assert len(town.fetch("SELECT id FROM core_correction_request")) == 1
