"""Who acts for whom, through the API: delegations, guardians, and children to the day."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tongban_sdk import Actor

from core.identity.actors import AccountFacts, Choice
from core.privacy.people import birthday, years_old
from core.store.account_tables import ACCOUNT, ACCOUNT_PERSON
from core.store.database import Insert
from core.store.ids import uuid7
from tests.privacy.conftest import Town
from tests.privacy.test_consents import GRANT, version

DELEGATE = """mutation($i: DelegationInput!, $n: String!, $p: String) {
  id: grantDelegation(input: $i, agentName: $n, agentPhone: $p)
}"""
COUNTER = """mutation($i: DelegationInput!, $p: ID!, $a: ID!) {
  id: grantDelegationAtCounter(input: $i, principal: $p, agent: $a)
}"""
REVOKE = "mutation($id: ID!) { revokeDelegation(id: $id) }"
REVOKE_AT_COUNTER = "mutation($id: ID!, $r: String!) { revokeDelegationAtCounter(id: $id, reason: $r) }"
MINE = "{ myDelegations { given { id otherName state scopes atCounter } received { id otherName state } } }"
REGISTER = """mutation($g: ID!, $w: ID!, $f: ID!, $u: Date) {
  id: registerGuardian(guardian: $g, ward: $w, relation: "parent", proof: $f, until: $u)
}"""
VERIFY = "mutation($id: ID!) { verifyGuardian(id: $id) }"
REVOKE_LINK = "mutation($id: ID!, $r: String!) { revokeGuardian(id: $id, reason: $r) }"
LINKS = "{ myGuardianLinks { wards { otherName state until } guardians { otherName } } }"
CORRECT = """mutation($e: String!, $id: ID!, $f: String!, $v: String!) {
  id: requestCorrection(entity: $e, id: $id, field: $f, value: $v)
}"""


def terms(**changes: Any) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(days=30)
    return {"kind": "KIN", "scopes": ["visiting"], "until": until.isoformat(), **changes}


def delegated(town: Town) -> str:
    return str(town.data(DELEGATE, town.citizen("马大妈"), i=terms(), n="马儿子", p="13800000002")["id"])


def account(town: Town, *names: str) -> str:
    """A citizen's account that stands for these people."""
    id, now = uuid7(), datetime.now(UTC).replace(microsecond=0)
    rows = [Insert(ACCOUNT, {"id": id, "kind": "citizen", "created_at": now, "created_by": "test"})]
    for name in names:
        bound = {"id": uuid7(), "account": id, "person": town.people[name], "real_name": 3, "source": "window"}
        rows.append(Insert(ACCOUNT_PERSON, {**bound, "bound_at": now, "bound_by": "test"}))
    town.run(town.host.database.insert, rows)
    return id


def test_a_mother_delegates_and_takes_it_back(town: Town) -> None:
    id = delegated(town)
    her, son = town.citizen("马大妈"), town.citizen("马儿子")
    [given] = town.data(MINE, her)["myDelegations"]["given"]
    assert given == {"id": id, "otherName": "马儿子", "state": "active", "scopes": ["visiting"], "atCounter": False}
    [received] = town.data(MINE, son)["myDelegations"]["received"]
    assert received == {"id": id, "otherName": "马大妈", "state": "active"}
    assert town.data(REVOKE, her, id=id) == {"revokeDelegation": id}
    assert town.data(MINE, son)["myDelegations"]["received"][0]["state"] == "revoked"
    assert town.fetch("SELECT actor, action FROM tb_history WHERE entity = 'core.delegation' ORDER BY version") == [
        (her.id, "create"), (her.id, "update"),
    ]  # fmt: skip


