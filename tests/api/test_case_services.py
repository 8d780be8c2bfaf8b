"""The guide of services through the API: lists, search, guide, form, pre-check, drafts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.api.case_town import Hall, hall

REPAIR = "works.repair"
LIMIT = "承诺3个工作日内办结（法定20个工作日，行政许可法第四十二条）"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def codes(page: Any) -> list[str]:
    return [node["code"] for node in page["nodes"]]


def offered(town: Hall) -> list[str]:
    return sorted(f"works.{id}" for id in town.office.host.generation.world.plugins["works"].services)


def test_everybody_reads_what_is_offered_a_page_at_a_time(town: Hall) -> None:
    all_of_them = offered(town)
    place = all_of_them.index(REPAIR)
    page = town.data("services", plugin="works", first=place)
    assert (codes(page), page["total"], page["hasNextPage"]) == (all_of_them[:place], len(all_of_them), True)
    rest = town.data("services", plugin="works", after=page["endCursor"])
    assert (codes(rest), rest["total"], rest["hasNextPage"]) == (all_of_them[place:], len(all_of_them), False)
    assert rest["nodes"][0] == {
        "code": REPAIR, "version": 1, "title": "市政设施报修", "summary": "报修市政设施", "department": "县市政局",
        "plugin": "works", "topics": ["市政", "住房"], "audience": ["person"], "channels": ["app", "window"],
        "projectType": "承诺件", "limit": LIMIT, "fee": "不收费", "onSiteTimes": 0, "realName": 2, "isOpen": True,
    }  # fmt: skip


def test_a_page_of_nothing_or_of_everything_is_refused(town: Hall) -> None:
    for first in (0, 101):
        assert town.problems("services", first=first) == [(["first"], "page.first")]
        assert town.problems("search_services", text="报修", first=first) == [(["first"], "page.first")]


def test_items_are_chosen_by_topic_and_audience(town: Hall) -> None:
    assert codes(town.data("services", topic="住房")) == [REPAIR]
    assert codes(town.data("services", audience="legal", plugin="works")) == []
    assert codes(town.data("services", plugin="none")) == []
    assert {"name": "住房", "count": 1} in town.data("service_topics")


@pytest.mark.parametrize("text", ["报修市政", "路灯不亮", "szss", "市正设施"])
def test_items_are_searched_without_a_login(town: Hall, text: str) -> None:
    assert town.data("search_services", text=text)[0]["code"] == REPAIR


def test_search_answers_nothing_to_nothing(town: Hall) -> None:
    assert town.data("search_services", text="") == []
    assert town.data("search_services", text="护照") == []


def test_the_guide_says_it_in_plain_words(town: Hall) -> None:
    guide = town.data("service_guide", service=REPAIR)
    assert guide["limit"] == LIMIT
    assert (guide["fee"], guide["onSite"], guide["audience"], guide["realName"]) == (
        "不收费", "不用到现场", "个人", "核验身份证件",
    )  # fmt: skip
    assert guide["conditions"] == ["树木请找园林部门"]
    assert guide["materials"] == [
        {
            "id": "paper", "title": "房产证明", "need": "可以不交", "source": "政府部门核发", "note": "1份，复印件",
            "field": "",
        }
    ]  # fmt: skip
    assert guide["places"] == [
        {"title": "办理地点", "text": "政务大厅 3 号窗口"}, {"title": "办理时间", "text": "工作日 08:30–18:00"},
    ]  # fmt: skip
    assert guide["faq"] == [{"question": "多久来修？", "answer": "三个工作日内"}]
    assert (guide["elements"]["promise_day"], guide["elements"]["promise_type"]) == (3, "工作日")


def test_what_is_not_offered_has_no_guide_and_no_form(town: Hall) -> None:
    for operation in ("service_guide", "service_form"):
        assert town.error(operation, service="works.none") == ("NOT_FOUND", "没有这个事项，或者现在不受理")


def test_the_form_has_one_schema_for_both_sides(town: Hall) -> None:
    form = town.data("service_form", service=REPAIR)
    assert (form["service"], form["version"], form["title"], form["consents"]) == (REPAIR, 1, "上报", [])
    assert form["schema"]["required"] == ["kind"]
    assert list(form["schema"]["properties"]) == ["kind", "note", "grid", "unit", "at"]
    assert form["ui"]["groups"] == [{"title": "内容", "fields": ["kind", "note", "grid", "unit", "at"]}]
    assert form["prefill"] == []


def test_the_pre_check_tells_every_reason_known_by_now(town: Hall) -> None:
    assert town.data("check_eligibility", "马大妈", service=REPAIR) == {"isEligible": True, "reasons": []}
    found = town.data("check_eligibility", "马大妈", service=REPAIR, values={"kind": "tree"}, channel="web")
    assert [reason["id"] for reason in found["reasons"]] == ["apply.channel", "apply.precondition"]
    assert found["reasons"][1] == {"id": "apply.precondition", "message": "树木请找园林部门", "hint": ""}
    assert town.error("check_eligibility", service=REPAIR)[0] == "NOT_AUTHENTICATED"
    assert town.problems("check_eligibility", "马大妈", service=REPAIR, values=[1]) == [(["values"], "form.type")]


def test_nobody_asks_the_registers_about_whom_he_does_not_see(town: Hall) -> None:
    """The crew cannot read persons: neither a real one nor an invented one tells it anything."""
    for person in (town.office["王大爷"].person, "00000000-0000-0000-0000-000000000007", "x"):
        answer = town.error("check_eligibility", "甲", service=REPAIR, channel="window", applicant=person)
        assert answer == ("NOT_FOUND", "找不到这个人")
    reader = replace(town.office["派遣员"], roles=frozenset({"anonymous", "window_clerk"}))
    town.office.people["窗口"] = reader
    seen = {"service": REPAIR, "channel": "window", "applicant": town.office["王大爷"].person}
    assert town.data("check_eligibility", "窗口", **seen) == {"isEligible": True, "reasons": []}


def test_drafts_are_the_account_s_own(town: Hall) -> None:
    draft = town.data("save_draft", "马大妈", service=REPAIR, values={"note": "半句"})
    assert town.data("my_drafts", "马大妈") == [draft]
    assert town.data("my_drafts", "王大爷") == []
    changed = town.data("save_draft", "马大妈", service=REPAIR, values={"note": "一句"}, id=draft["id"])
    assert (changed["id"], changed["values"]) == (draft["id"], {"note": "一句"})
    assert town.data("my_drafts", "马大妈", service="works.auto") == []
    gone = ("NOT_FOUND", "没有这份草稿")
    assert town.error("save_draft", "王大爷", service=REPAIR, values={}, id=draft["id"]) == gone
    assert town.error("delete_draft", "王大爷", id=draft["id"]) == gone
    assert town.data("my_drafts", "马大妈") == [changed]
    assert town.data("delete_draft", "马大妈", id=draft["id"]) == draft["id"]
    assert town.error("delete_draft", "马大妈", id=draft["id"]) == gone
    assert town.count("tb_draft") == [0]


def test_who_is_nobody_keeps_nothing(town: Hall) -> None:
    for operation, values in (("save_draft", {"service": REPAIR, "values": {}}), ("delete_draft", {"id": "x"})):
        assert town.error(operation, **values)[0] == "NOT_AUTHENTICATED"
    assert town.error("my_drafts")[0] == "NOT_AUTHENTICATED"
    assert town.problems("save_draft", "马大妈", service=REPAIR, values="x") == [(["values"], "form.type")]
    assert town.count("tb_draft") == [0]


def test_what_is_off_in_a_division_is_not_offered_there(town: Hall) -> None:
    registry, place = town.office.host.registry, "640522100000"
    town.run(registry.set_state, "works", "off", place)
    assert codes(town.data("services", division=place, plugin="works")) == []
    assert codes(town.data("services", plugin="works")) == offered(town)
    town.run(registry.set_state, "works", "draining", place)
    nodes = town.data("services", division=place, plugin="works")["nodes"]
    assert [node["isOpen"] for node in nodes] == [False] * len(offered(town))
    closed = town.data("check_eligibility", "马大妈", service=REPAIR, division=place)
    assert [reason["id"] for reason in closed["reasons"]] == ["apply.closed"]
    town.run(registry.set_state, "works", "on", place)
    assert town.data("service_guide", service=REPAIR, division=place)["item"]["isOpen"] is True
