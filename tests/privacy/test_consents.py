"""Consent through the API: what there is to agree to, who may, and that withdrawing stops reads at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.privacy.conftest import Town, opened
from tests.privacy.folders import VISIT

MINE = """query($ward: ID) { myConsents(ward: $ward) {
  purpose title text textVersion basis retention state canWithdraw note fields { title level }
} }"""
GRANT = """mutation($p: String!, $v: String!, $w: ID) {
  grantConsent(purpose: $p, textVersion: $v, ward: $w) { state guardian }
}"""
WITHDRAW = "mutation($p: String!, $w: ID) { withdrawConsent(purpose: $p, ward: $w) { state } }"
VISITS = "{ visitingVisits { nodes { feeling phone } } }"


def version(town: Town, actor: object, purpose: str = "visiting.visit") -> str:
    found = {c["purpose"]: c for c in town.data(MINE, actor)["myConsents"]}  # type: ignore[arg-type]
    return str(found[purpose]["textVersion"])


def test_every_purpose_is_shown_with_its_basis(town: Town) -> None:
    found = {c["purpose"]: c for c in town.data(MINE, town.citizen("马大妈"))["myConsents"]}
    visit, duty = found["visiting.visit"], found["visiting.duty"]
    assert {"core.population", "visiting.visit", "visiting.duty", "visiting.order"} <= found.keys()
    assert (visit["basis"], visit["retention"], visit["state"], visit["canWithdraw"]) == (
        "CONSENT",
        "2年",
        "NONE",
        False,
    )
    assert visit["text"] == "为了上门看望您，我们记下您的近况"
    assert [(f["title"], f["level"]) for f in visit["fields"]] == [
        ("近况", "L3"),
        ("病情", "L4"),
        ("称呼", "L3"),
        ("照片", "L3"),
    ]
    assert (duty["basis"], duty["state"], duty["canWithdraw"]) == ("LEGAL_DUTY", "NOT_NEEDED", False)
    assert "法定职责" in duty["note"]


def test_granting_opens_and_withdrawing_closes_dependent_reads_at_once(town: Town) -> None:
    her = town.citizen("马大妈")
    town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼", phone="13800000001")
    closed = {"visitingVisits": {"nodes": [{"feeling": None, "phone": "13800000001"}]}}
    assert town.data(VISITS, town.visitor) == closed
    assert town.data(GRANT, her, p="visiting.visit", v=version(town, her))["grantConsent"]["state"] == "GRANTED"
    assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
    assert town.data(WITHDRAW, her, p="visiting.visit") == {"withdrawConsent": {"state": "WITHDRAWN"}}
    assert town.data(VISITS, town.visitor) == closed
    # She herself still sees what is kept about her.
    assert town.data(VISITS, her)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"


def test_the_ledger_only_grows_and_shows_forged_rows(town: Town) -> None:
    her = town.citizen("马大妈")
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    town.data(WITHDRAW, her, p="visiting.visit")
    town.data(WITHDRAW, her, p="visiting.visit")
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    assert [a for (a,) in town.fetch("SELECT action FROM tb_consent ORDER BY at, id")] == ["grant", "withdraw", "grant"]
    assert town.run(town.host.privacy.ledger.forged) == []
    [(id,)] = town.fetch("SELECT id FROM tb_consent WHERE action = 'withdraw'")

    async def forge() -> None:
        async with town.host.database.transaction() as tx:
            await tx.execute("UPDATE tb_consent SET action = 'grant' WHERE action = 'withdraw'")

    town.run(forge)
    assert town.run(town.host.privacy.ledger.forged) == [str(id)]


def test_a_row_whose_key_is_gone_is_not_proven(town: Town) -> None:
    her = town.citizen("马大妈")
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    town.data(WITHDRAW, her, p="visiting.visit")
    [(id, mac)] = town.fetch("SELECT id, mac FROM tb_consent WHERE action = 'withdraw'")

    async def lose() -> None:
        key, _, rest = mac.partition(".")
        async with town.host.database.transaction() as tx:
            await tx.execute(f"UPDATE tb_consent SET mac = '{key}gone.{rest}' WHERE action = 'withdraw'")

    town.run(lose)
    assert town.run(town.host.privacy.ledger.forged) == [str(id)]


def test_refusals_leave_nothing(town: Town) -> None:
    her, son = town.citizen("马大妈"), town.citizen("马儿子")
    right = version(town, her)
    delegate = dataclasses.replace(
        son,
        person=town.people["马大妈"],
        agent=town.people["马儿子"],
        delegation="d",
        scopes=("visiting",),
        roles=frozenset({"anonymous", "delegate"}),
    )
    assert town.code(GRANT, her, p="visiting.visit", v="0" * 32) == "CONFLICT"
    assert town.code(GRANT, her, p="visiting.nothing", v=right) == "NOT_FOUND"
    assert town.code(GRANT, her, p="visiting.duty", v=version(town, her, "visiting.duty")) == "INVALID_INPUT"
    assert town.code(WITHDRAW, her, p="visiting.duty") == "INVALID_INPUT"
    assert town.code(WITHDRAW, her, p="visiting.visit") == "NOT_FOUND"
    assert town.code(GRANT, None, p="visiting.visit", v=right) == "NOT_AUTHENTICATED"
    assert town.code(GRANT, delegate, p="visiting.visit", v=right) == "PERMISSION_DENIED"
    assert town.code(GRANT, son, p="visiting.visit", v=right, w=town.people["马大妈"]) == "PERMISSION_DENIED"
    assert town.code(MINE, son, ward=town.people["马大妈"]) == "PERMISSION_DENIED"
    assert town.fetch("SELECT id FROM tb_consent") == []


def test_changed_words_need_a_new_consent(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_place, tmp_path, monkeypatch) as town:
        her = town.citizen(town.named("马大妈"))
        town.create("visiting.visit", person=town.people["马大妈"], feeling="腿疼")
        town.data(GRANT, her, p="visiting.visit", v=version(town, her))
        old = version(town, her)
        assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
    more = VISIT + "  debts: {type: text, title: 欠债, level: L3, purpose: visit}\n"
    with opened(database_place, tmp_path, monkeypatch, visit=more) as town:
        town.named("马大妈")
        assert version(town, her) != old
        [mine] = [c for c in town.data(MINE, her)["myConsents"] if c["purpose"] == "visiting.visit"]
        assert (mine["state"], mine["canWithdraw"]) == ("OUTDATED", True)
        assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] is None
        assert town.code(GRANT, her, p="visiting.visit", v=old) == "CONFLICT"
        town.data(GRANT, her, p="visiting.visit", v=version(town, her))
        assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
