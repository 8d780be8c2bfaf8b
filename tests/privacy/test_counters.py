"""Whoever stands at a counter serves the people of his own division, and rewrites only what he has seen a paper of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tongban_sdk import Actor

from tests.privacy.conftest import Town
from tests.privacy.test_confirming import REQUEST
from tests.privacy.test_consent_at_counter import AGREE, LEDGER, TAKE_BACK
from tests.privacy.test_consents import version
from tests.privacy.test_proxies import (
    COUNTER,
    REGISTER,
    REVOKE_AT_COUNTER,
    REVOKE_LINK,
    VERIFY,
    born_years_ago,
    delegated,
    terms,
)

ELSEWHERE = "640522101000"
PATCH = """mutation($id: ID!, $v: Int!, $p: CorePersonPatch!) {
  updateCorePerson(id: $id, version: $v, patch: $p) { version }
}"""
PERSON = "SELECT version, birth_date, phone FROM core_person WHERE name = '马大妈'"


def far(town: Town, name: str, role: str = "window_clerk") -> Actor:
    return replace(town.clerk(name, role), division=ELSEWHERE)


@pytest.mark.parametrize("role", ["window_clerk", "community_worker"])
def test_delegations_of_people_from_elsewhere_are_not_registered_or_revoked(town: Town, role: str) -> None:
    clerk, id = far(town, "外乡窗口", role), delegated(town)
    given = {"p": town.people["马大妈"], "a": town.people["马儿子"]}
    before = town.fetch("SELECT id, version, state FROM core_delegation")
    assert town.code(COUNTER, clerk, i=terms(proof=town.upload(clerk)), **given) == "NOT_FOUND"
    assert town.code(REQUEST, clerk, i=terms(), **given) == "NOT_FOUND"
    assert town.code(REVOKE_AT_COUNTER, clerk, id=id, r="本人要求") == "NOT_FOUND"
    assert town.fetch("SELECT id, version, state FROM core_delegation") == before
    assert not (town.host.settings.data_dir / "outbox" / "sms.jsonl").exists()


def test_consents_of_people_from_elsewhere_are_not_entered(town: Town) -> None:
    clerk, her = far(town, "外乡窗口"), town.people["马大妈"]
    told, proof = version(town, town.citizen("马大妈")), town.upload(clerk)
    assert town.code(AGREE, clerk, p=her, v=told, f=proof) == "NOT_FOUND"
    assert town.code(TAKE_BACK, clerk, p=her, f=proof) == "NOT_FOUND"
    assert town.fetch(LEDGER) == []


def test_guardians_of_children_from_elsewhere_are_not_entered_verified_or_ended(town: Town) -> None:
    ward = town.person("小马", born=born_years_ago(6))
    clerk, here = far(town, "外乡窗口"), town.clerk("窗口甲")
    given = {"g": town.people["马儿子"], "w": ward}
    assert town.code(REGISTER, clerk, f=town.upload(clerk), **given) == "NOT_FOUND"
    assert town.fetch("SELECT id FROM core_guardian_link") == []
    id = town.data(REGISTER, here, f=town.upload(here), **given)["id"]
    assert town.code(VERIFY, clerk, id=id) == "NOT_FOUND"
    assert town.code(REVOKE_LINK, clerk, id=id, r="错登") == "NOT_FOUND"
    assert town.fetch("SELECT state, version FROM core_guardian_link") == [("pending", 1)]
    county = replace(town.clerk("窗口乙"), division="640522000000")
    assert town.data(VERIFY, county, id=id) == {"verifyGuardian": id}


@pytest.mark.parametrize("field", ["birthDate", "idno"])
def test_a_village_worker_rewrites_neither_birth_date_nor_number(town: Town, field: str) -> None:
    worker, her = town.clerk("村干部", "community_worker"), town.people["马大妈"]
    patch = {"birthDate": "2020-01-01", "idno": "642222196003021127"}
    before = town.fetch(PERSON)
    assert town.code(PATCH, worker, id=her, v=1, p={"phone": "13800000009", field: patch[field]}) == "PERMISSION_DENIED"
    assert town.fetch(PERSON) == before
    assert town.data(PATCH, worker, id=her, v=1, p={"phone": "13800000009"}) == {"updateCorePerson": {"version": 2}}


@pytest.mark.parametrize("role", ["window_clerk", "civil_affairs_officer"])
def test_who_has_seen_the_paper_puts_the_birth_date_right_and_is_its_source(town: Town, role: str) -> None:
    her = town.people["马大妈"]
    clerk = town.clerk("窗口甲", role)
    unit = town.fetch("SELECT CAST(org_unit_id AS text) FROM core_staff WHERE name = '窗口甲'")[0][0]
    clerk = replace(clerk, org=unit)
    assert town.code(PATCH, replace(clerk, division=ELSEWHERE), id=her, v=1, p={"birthDate": "1950-03-03"}) in (
        "NOT_FOUND", "PERMISSION_DENIED",
    )  # fmt: skip
    assert town.data(PATCH, clerk, id=her, v=1, p={"birthDate": "1950-03-03"}) == {"updateCorePerson": {"version": 2}}
    assert str(town.fetch(PERSON)[0][1]) == "1950-03-03"
    assert town.fetch("SELECT field, method, CAST(department_id AS text) FROM core_fact_source") == [
        ("birth_date", "counter", unit)
    ]
    assert town.code(PATCH, clerk, id=her, v=2, p={"phone": "13800000009"}) == "PERMISSION_DENIED"
