"""Ratings through the API: one's own, everybody's in crowds, and who may say that one was malicious."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from core.fields.times import utc_now
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.rating_tables import RATING
from tests.api.case_town import Hall, hall

NO_CASE = ("NOT_FOUND", "找不到这件办件")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        found.run(found.office.member, "话务员", "hotline_agent", unit="12345中心")
        yield found


def closed(town: Hall) -> str:
    filed = town.data("submit_case", "马大妈", service="works.repair", values={"kind": "cover", "note": "井盖碎了"})
    number = filed["number"]
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("派遣员", "assign", {}), ("甲", "finish", {"result": "换了新盖"}), ("负责人", "pass", {}),
    )  # fmt: skip
    for who, action, values in steps:
        version = town.data("case", who, number=number)["version"]
        town.data("act_on_case", who, number=number, action=action, version=version, values=values)
    return str(number)


def test_a_citizen_rates_and_the_unit_puts_it_right(town: Hall) -> None:
    number = closed(town)
    offered = town.data("case_rating", "马大妈", number=number)
    assert [tag["title"] for tag in offered["choices"]] == ["办事效率", "指南精确度", "便捷度", "平台操作"]
    assert (offered["stars"], offered["level"], offered["isMalicious"]) == (None, "", False)
    done = town.data("rate_case", "马大妈", number=number, stars=2, tags=["speed"], comment="来得太慢")
    assert (done["stars"], done["level"], done["comment"]) == (2, "不满意", "来得太慢")
    assert done["openedRectification"] is True
    assert town.error("rate_case", "马大妈", number=number, stars=5) == ("CONFLICT", "这件办件已经评价过")
    assert town.data("follow_up_rating", "马大妈", number=number, text="还没有修好")["followUp"] == "还没有修好"
    # Who did the case finds what to put right, and neither the person, nor her words, nor her case.
    (task,) = [t for t in town.data("inbox", "乙", box="TODO")["nodes"] if t["service"] == "core.rectification"]
    page = town.data("case", "乙", number=task["case"])
    values = {value["field"]: value["value"] for value in page["values"]}
    assert page["dueAt"] is not None
    for secret in (number, "来得太慢", "马大妈", town.office["马大妈"].person, town.office["马大妈"].id):
        assert str(secret) not in str(page), secret
    town.data("claim_tasks", "乙", ids=[task["id"]])
    page = town.data("case", "乙", number=task["case"])
    values = {value["field"]: value["value"] for value in page["values"]}
    assert (values["item"], values["stars"]) == ("市政设施报修", 2)
    for secret in (number, "来得太慢", "马大妈", town.office["马大妈"].person, town.office["马大妈"].id):
        assert str(secret) not in str(page), secret
    assert town.data("case_rating", "乙", number=number) is None
    assert town.data("case_rating", "话务员", number=number)["comment"] == "来得太慢"
    assert town.error("mark_rating_malicious", "负责人", number=number, reason="乱评")[0] == "PERMISSION_DENIED"
    assert town.data("mark_rating_malicious", "话务员", number=number, reason="查实")["isMalicious"] is True


def test_another_s_case_is_neither_rated_nor_complained_about(town: Hall) -> None:
    number = closed(town)
    before = town.count("tb_rating", "tb_case", "core_complaint")
    for who in ("王大爷", "丙", ""):
        assert town.error("rate_case", who, number=number, stars=1) == NO_CASE
        assert town.error("case_rating", who, number=number) == NO_CASE
        assert town.error("complain_about_case", who, number=number, text="不满意") == NO_CASE
    assert town.error("rate_case", "甲", number=number, stars=5) == ("PERMISSION_DENIED", "只有申请人可以评价")
    assert town.count("tb_rating", "tb_case", "core_complaint") == before


def test_a_complaint_is_filed_from_the_case(town: Hall) -> None:
    number = closed(town)
    filed = town.data("complain_about_case", "马大妈", number=number, text="井盖又碎了，没有人管")
    assert (filed["service"], filed["title"], filed["stateTitle"]) == ("core.complaint", "办件投诉", "已收到")
    again = town.error("complain_about_case", "马大妈", number=number, text="再说一次")
    assert again == ("CONFLICT", "对这件办件的“办件投诉”正在处理")


def test_everybody_reads_ratings_in_blocks_of_five(town: Hall) -> None:
    now = utc_now()

    def row(service: str, stars: int | None, **more: Any) -> Insert:
        at = {"rated_at": now} if stars else {}
        known = {"plugin_id": "works", "channel": "app", "division": "640522000000", "offered_at": now, "number": "W"}
        values = {"id": uuid7(), "case_id": uuid7(), "closes_at": now - timedelta(minutes=1), "service": service}
        return Insert(RATING, {**values, **known, "stars": stars, **at, **more})

    order = enumerate((5, 5, 4, 3, 1, 1, 1))
    rows = [row("works.a", stars, rated_at=now + timedelta(milliseconds=nth)) for nth, stars in order]
    rows += [row("works.a", None) for _ in range(6)] + [row("works.a", None, closes_at=now + timedelta(days=1))]
    rows += [row("works.b", 1) for _ in range(4)] + [row("works.b", 5, malicious_at=now)]

    async def write() -> None:
        async with town.office.host.database.transaction() as tx:
            await tx.insert(rows)

    town.run(write)
    stats = {one["key"]: one for one in town.data("rating_stats", by="SERVICE", year=now.year)}
    # Seven ratings: the first five are told. Four of b are told to nobody.
    assert stats["works.a"] == {
        "key": "works.a", "title": "works.a", "rated": 5, "levels": [2, 1, 1, 0, 1], "satisfiedPercent": 80.0,
        "unrated": 5,
    }  # fmt: skip
    assert "works.b" not in stats
    assert town.data("rating_stats", by="SERVICE", year=2001) == []
    assert town.problems("rating_stats", by="CHANNEL", year=1) == [(["year"], "statistics.span")]
    assert sum(one["rated"] % 5 for one in town.data("rating_stats", by="CHANNEL", year=now.year)) == 0
    assert sum(one["rated"] % 5 for one in town.data("rating_stats", by="UNIT", year=now.year)) == 0
