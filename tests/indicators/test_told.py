"""What is told to whom, on one running application: by place, by group, to nobody of too few; and what is at rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.indicators import counting
from core.indicators import indicators as room
from core.indicators.counting import Sum
from core.indicators.shown import FEW, HIDDEN, Shown, shown, shown_beside
from core.manifest.indicators import Indicator
from tests.api.case_town import Hall, hall
from tests.cases.conftest import COUNTY, ELSEWHERE, TOWN, VILLAGE
from tests.indicators.conftest import INDICATORS, Board
from tests.worlds import HERE

#: A township's own seat, in a third township.
SEAT = "640522102000"
FEBRUARY = {"from": "2026-02-01", "to": "2026-02-28"}
ON_TIME = "works.on_time"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall("sqlite", tmp_path_factory.mktemp("told"), indicators=INDICATORS) as found:
        found.run(found.office.host.indicators.loop.stop)
        found.run(_fill, found)
        yield found


async def _fill(town: Hall) -> None:
    await town.office.member("乡派遣员", "works_desk", TOWN)
    town.office.people["代办"] = replace(town.office["马大妈"], agent="01890000-0000-7000-8000-0000000000aa")
    board = Board(town.office)
    # What the loop counted when the application started is of another year.
    async with town.office.host.database.transaction() as tx:
        await tx.execute("DELETE FROM tb_indicator_period")
    await board.closed(20, "2026-02-03 10:00", is_on_time=True)
    await board.closed(4, "2026-02-03 10:00", ELSEWHERE, is_on_time=True)
    await board.closed(12, "2026-02-03 10:00", SEAT, is_on_time=False)
    await board.closed(11, "2026-03-01 10:00", is_on_time=True)
    await board.reported(12, "2026-03-08 12:00")
    await board.reported(11, "2026-03-08 12:00", "lamp")
    await board.reported(2, "2026-03-08 12:00", "tree", ELSEWHERE)
    await board.reported(9, "2026-03-10 08:00")
    await board.later("2026-03-10 09:00")


def texts(town: Hall, who: str, id: str = ON_TIME, **more: Any) -> dict[str, list[str]]:
    chart = town.data("indicator", who, id=id, **more)
    return {line["label"]: [point["text"] for point in line["points"]] for line in chart["lines"]}


def test_a_glance(town: Hall) -> None:
    found = {one["indicator"]["id"]: one for one in town.data("indicators", "派遣员", plugin="works")}
    assert list(found) == [ON_TIME, "works.reports", "works.open"]
    assert found[ON_TIME] == {
        "indicator": {
            "id": ON_TIME, "title": "按期办结率", "plugin": "works", "unit": "%", "good": "UP", "cycle": "MONTH",
            "target": 95, "alarmAt": 80, "groupBy": "service", "isPublic": True,
        },
        "division": COUNTY, "now": {"value": 100, "state": "VALUE", "text": "100.0", "size": 11},
        "before": {"value": 66.7, "state": "VALUE", "text": "66.7", "size": 36},
        "period": {"from": "2026-03-01", "to": "2026-03-31", "isRunning": True}, "trend": None,
        "alarmSince": "2026-02-01",
    }  # fmt: skip
    reports = found["works.reports"]
    assert (reports["now"], reports["before"]["text"]) == (
        {"value": None, "state": "FEW", "text": "<10", "size": None}, "0",
    )  # fmt: skip
    assert town.data("indicators", "派遣员", plugin="none") == []


def test_everybody_sees_where_he_works_and_below(town: Hall) -> None:
    assert [one["division"] for one in town.data("indicators", "乡派遣员", plugin="works")] == [TOWN] * 3
    assert texts(town, "乡派遣员", **FEBRUARY) == {"按期办结率": ["100.0"]}
    assert texts(town, "乡派遣员", division=VILLAGE, **FEBRUARY) == {"按期办结率": ["100.0"]}
    assert texts(town, "派遣员", division=ELSEWHERE, **FEBRUARY) == {"按期办结率": ["<10"]}
    for who, more in (
        ("乡派遣员", {"division": COUNTY}),
        ("乡派遣员", {"division": ELSEWHERE}),
        ("县领导", {"division": COUNTY}),
    ):
        assert town.error("indicator", who, id=ON_TIME, **more) == ("NOT_FOUND", "没有这个指标")
    for who in ("县领导", "马大妈", "代办", ""):
        assert town.error("indicator", who, id="works.open") == ("NOT_FOUND", "没有这个指标")
        assert [one["indicator"]["id"] for one in town.data("indicators", who, plugin="works")] == [
            ON_TIME,
            "works.reports",
        ]
    assert town.error("indicator", "派遣员", id="works.none")[0] == "NOT_FOUND"


def test_what_is_public_is_over_and_whole(town: Hall) -> None:
    assert texts(town, "", **FEBRUARY) == {"按期办结率": ["66.7"]}
    chart = town.data("indicator", "", id=ON_TIME)
    assert (chart["division"], chart["periods"][-1]["to"]) == (None, "2026-02-28")
    # Of the month that runs nothing is told, nor of places one by one.
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    assert texts(town, "", **march) == {"按期办结率": ["—"]}
    assert town.error("indicator", "", id=ON_TIME, division=VILLAGE)[0] == "NOT_FOUND"
    (first, *_) = town.data("indicators", plugin="works")
    assert (first["now"]["state"], first["alarmSince"]) == ("MISSING", None)


def test_four_are_not_worked_out_from_the_others(town: Hall) -> None:
    # 36 in all, 20 and 12 would leave 4.
    for who in ("派遣员", ""):
        lines = texts(town, who, groupBy="DIVISION", **FEBRUARY)
        assert sorted(text for (text,) in lines.values()) == ["100.0", "<10", "—"]
    chart = town.data("indicator", "", id=ON_TIME, groupBy="DIVISION", **FEBRUARY)
    assert [(line["key"], line["points"][0]["state"]) for line in chart["lines"]] == [
        (TOWN, "VALUE"), (SEAT, "HIDDEN"), ("640522101000", "FEW"),
    ]  # fmt: skip
    assert texts(town, "派遣员", division=VILLAGE, groupBy="DIVISION", **FEBRUARY) == {}


def test_groups_have_their_names_and_zero_is_a_number(town: Hall) -> None:
    days = {"from": "2026-03-07", "to": "2026-03-10"}
    assert texts(town, "派遣员", "works.reports", groupBy="GROUP", **days) == {
        "井盖": ["—", "12", "0", "<10"], "路灯": ["—", "—", "0", "0"], "树木": ["—", "<10", "0", "0"],
    }  # fmt: skip
    # Before anybody counted there is no number, not even zero.
    assert texts(town, "派遣员", "works.reports", **{"from": "2025-01-01", "to": "2025-01-01"}) == {"上报量": ["—"]}


def test_questions_that_make_no_sense(town: Hall) -> None:
    assert town.problems("indicator", "派遣员", id=ON_TIME, division="6405") == [(["division"], "indicator.division")]
    for span in ({"from": "2026-03-02", "to": "2026-03-01"}, {"from": "1900-01-01", "to": "2026-03-01"}):
        assert town.problems("indicator", "派遣员", id=ON_TIME, **span) == [(["from"], "indicator.span")]
    long = {"from": "2024-01-01", "to": "2026-03-01"}
    assert town.problems("indicator", "派遣员", id="works.reports", **long) == [(["from"], "indicator.span")]


def test_the_month_that_runs_is_counted_at_most_once_a_minute(town: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    assert texts(town, "派遣员", **march) == {"按期办结率": ["100.0"]}
    town.run(Board(town.office).closed, 11, "2026-03-09 10:00", is_on_time=False)
    assert texts(town, "派遣员", **march) == {"按期办结率": ["100.0"]}
    monkeypatch.setattr(room, "FRESH_S", -1.0)
    assert texts(town, "派遣员", **march) == {"按期办结率": ["50.0"]}


def test_one_that_cannot_be_counted_rests_and_the_others_go_on(town: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    board, real = Board(town.office, "2026-03-12 09:00"), counting.count

    async def count(database: Any, world: Any, indicator: Indicator, *rest: Any) -> Any:
        if indicator.id == "reports":
            raise ArithmeticError("9999999999")
        return await real(database, world, indicator, *rest)

    monkeypatch.setattr(room, "count", count)
    town.run(board.indicators.turn)
    assert town.run(board.counted) == 1 + 1 + 1
    assert town.run(board.indicators.check) == "指标算不出来：works.reports（ArithmeticError）"
    monkeypatch.undo()
    town.run(board.indicators.turn)
    assert town.run(board.counted) == 1 + 1 + 1
    board.now += timedelta(minutes=15)
    town.run(board.indicators.turn)
    assert town.run(board.counted) == 4
    assert town.run(board.indicators.check) is None


def test_two_bad_months_in_a_row_ring(town: Hall) -> None:
    board = Board(town.office, "2026-05-01 09:00")
    rings = "SELECT count(*) FROM tb_indicator_alarm WHERE indicator = 'works.hours'"
    town.run(board.closed, 10, "2026-04-10 10:00", hours=Decimal("30.00"))
    town.run(board.indicators.run_all)
    assert town.run(town.office.fetch, rings) == [(0,)]
    town.run(board.closed, 10, "2026-05-10 10:00", hours=Decimal("24.01"))
    town.run(board.later, "2026-06-01 00:00")
    # Heads: of the county, as the hall has one.
    assert town.run(town.office.fetch, rings) == [(1,)]


def test_nobody_worked_for_days(town: Hall) -> None:
    board = Board(town.office, "2026-06-01 09:00")
    town.run(board.later, "2026-06-01 09:00")
    assert town.run(board.later, "2026-06-04 09:00") == 3 + 3 + 7 + 1
    days = {"from": "2026-06-01", "to": "2026-06-03"}
    assert texts(town, "派遣员", "works.reports", **days) == {"上报量": ["0", "0", "0"]}
    # How things stood in between nobody knows.
    assert texts(town, "派遣员", "works.open", **days) == {"未结": ["—", "—", "34"]}


def test_switched_off_nothing_is_counted_or_told(town: Hall) -> None:
    registry, board = town.office.host.registry, Board(town.office, "2026-07-02 09:00")
    town.run(board.closed, 20, "2026-06-10 10:00", is_on_time=False)
    town.run(board.closed, 20, "2026-06-10 10:00", ELSEWHERE, is_on_time=True)
    alarms = town.run(board.alarms)
    try:
        town.run(registry.set_state, "works", "off")
        town.run(board.indicators.run_all)
        assert town.run(board.counted) == 0
        assert town.data("indicators", "派遣员", plugin="works") == []
        assert town.error("indicator", "", id=ON_TIME)[0] == "NOT_FOUND"
        town.run(registry.set_state, "works", "on")
        town.run(registry.set_state, "works", "off", VILLAGE)
        town.run(board.indicators.run_all)
        june = {"from": "2026-06-01", "to": "2026-06-30"}
        assert texts(town, "派遣员", **june) == {"按期办结率": ["100.0"]}
        assert town.error("indicator", "派遣员", id=ON_TIME, division=VILLAGE)[0] == "NOT_FOUND"
        assert town.run(board.alarms) == [(*row[:3], False) for row in alarms]
    finally:
        town.run(registry.set_state, "works", "on")
        town.run(registry.set_state, "works", "on", VILLAGE)


COUNTED: dict[str, Any] = {"plugin_id": "a", "id": "b", "title": "c", "over": "d", "place": HERE}


def test_small_groups_hide_as_many_as_they_need() -> None:
    one = Indicator(measure="count", **COUNTED)
    parts = {"a": Sum(3, 3), "b": Sum(4, 4), "c": Sum(11, 11), "d": Sum(30, 30), "e": Sum()}
    found = shown_beside(one, parts, Sum(48, 48))
    assert [found[key] for key in "abc"] == [FEW, FEW, HIDDEN]
    assert (found["d"], found["e"]) == (Shown("value", Decimal(30), 30), Shown("value", Decimal(0), 0))
    # Together they are a crowd.
    assert shown_beside(one, {"a": Sum(5, 5), "b": Sum(5, 5), "c": Sum(11, 11)}, Sum(21, 21))["c"].state == "value"
    # Three lie in no part.
    assert shown_beside(one, {"c": Sum(11, 11)}, Sum(14, 14)) == {"c": HIDDEN}
    things = replace(one, is_about_persons=False)
    assert shown(things, Sum(1, 1)) == Shown("value", Decimal(1), 1)


def test_values_are_rounded_half_up() -> None:
    share = Indicator(measure="share", **COUNTED)
    assert shown(share, Sum(1, 16)) == Shown("value", Decimal("6.3"), 16)
    assert shown(share, Sum()) == Shown("empty", None, 0)
    mean = Indicator(measure="avg", number_field="n", scale=2, **COUNTED)
    assert shown(mean, Sum(-2005, 20)) == Shown("value", Decimal("-1.00"), 20)
    assert shown(mean, Sum(-2010, 20)).value == Decimal("-1.01")
