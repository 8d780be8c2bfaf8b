"""Messages through the API: one's own, how one wants to be told, who was told what about a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.messages import Recipient
from tests.api.case_town import Hall, hall
from tests.api.servers import ADMIN
from tests.messages.conftest import DONE

URGENT = replace(DONE, is_urgent=True)
NOBODY = "01890000-0000-7000-8000-00000000dead"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        # Turned by hand here.
        found.run(found.office.host.messages.delivering.loop.stop)
        yield found


@pytest.fixture
def case(town: Hall) -> str:
    """The number of a case whose applicant was told three things."""
    number = town.run(town.office.report).number
    town.run(tell, town, number, Recipient(person=town.office["马大妈"].person), 3)
    return number


async def tell(town: Hall, number: str, to: Recipient, count: int = 1) -> None:
    host = town.office.host
    for turn in range(count):
        async with host.database.transaction() as tx:
            await host.messages.send_in(tx, URGENT, [to], {"case_no": number, "state": str(turn)}, number)


def test_one_reads_one_s_own_page_by_page(town: Hall, case: str) -> None:
    page = town.data("my_messages", "马大妈", first=2)
    assert [node["text"] for node in page["nodes"]] == [f"您的—（{case}）2，期限—", f"您的—（{case}）1，期限—"]
    assert (page["nodes"][0]["caseNumber"], page["nodes"][0]["plugin"], page["unread"]) == (case, "works", 3)
    rest = town.data("my_messages", "马大妈", first=2, after=page["endCursor"])
    assert ([node["text"] for node in rest["nodes"]], rest["hasNextPage"]) == ([f"您的—（{case}）0，期限—"], False)
    ids = [node["id"] for node in page["nodes"]]
    assert town.data("mark_messages_read", "王大爷", ids=ids) == 0
    assert town.data("my_messages", "王大爷")["nodes"] == []
    assert town.data("mark_messages_read", "马大妈", ids=[*ids, NOBODY, "x"]) == 1
    unread = town.data("my_messages", "马大妈", onlyUnread=True)
    assert [node["id"] for node in unread["nodes"]] == [rest["nodes"][0]["id"]]
    assert town.data("mark_messages_read", "马大妈", ids=[rest["nodes"][0]["id"]]) == 0
    assert town.error("my_messages")[0] == "NOT_AUTHENTICATED"
    assert town.error("my_messages", "马大妈", after="x")[0] == "NOT_FOUND"
    assert town.problems("my_messages", "马大妈", first=0) == [(["first"], "page.first")]


def test_a_delegate_reads_within_the_scopes_and_signs_for_nothing(town: Hall, case: str) -> None:
    ma, office = town.office["马大妈"], town.office
    office.people["代办人"] = replace(ma, id="acc-agent", agent=office["王大爷"].person, scopes=("works",))
    office.people["别的代办人"] = replace(office["代办人"], scopes=("community",))
    found = town.data("my_messages", "代办人", first=3)
    assert [node["caseNumber"] for node in found["nodes"]] == [case] * 3
    assert town.data("my_messages", "别的代办人")["nodes"] == []
    ids = [node["id"] for node in found["nodes"]]
    assert town.error("mark_messages_read", "代办人", ids=ids) == ("PERMISSION_DENIED", "代办人不能替本人签收消息")
    wishes = {"off": ["SMS"]}
    assert town.error("set_message_preferences", "代办人", input=wishes) == (
        "PERMISSION_DENIED",
        "代办人不能替本人设置",
    )
    assert town.data("my_messages", "马大妈", first=3)["nodes"] == found["nodes"]
    assert town.count("tb_message_preference") == [0]


def test_a_company_s_messages_are_the_company_s(town: Hall) -> None:
    ma, company = town.office["马大妈"], "01890000-0000-7000-8000-0000000000c0"
    town.office.people["法人"] = replace(ma, id="acc-legal", legal_entity=company)
    town.run(tell, town, "WKC", Recipient(person=ma.person, legal_entity=company))
    assert [node["caseNumber"] for node in town.data("my_messages", "法人")["nodes"]] == ["WKC"]
    assert "WKC" not in [node["caseNumber"] for node in town.data("my_messages", "马大妈", first=100)["nodes"]]


def test_wishes_are_kept_or_refused_as_a_whole(town: Hall) -> None:
    usual = {"off": [], "isPhoneFirst": False, "quietFrom": "22:00", "quietTo": "07:00"}
    assert town.data("message_preferences", "王大爷") == usual
    refused = {"off": ["SMS"], "quietFrom": "25:00", "quietTo": "7"}
    assert town.problems("set_message_preferences", "王大爷", input=refused) == [
        (["quietFrom"], "message.quiet"), (["quietTo"], "message.quiet"),
    ]  # fmt: skip
    assert town.data("message_preferences", "王大爷") == usual
    wanted = {"off": ["PHONE", "SMS"], "isPhoneFirst": True, "quietFrom": "21:30", "quietTo": "06:00"}
    assert town.data("set_message_preferences", "王大爷", input=wanted) == wanted
    assert town.data("set_message_preferences", "王大爷", input={**wanted, "off": []}) == {**wanted, "off": []}
    assert town.data("message_preferences", "王大爷") == {**wanted, "off": []}
    assert town.data("message_preferences", "马大妈") == usual
    assert town.error("message_preferences", "派遣员")[0] == "PERMISSION_DENIED"
    assert town.error("message_preferences")[0] == "NOT_AUTHENTICATED"


def test_staff_see_who_was_told_and_send_again(town: Hall, case: str) -> None:
    town.run(town.office.host.messages.delivering.run_all)
    [first, *_] = town.data("case_messages", "派遣员", number=case)
    assert (first["to"], first["isStaff"], first["mustReach"], first["reachedAt"]) == ("马**", False, False, None)
    assert [(d["channel"], d["status"], d["error"]) for d in first["deliveries"]] == [
        ("inbox", "sent", None), ("sms", "dead", "no-address"),
    ]  # fmt: skip
    again = town.data("resend_message", "派遣员", id=first["id"])
    assert [d["status"] for d in again["deliveries"]] == ["sent", "dead", "waiting"]
    assert town.error("resend_message", "派遣员", id=first["id"]) == ("CONFLICT", "这条消息正在发送")
    assert town.data("mark_messages_read", "马大妈", ids=[first["id"]]) >= 0
    assert town.error("resend_message", "派遣员", id=first["id"]) == ("CONFLICT", "对方已经收到这条消息，不用重发")
    assert town.run(town.office.count, "tb_delivery WHERE status = 'waiting'") == [1]


def test_whose_case_it_is_not_learns_nothing(town: Hall, case: str) -> None:
    [first, *_] = town.data("case_messages", "派遣员", number=case)
    assert town.error("case_messages", "马大妈", number=case)[0] == "PERMISSION_DENIED"
    assert town.error("case_messages", "丙", number=case) == ("NOT_FOUND", "找不到这件办件")
    assert town.error("resend_message", "丙", id=first["id"]) == ("NOT_FOUND", "没有这条消息")
    assert town.error("resend_message", "派遣员", id=NOBODY) == ("NOT_FOUND", "没有这条消息")
    assert town.error("resend_message", "派遣员", id="x") == ("NOT_FOUND", "没有这条消息")
    assert town.data("case_messages", "派遣员", number=case)[0] == first


def test_operators_see_what_failed(town: Hall, case: str) -> None:
    town.office.people["系统管理员"] = ADMIN
    town.run(town.office.host.messages.delivering.run_all)
    found = town.data("undelivered_messages", "系统管理员", first=100)
    assert [(f["template"], f["channel"], f["error"]) for f in found if f["caseNumber"] == case] == [
        ("works.done", "sms", "no-address")
    ] * 3
    assert len(town.data("undelivered_messages", "系统管理员", first=2)) == 2
    assert town.error("undelivered_messages", "派遣员")[0] == "PERMISSION_DENIED"