def test_the_token_of_a_revoked_delegation_ends_and_history_and_audit_named_both(town: Town) -> None:
    id, holder = delegated(town), account(town, "马儿子")
    visit = town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼")
    sessions, mother, son = town.host.sessions, town.people["马大妈"], town.people["马儿子"]
    pair = town.run(sessions.open, AccountFacts(holder, "citizen"))
    access = town.run(sessions.act, pair.actor, Choice(delegation=id))
    assert (access.actor.person, access.actor.agent, access.actor.roles) == (
        mother, son, frozenset({"anonymous", "delegate"}),
    )  # fmt: skip

    def ask(query: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {access.access}"}
        return town.server.client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        ).json()

    asked = ask(CORRECT, e="visiting.visit", id=visit, f="feeling", v="腰疼")
    assert asked.get("errors") is None
    assert town.fetch(
        "SELECT actor, CAST(principal AS text) FROM tb_history WHERE entity = 'core.correction_request'"
    ) == [(holder, mother)]
    found = town.fetch("SELECT DISTINCT actor, principal, agent FROM tb_audit WHERE agent <> ''")
    assert found == [(holder, mother, son)]
    town.data(REVOKE, town.citizen("马大妈"), id=id)
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while "errors" not in (answer := ask("{ myConsents { purpose } }")) and datetime.now(UTC) < deadline:
        pass
    assert answer["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"


def test_one_phone_serves_several_elderly_people(town: Town) -> None:
    town.person("李大爷", phone="13800000001")
    holder = account(town, "马大妈", "李大爷")
    pair = town.run(town.host.sessions.open, AccountFacts(holder, "citizen"))
    assert pair.actor.person is None
    for name in ("马大妈", "李大爷"):
        chosen = town.run(town.host.sessions.act, pair.actor, Choice(person=town.people[name]))
        assert chosen.actor.person == town.people[name]
    # The name tells two people of one number apart.
    assert town.data(DELEGATE, town.citizen("马儿子"), i=terms(), n="李大爷", p="13800000001")["id"]


@pytest.mark.parametrize(
    ("changes", "name", "code"),
    [
        ({"scopes": []}, "马儿子", "INVALID_INPUT"),
        ({"scopes": ["nothing"]}, "马儿子", "INVALID_INPUT"),
        ({"itemCodes": ["visiting.nothing"]}, "马儿子", "INVALID_INPUT"),
        ({"itemCodes": ["core.person"]}, "马儿子", "INVALID_INPUT"),
        ({"until": "2020-01-01T00:00:00Z"}, "马儿子", "INVALID_INPUT"),
        ({"until": "2099-01-01T00:00:00Z"}, "马儿子", "INVALID_INPUT"),
        ({"kind": "VILLAGE"}, "马儿子", "PERMISSION_DENIED"),
        ({}, "张三", "INVALID_INPUT"),
        ({"proof": "no-file"}, "马儿子", "INVALID_INPUT"),
    ],
)
def test_wrong_terms_leave_nothing(town: Town, changes: dict[str, Any], name: str, code: str) -> None:
    assert town.code(DELEGATE, town.citizen("马大妈"), i=terms(**changes), n=name, p="13800000002") == code
    assert town.fetch("SELECT id FROM core_delegation") == []


def test_who_may_not_delegate_or_revoke(town: Town) -> None:
    id = delegated(town)
    town.person("路人")
    town.person("小马", born=datetime.now(UTC).date() - timedelta(days=17 * 365))
    son = town.citizen("马儿子")
    acting = dataclasses.replace(
        son, person=town.people["马大妈"], agent=town.people["马儿子"], delegation=id, scopes=("visiting",),
        roles=frozenset({"anonymous", "delegate"}),
    )  # fmt: skip
    again = {"i": terms(), "n": "马儿子", "p": "13800000002"}
    assert town.code(DELEGATE, acting, **again) == "PERMISSION_DENIED"
    assert town.code(DELEGATE, town.citizen("小马"), **again) == "PERMISSION_DENIED"
    assert town.code(DELEGATE, town.citizen("路人", real_name=1), **again) == "REAL_NAME_REQUIRED"
    assert town.code(REVOKE, acting, id=id) == "NOT_FOUND"
    assert town.code(REVOKE, town.citizen("路人"), id=id) == "NOT_FOUND"
    assert town.fetch("SELECT state, version FROM core_delegation") == [("active", 1)]


def test_a_counter_registers_and_revokes_with_a_paper(town: Town) -> None:
    worker = town.clerk("村干部", "community_worker", person=town.person("村干部"))
    clerk = town.clerk("窗口甲")
    proof = town.upload(clerk)
    given = {"p": town.people["马大妈"], "a": town.people["村干部"]}
    assert town.code(COUNTER, clerk, i=terms(kind="VILLAGE"), **given) == "INVALID_INPUT"
    assert (
        town.code(COUNTER, worker, i=terms(kind="VILLAGE", proof=town.upload(worker)), **given) == "PERMISSION_DENIED"
    )
    assert town.code(COUNTER, town.citizen("马儿子"), i=terms(proof=proof), **given) == "PERMISSION_DENIED"
    other = {"p": town.people["马大妈"], "a": town.people["马儿子"]}
    assert town.code(COUNTER, clerk, i=terms(kind="VILLAGE", proof=proof), **other) == "INVALID_INPUT"
    assert town.fetch("SELECT id FROM core_delegation") == []
    id = town.data(COUNTER, clerk, i=terms(kind="VILLAGE", proof=proof), **given)["id"]
    assert town.data(MINE, town.citizen("马大妈"))["myDelegations"]["given"][0]["atCounter"] is True
    assert town.code(REVOKE_AT_COUNTER, clerk, id=id, r=" ") == "INVALID_INPUT"
    town.data(REVOKE_AT_COUNTER, clerk, id=id, r="本人到窗口要求撤销")
    assert town.fetch("SELECT state, revoked_by, revoke_reason FROM core_delegation") == [
        ("revoked", clerk.id, "本人到窗口要求撤销")
    ]


def test_what_time_has_ended_is_marked(town: Town) -> None:
    delegated(town)
    later = datetime.now(UTC) + timedelta(days=31)
    system = Actor(id="system", kind="system")
    assert town.run(town.host.privacy.delegations.expire, system) == 0
    assert town.run(town.host.privacy.delegations.expire, system, later) == 1
    assert town.fetch("SELECT state FROM core_delegation") == [("expired",)]


# Guardians and children


def china_today() -> Any:
    return (datetime.now(UTC) + timedelta(hours=8)).date()


def born_years_ago(years: int, days: int = 0) -> Any:
    """Somebody who is this old today, and had the birthday `days` ago (negative: will have it)."""
    day = china_today() - timedelta(days=days)
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February: the day beside it that lies on the same side of today
        return (day + timedelta(days=1 if days < 0 else -1)).replace(year=day.year - years)


def linked(town: Town, guardian: str, ward: str, **more: Any) -> str:
    first, second = town.clerk("窗口甲"), town.clerk("窗口乙")
    given = {"g": town.people[guardian], "w": town.people[ward], "f": town.upload(first), **more}
    id = str(town.data(REGISTER, first, **given)["id"])
    town.data(VERIFY, second, id=id)
    return id


@pytest.mark.parametrize(("days", "is_child"), [(-1, True), (0, False), (1, False)])
def test_a_child_becomes_its_own_speaker_on_the_fourteenth_birthday(town: Town, days: int, is_child: bool) -> None:
    town.person("小马", born=born_years_ago(14, days))
    linked(town, "马儿子", "小马")
    child, father = town.citizen("小马"), town.citizen("马儿子")
    asked = {"p": "visiting.visit", "v": version(town, child)}
    if is_child:
        assert town.code(GRANT, child, **asked) == "PERMISSION_DENIED"
        assert town.fetch("SELECT id FROM tb_consent") == []
        made = town.data(GRANT, father, w=town.people["小马"], **asked)["grantConsent"]
        assert made == {"state": "GRANTED", "guardian": town.people["马儿子"]}
    else:
        assert town.data(GRANT, child, **asked)["grantConsent"] == {"state": "GRANTED", "guardian": None}


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [
        ("2012-02-29", "2026-02-28", 13), ("2012-02-29", "2026-03-01", 14), ("2012-02-29", "2028-02-28", 15),
        ("2012-02-29", "2028-02-29", 16), ("2012-11-22", "2026-11-21", 13), ("2012-11-22", "2026-11-22", 14),
    ],
)  # fmt: skip
def test_age_turns_at_midnight_in_china(born: str, day: str, years: int) -> None:
    date = datetime.fromisoformat(born).date()
    midnight = datetime.fromisoformat(f"{day}T00:00:00+08:00")
    assert years_old(date, midnight) == years
    assert years_old(date, midnight.astimezone(UTC)) == years
    assert years_old(date, midnight + timedelta(hours=23, minutes=59)) == years


