"""The harder turns through the API: tickets of leaders, suspension, extension, withdrawal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.case_town import Hall, hall

TABLES = ("tb_case_step", "tb_supervision", "tb_case_pause", "tb_task", "tb_timer")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def timed(town: Hall) -> str:
    """A case in the hands of 派遣员."""
    filed = town.data("submit_case", "马大妈", service="works.timed", values={"kind": "lamp"})
    case = town.data("case", "派遣员", number=filed["number"])
    town.data("claim_tasks", "派遣员", ids=[case["tasks"][0]["id"]])
    return str(filed["number"])


def version(town: Hall, who: str, number: str) -> int:
    return int(town.data("case", who, number=number)["version"])


def suspend(town: Hall, number: str, **more: Any) -> Any:
    given = {"action": "suspend", "reason": "等材料", "values": {"result": "缺图纸"}, **more}
    return town.post("act_on_case", "派遣员", number=number, version=version(town, "派遣员", number), **given)


def test_a_leader_asks_why_and_is_answered(town: Hall) -> None:
    number = timed(town)
    refused = town.error("supervise_case", "派遣员", number=number, reason="为什么")
    assert refused[0] == "PERMISSION_DENIED"
    assert town.problems("supervise_case", "县领导", number=number, reason=" ") == [(["reason"], "case.reason")]
    assert town.count("tb_supervision") == [0]
    ticket = town.data("supervise_case", "县领导", number=number, reason="群众等了很久")
    assert (ticket["case"], ticket["cause"], ticket["answer"], ticket["closedAt"]) == (number, "leader", None, None)
    assert town.error("supervise_case", "值班长", number=number, reason="再问")[0] == "CONFLICT"
    assert [case["number"] for case in town.data("supervised_cases", "派遣员")] == [number]
    assert town.data("supervised_cases", "丙") == []
    assert town.error("close_supervision", "值班长", id=ticket["id"]) == ("CONFLICT", "督办单还没有答复")
    assert town.error("answer_supervision", "乙", id=ticket["id"], text="不是我") == ("NOT_FOUND", "找不到这张督办单")
    answered = town.data("answer_supervision", "派遣员", id=ticket["id"], text="明天就修")
    assert (answered["answer"], answered["answeredBy"]) == ("明天就修", "派遣员")
    closed = town.data("close_supervision", "值班长", id=ticket["id"], reason="知道了")
    assert closed["closedAt"] is not None
    assert town.data("supervised_cases", "县领导") == []
    assert town.data("case", "派遣员", number=number)["supervisions"] == [
        {name: value for name, value in closed.items() if name != "case"}
    ]
    assert town.data("case", "马大妈", number=number)["supervisions"] == []


def test_tickets_are_for_staff(town: Hall) -> None:
    number = timed(town)
    before = town.count(*TABLES)
    for who in ("马大妈", ""):
        assert town.error("supervised_cases", who)[0] == "PERMISSION_DENIED"
        assert town.error("answer_supervision", who, id="x", text="好") == ("NOT_FOUND", "找不到这张督办单")
        assert town.error("close_supervision", who, id="x") == ("NOT_FOUND", "找不到这张督办单")
    assert town.error("supervise_case", "马大妈", number=number, reason="快点")[0] == "PERMISSION_DENIED"
    assert town.error("supervise_case", "", number=number, reason="快点") == ("NOT_FOUND", "找不到这件办件")
    assert town.count(*TABLES) == before


def test_a_suspension_is_asked_for_granted_and_ended(town: Hall) -> None:
    number = timed(town)
    wrong = suspend(town, number, pause="rain")["errors"][0]["extensions"]["problems"]
    assert [(problem["path"], problem["id"]) for problem in wrong] == [(["pause"], "case.pause-reason")]
    assert town.data("case", "派遣员", number=number)["pauses"] == []
    asked = suspend(town, number, pause="material", until="2099-01-01T00:00:00Z")["data"]["actOnCase"]
    assert asked["phase"] == "open"
    (pause,) = town.data("case", "派遣员", number=number)["pauses"]
    assert pause == {
        "reason": "等待材料", "status": "asked", "beginsAt": None, "endsAt": "2099-01-01T00:00:00.000Z",
    }  # fmt: skip
    assert town.data("case", "马大妈", number=number)["pauses"] == []
    seen = version(town, "派遣员", number)
    assert town.error("decide_pause", "派遣员", number=number, agrees=True, version=seen)[0] == "PERMISSION_DENIED"
    granted = town.data("decide_pause", "负责人", number=number, agrees=True, version=seen)
    assert (granted["phase"], granted["dueAt"]) == ("paused", None)
    assert [found["status"] for found in town.data("case", "马大妈", number=number)["pauses"]] == ["running"]
    resumed = town.data("resume_case", "派遣员", number=number, reason="材料到了")
    assert (resumed["phase"], [found["status"] for found in resumed["pauses"]]) == ("open", ["ended"])
    assert resumed["dueAt"] is not None
    assert town.error("resume_case", "派遣员", number=number) == ("CONFLICT", "办件没有挂起")
    seen = version(town, "负责人", number)
    assert town.error("decide_pause", "负责人", number=number, agrees=True, version=seen)[0] == "CONFLICT"


def test_the_applicant_withdraws_once(town: Hall) -> None:
    number = timed(town)
    seen = version(town, "马大妈", number)
    gone = town.data("withdraw_case", "马大妈", number=number, version=seen, reason="已经好了", key="w-1")
    assert (gone["phase"], gone["outcome"], gone["colour"]) == ("withdrawn", "withdrawn", "NONE")
    again = town.data("withdraw_case", "马大妈", number=number, version=seen, reason="已经好了", key="w-1")
    assert again["version"] == gone["version"]
    assert town.error("withdraw_case", "马大妈", number=number, version=gone["version"])[0] == "CONFLICT"
    closed = town.data("my_cases", "马大妈", which="CLOSED")["nodes"]
    assert [case["number"] for case in closed] == [number]
    assert town.data("inbox", "派遣员", box="DOING", service="works.timed", first=100)["nodes"] != []
    assert number not in [task["case"] for task in town.data("inbox", "派遣员", box="DOING", first=100)["nodes"]]


def test_an_extension_moves_the_day(town: Hall) -> None:
    number = timed(town)
    before = town.data("case", "派遣员", number=number)["dueAt"]
    town.data(
        "act_on_case", "负责人", number=number, action="extend", version=version(town, "负责人", number), reason="雨天"
    )
    after = town.data("case", "马大妈", number=number)
    assert after["dueAt"] > before
    assert "起算5个工作日" in after["dueSentence"]
    assert (after["timeline"][-1]["title"], after["timeline"][-1]["reason"]) == ("延期", "雨天")


def test_only_parts_of_a_bundle_are_tried_anew(town: Hall) -> None:
    number = timed(town)
    seen = {"number": number, "part": "hukou", "version": version(town, "派遣员", number)}
    before = town.count("tb_case", "tb_case_step")
    assert town.error("retry_part", "", **seen) == ("NOT_FOUND", "找不到这件办件")
    assert town.error("retry_part", "马大妈", **seen)[0] == "PERMISSION_DENIED"
    refused = ("CONFLICT", "这件事不在联办，不能重新办理子办件")
    assert town.error("retry_part", "值班长", **seen, key="once") == refused
    assert town.data("case", "值班长", number=number)["failedParts"] == []
    assert town.count("tb_case", "tb_case_step") == before
