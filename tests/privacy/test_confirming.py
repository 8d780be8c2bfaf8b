"""A delegation at a counter, confirmed by a code on the principal's phone: good for its terms, its clerk, and once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from tongban_sdk import Actor

from tests.privacy.conftest import Town
from tests.privacy.test_proxies import MINE, terms

REQUEST = """mutation($i: DelegationInput!, $p: ID!, $a: ID!) {
  sent: requestDelegationCode(input: $i, principal: $p, agent: $a) { validS }
}"""
GRANT = """mutation($i: DelegationInput!, $p: ID!, $a: ID!, $c: String) {
  id: grantDelegationAtCounter(input: $i, principal: $p, agent: $a, code: $c)
}"""
LOG_IN = "mutation($p: String!, $c: String!) { loginWithCode(phone: $p, code: $c) { accessToken } }"
PHONE = "13800000001"


def texts(town: Town) -> list[dict[str, str]]:
    path = town.host.settings.data_dir / "outbox" / "sms.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def given(town: Town, **changes: Any) -> dict[str, Any]:
    return {"i": terms(**changes), "p": town.people["马大妈"], "a": town.people["马儿子"]}


def code_for(town: Town, clerk: Actor, asked: dict[str, Any]) -> str:
    assert town.data(REQUEST, clerk, **asked) == {"sent": {"validS": 300}}
    return texts(town)[-1]["code"]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_the_code_on_her_phone_stands_for_her_signature(town: Town) -> None:
    clerk, asked = town.clerk("窗口甲"), given(town)
    code = code_for(town, clerk, asked)
    [text] = texts(town)
    assert {name: text[name] for name in ("phone", "template", "agent", "apps", "until")} == {
        "phone": PHONE, "template": "delegation_code", "agent": "马儿子", "apps": "走访",
        "until": (datetime.fromisoformat(asked["i"]["until"]) + timedelta(hours=8)).date().isoformat(),
    }  # fmt: skip
    id = town.data(GRANT, clerk, c=code, **asked)["id"]
    [mine] = town.data(MINE, town.citizen("马大妈"))["myDelegations"]["given"]
    assert (mine["id"], mine["state"], mine["atCounter"]) == (id, "active", True)
    assert town.fetch("SELECT proof_text, proof FROM core_delegation") == [("委托人手机 138****0001 短信确认", None)]
    assert town.fetch("SELECT action, actor, result FROM tb_audit WHERE action LIKE '%delegation%'") == [
        ("request_delegation_code", clerk.id, "ok")
    ]
    assert town.code(GRANT, clerk, c=code, **asked) == "INVALID_INPUT"
    assert town.fetch("SELECT count(*) FROM core_delegation") == [(1,)]


def test_who_hears_it_cannot_log_in_with_it_and_a_code_to_log_in_confirms_nothing(town: Town) -> None:
    clerk, asked = town.clerk("窗口甲"), given(town)
    code = code_for(town, clerk, asked)
    assert town.code(LOG_IN, None, p=PHONE, c=code) == "LOGIN_FAILED"
    assert town.fetch("SELECT id FROM tb_account") == []
    town.data("mutation($p: String!) { requestLoginCode(phone: $p) { validS } }", p="13800000002")
    asked = {**asked, "p": town.people["马儿子"], "a": town.people["马大妈"]}
    assert texts(town)[-1]["template"] == "login_code"
    assert town.code(GRANT, clerk, c=texts(town)[-1]["code"], **asked) == "INVALID_INPUT"
    assert town.fetch("SELECT id FROM core_delegation") == []


def test_it_is_good_for_its_terms_and_its_clerk_only(town: Town) -> None:
    clerk, asked = town.clerk("窗口甲"), given(town)
    other = town.clerk("窗口乙")
    town.person("王五", phone="13800000005")
    code = code_for(town, clerk, asked)
    for actor, changed in (
        (other, asked),
        (clerk, {**asked, "a": town.people["王五"]}),
        (clerk, {**asked, "i": {**asked["i"], "kind": "AUTHORIZED"}}),
        (clerk, {**asked, "i": {**asked["i"], "scopes": ["visiting", "core"]}}),
    ):
        assert town.code(GRANT, actor, c=code, **changed) == "INVALID_INPUT"
    assert town.fetch("SELECT id FROM core_delegation") == []
    assert town.fetch("SELECT tries FROM tb_code") == [(4,)]
    assert town.data(GRANT, clerk, c=code, **asked)["id"]


def test_five_tries(town: Town) -> None:
    clerk, asked = town.clerk("窗口甲"), given(town)
    code = code_for(town, clerk, asked)
    for guess in [wrong(code)] * 5 + [code]:
        assert town.code(GRANT, clerk, c=guess, **asked) == "INVALID_INPUT"
    assert town.fetch("SELECT tries FROM tb_code") == [(5,)]
    assert town.fetch("SELECT id FROM core_delegation") == []


def test_what_would_be_refused_costs_no_code(town: Town) -> None:
    clerk, asked = town.clerk("窗口甲"), given(town)
    code = code_for(town, clerk, asked)
    assert town.code(GRANT, clerk, c=code, **given(town, scopes=["nothing"])) == "INVALID_INPUT"
    assert town.code(GRANT, clerk, c=code, **given(town, proof="no-file")) == "INVALID_INPUT"
    assert town.fetch("SELECT tries FROM tb_code") == [(0,)]
    assert town.code(REQUEST, clerk, **given(town, until="2020-01-01T00:00:00Z")) == "INVALID_INPUT"
    assert town.code(REQUEST, town.citizen("马大妈"), **asked) == "PERMISSION_DENIED"
    assert len(texts(town)) == 1


@pytest.mark.parametrize("whose", ["agent", "clerk", "work", "none"])
def test_a_phone_that_is_not_hers_alone_confirms_nothing(town: Town, whose: str) -> None:
    clerk = town.clerk("窗口甲", person=town.person("窗口甲", phone="13800000006"))
    number = {"agent": "13800000002", "clerk": "13800000006", "work": "13800000007", "none": None}[whose]
    town.person("李大爷", phone=number)
    if whose == "work":
        entity = town.host.generation.world.entities["core.staff"]
        system = Actor(id="boss", kind="system", roles=frozenset({"system_admin"}))
        town.run(town.host.generation.writer.update, system, entity, clerk.staff, 1, {"phone": number})
    asked = {**given(town), "p": town.people["李大爷"]}
    assert town.code(REQUEST, clerk, **asked) == ("INVALID_INPUT" if whose == "none" else "PERMISSION_DENIED")
    assert town.code(GRANT, clerk, c="123456", **asked) == ("INVALID_INPUT" if whose == "none" else "PERMISSION_DENIED")
    assert texts(town) == []
    assert town.fetch("SELECT id FROM tb_code") == []
    assert town.fetch("SELECT id FROM core_delegation") == []


def test_nobody_confirms_by_a_number_he_has_entered_himself(town: Town) -> None:
    clerk, other, asked = town.clerk("窗口甲"), town.clerk("窗口乙"), given(town)
    entity = town.host.generation.world.entities["core.person"]
    writing = Actor(id=clerk.id, kind="staff", roles=frozenset({"community_worker"}), division=clerk.division)
    town.run(town.host.generation.writer.update, writing, entity, town.people["马大妈"], 1, {"phone": "13800000009"})
    # What he changes besides does not make the number anybody else's.
    town.run(town.host.generation.writer.update, writing, entity, town.people["马大妈"], 2, {"name": "马大妈妈"})
    assert town.code(REQUEST, clerk, **asked) == "PERMISSION_DENIED"
    assert texts(town) == []
    assert code_for(town, other, asked)
    assert texts(town)[-1]["phone"] == "13800000009"