def test_eighteen_comes_on_the_first_of_march_for_who_was_born_on_a_leap_day() -> None:
    assert birthday(datetime(2008, 2, 29).date(), 18) == datetime(2026, 3, 1).date()


def test_nobody_of_unknown_birth_agrees_alone(town: Town) -> None:
    town.person("无名", born=None)
    who = town.citizen("无名")
    assert town.code(GRANT, who, p="visiting.visit", v=version(town, who)) == "PERMISSION_DENIED"


def test_a_link_counts_only_when_somebody_else_has_verified_it(town: Town) -> None:
    town.person("小马", born=born_years_ago(6))
    first, second = town.clerk("窗口甲"), town.clerk("窗口乙")
    father = town.citizen("马儿子")
    kin = town.clerk("窗口丙", person=town.people["马儿子"])
    given = {"g": town.people["马儿子"], "w": town.people["小马"]}
    assert town.code(REGISTER, first, f="no-file", **given) == "INVALID_INPUT"
    assert town.code(REGISTER, kin, f=town.upload(kin), **given) == "PERMISSION_DENIED"
    assert town.code(REGISTER, father, f=town.upload(father), **given) == "PERMISSION_DENIED"
    assert town.fetch("SELECT id FROM core_guardian_link") == []
    id = town.data(REGISTER, first, f=town.upload(first), **given)["id"]
    consent = {"p": "visiting.visit", "v": version(town, father), "w": town.people["小马"]}
    assert town.code(GRANT, father, **consent) == "PERMISSION_DENIED"
    assert town.code(VERIFY, first, id=id) == "PERMISSION_DENIED"
    assert town.code(VERIFY, kin, id=id) == "PERMISSION_DENIED"
    assert town.code(REGISTER, second, f=town.upload(second), **given) == "CONFLICT"
    town.data(VERIFY, second, id=id)
    [link] = town.data(LINKS, father)["myGuardianLinks"]["wards"]
    ends = birthday(born_years_ago(6), 18).isoformat()
    assert link == {"otherName": "小马", "state": "verified", "until": ends}
    town.data(GRANT, father, **consent)
    town.data(REVOKE_LINK, second, id=id, r="监护权变更")
    assert town.code(GRANT, father, **consent) == "PERMISSION_DENIED"
    # The same link again: entered by one, verified by another.
    assert town.data(REGISTER, second, f=town.upload(second), **given)["id"] == id
    assert town.code(VERIFY, second, id=id) == "PERMISSION_DENIED"
    town.data(VERIFY, first, id=id)


