"""Consent entered at a counter, and many words about one purpose at the same moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.fields.times import utc_now
from tests.privacy.conftest import Town, opened
from tests.privacy.test_consents import GRANT, VISITS, WITHDRAW, version
from tests.privacy.test_proxies import born_years_ago

AGREE = """mutation($p: ID!, $v: String!, $f: ID!, $g: ID) {
  made: grantConsentAtCounter(person: $p, purpose: "visiting.visit", textVersion: $v, proof: $f, guardian: $g) {
    state guardian
  }
}"""
TAKE_BACK = """mutation($p: ID!, $f: ID!, $u: String! = "visiting.visit") {
  made: withdrawConsentAtCounter(person: $p, purpose: $u, proof: $f) { state }
}"""
LEDGER = "SELECT action, actor, CAST(guardian AS text), CAST(proof AS text) FROM tb_consent ORDER BY at, id"
TOLD = "SELECT action, actor, result FROM tb_audit WHERE action LIKE '%_consent%' ORDER BY at, number"


def test_a_clerk_enters_both_with_a_paper_and_reads_follow(town: Town) -> None:
    clerk, her = town.clerk("窗口甲"), town.people["马大妈"]
    town.create("visiting.visit", person=her, feeling="腿疼")
    first, second = town.upload(clerk), town.upload(clerk)
    told = version(town, town.citizen("马大妈"))
    assert town.data(AGREE, clerk, p=her, v=told, f=first)["made"] == {"state": "GRANTED", "guardian": None}
    assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
    assert town.data(TAKE_BACK, clerk, p=her, f=second)["made"] == {"state": "WITHDRAWN"}
    assert town.data(VISITS, town.visitor)["visitingVisits"]["nodes"][0]["feeling"] is None
    assert town.fetch(LEDGER) == [("grant", clerk.id, None, first), ("withdraw", clerk.id, None, second)]
    assert town.fetch(TOLD) == [("grant_consent", clerk.id, "ok"), ("withdraw_consent", clerk.id, "ok")]
    [(subject,)] = town.fetch(
        "SELECT DISTINCT CAST(s.person AS text) FROM tb_audit_subject s JOIN tb_audit a ON a.lane = s.lane "
        "AND a.number = s.number WHERE a.action LIKE '%_consent'"
    )
    assert subject == her


def test_refusals_at_the_counter_leave_nothing(town: Town) -> None:
    clerk, other, her = town.clerk("窗口甲"), town.clerk("窗口乙"), town.people["马大妈"]
    told, proof = version(town, town.citizen("马大妈")), town.upload(clerk)
    worker = town.clerk("村干部", "community_worker")
    assert town.code(AGREE, None, p=her, v=told, f=proof) == "NOT_AUTHENTICATED"
    assert town.code(AGREE, town.citizen("马儿子"), p=her, v=told, f=proof) == "PERMISSION_DENIED"
    assert town.code(AGREE, worker, p=her, v=told, f=town.upload(worker)) == "PERMISSION_DENIED"
    assert town.code(AGREE, clerk, p=her, v=told, f="no-file") == "INVALID_INPUT"
    assert town.code(AGREE, other, p=her, v=told, f=proof) == "INVALID_INPUT"
    assert town.code(AGREE, clerk, p=her, v="0" * 32, f=proof) == "CONFLICT"
    assert town.code(AGREE, clerk, p=clerk.staff, v=told, f=proof) == "NOT_FOUND"
    assert town.code(AGREE, clerk, p=her, v=told, f=proof, g=town.people["马儿子"]) == "PERMISSION_DENIED"
    assert town.code(TAKE_BACK, clerk, p=her, f=proof) == "NOT_FOUND"
    assert town.code(TAKE_BACK, clerk, p=her, f=proof, u="visiting.duty") == "INVALID_INPUT"
    assert town.fetch(LEDGER) == []
    town.data(AGREE, clerk, p=her, v=told, f=proof)
    assert town.code(TAKE_BACK, town.citizen("马儿子"), p=her, f=proof) == "PERMISSION_DENIED"
    assert town.code(TAKE_BACK, clerk, p=her, f="no-file") == "INVALID_INPUT"
    assert [action for action, *_ in town.fetch(LEDGER)] == ["grant"]


def test_a_child_agrees_at_the_counter_by_a_verified_guardian(town: Town) -> None:
    child, father, clerk = town.person("小马", born=born_years_ago(8)), town.people["马儿子"], town.clerk("窗口甲")
    told, proof = version(town, town.citizen("马大妈")), town.upload(clerk)
    assert town.code(AGREE, clerk, p=child, v=told, f=proof) == "PERMISSION_DENIED"
    assert town.code(AGREE, clerk, p=child, v=told, f=proof, g=father) == "PERMISSION_DENIED"
    assert town.fetch(LEDGER) == []
    town.insert(
        "core.guardian_link", guardian_id=father, ward_id=child, relation="parent", state="verified",
        verified_at=utc_now(),
    )  # fmt: skip
    assert town.data(AGREE, clerk, p=child, v=told, f=proof, g=father)["made"] == {
        "state": "GRANTED", "guardian": father,
    }  # fmt: skip
    assert town.fetch(LEDGER) == [("grant", clerk.id, father, proof)]


def test_many_words_at_once_have_one_order_and_the_last_one_counts(town: Town) -> None:
    her, privacy = town.citizen("马大妈"), town.host.privacy
    told = version(town, her)
    town.data(GRANT, her, p="visiting.visit", v=told)

    async def at_once() -> list[Any]:
        words = [
            privacy.consents.withdraw(her, "visiting.visit")
            if number % 2
            else privacy.consents.grant(her, "visiting.visit", told)
            for number in range(16)
        ]
        return await asyncio.gather(*words, return_exceptions=True)

    assert [one for one in town.run(at_once) if isinstance(one, BaseException)] == []
    history = town.run(privacy.ledger.history, town.people["马大妈"])
    assert len({event.at for event in history}) == len(history)
    assert town.run(privacy.ledger.forged) == []
    [state] = [s for s in town.run(privacy.consents.states, town.people["马大妈"]) if s.text.key == "visiting.visit"]
    assert state.state == {"grant": "granted", "withdraw": "withdrawn"}[history[0].action]
    assert len(town.fetch(TOLD)) == len(history)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)  # what two servers share
def test_a_withdrawal_on_one_server_closes_reads_of_the_other_at_once(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "secrets").mkdir(0o700, parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secrets").symlink_to(tmp_path / "a" / "secrets")
    with (
        opened(database_place, tmp_path / "a", monkeypatch) as one,
        opened(database_place, tmp_path / "b", monkeypatch) as two,
    ):
        one.named("马大妈")
        two.named("马大妈")
        her = one.citizen("马大妈")
        one.create("visiting.visit", person=one.people["马大妈"], feeling="腿疼")
        for _ in range(3):
            one.data(GRANT, her, p="visiting.visit", v=version(one, her))
            assert two.data(VISITS, two.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
            one.data(WITHDRAW, her, p="visiting.visit")
            # The very next read, with plans of statements long made: nothing waits for a poll.
            assert two.data(VISITS, two.visitor)["visitingVisits"]["nodes"][0]["feeling"] is None