def test_a_job_that_touches_a_link_makes_nobody_the_second_pair_of_eyes(town: Town) -> None:
    child = town.person("小马", born=None)
    first, second = town.clerk("窗口甲"), town.clerk("窗口乙")
    id = town.data(REGISTER, first, g=town.people["马儿子"], w=child, f=town.upload(first))["id"]
    born = "mutation($id: ID!, $d: Date!) { updateCorePerson(id: $id, version: 1, patch: {birthDate: $d}) { version } }"
    town.data(born, second, id=child, d=born_years_ago(6).isoformat())
    assert town.run(town.host.privacy.end_proxies, Actor(id="system", kind="system")) == 1
    lying = "SELECT state, version, updated_by FROM core_guardian_link"
    assert town.fetch(lying) == [("pending", 2, "system")]
    assert town.code(VERIFY, first, id=id) == "PERMISSION_DENIED"
    assert town.code(VERIFY, dataclasses.replace(first, id="another account"), id=id) == "PERMISSION_DENIED"
    assert town.fetch(lying) == [("pending", 2, "system")]
    town.data(VERIFY, second, id=id)


@pytest.mark.parametrize(("days", "stands"), [(-1, True), (0, False)])
def test_guardianship_of_a_minor_ends_on_the_eighteenth_birthday(town: Town, days: int, stands: bool) -> None:
    town.person("小马", born=born_years_ago(18, days))
    verified = datetime.now(UTC) - timedelta(days=4000)
    ids = {"guardian_id": town.people["马儿子"], "ward_id": town.people["小马"]}
    town.insert("core.guardian_link", **ids, relation="parent", state="verified", verified_at=verified)
    town.run(town.host.privacy.end_proxies, Actor(id="system", kind="system"))
    is_guardian = town.run(town.host.privacy.people.is_guardian, town.people["马儿子"], town.people["小马"])
    assert is_guardian is stands


def test_the_audit_names_both_whom_a_delegation_concerns(town: Town) -> None:
    id = delegated(town)
    town.data(REVOKE, town.citizen("马大妈"), id=id)
    found = town.fetch(
        "SELECT a.action, CAST(s.person AS text) FROM tb_audit a JOIN tb_audit_subject s ON s.lane = a.lane AND "
        "s.number = a.number WHERE a.entity = 'core.delegation' ORDER BY a.at, a.number"
    )
    both = sorted([town.people["马大妈"], town.people["马儿子"]])
    assert sorted(found) == [("create", person) for person in both] + [("update", person) for person in both]
    # He sees what others did about it; what she did herself is left out for her.
    looks = "{ whoLookedAtMyData { action entityTitle } }"
    seen = {"action": "登记", "entityTitle": "代办委托"}
    assert seen in town.data(looks, town.citizen("马儿子"))["whoLookedAtMyData"]
