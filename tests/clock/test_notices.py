"""Everything that can be wrong with a notice, told at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from core.clock.notices import HoursNotice, NoticeDay, YearNotice
from core.clock.shipped import statutory
from tests.clock.shipped import HAIYUAN, known

COUNTRY, SOURCE = "000000000000", "国办发明电〔2026〕9号"
LAW_2027 = [NoticeDay(day, "rest", name) for day, name in statutory([2027]).items()]


def ids(notice: YearNotice | HoursNotice) -> list[tuple[Any, ...]]:
    return [(*problem.path[1:], problem.id) for problem in notice.problems(known())]


def test_a_good_notice_has_no_problems() -> None:
    worked = [NoticeDay(date(2027, 2, 14), "work"), NoticeDay(date(2026, 12, 31), "rest", "元旦")]
    assert ids(YearNotice(COUNTRY, 2027, [*LAW_2027, *worked], SOURCE)) == []
    assert ids(YearNotice(COUNTRY, 2027, [], SOURCE)) == []
    assert ids(YearNotice("640000000000", 2026, [NoticeDay(date(2026, 3, 23), "rest", "开斋节")], SOURCE)) == []


def test_all_faults_of_days_are_told_at_once() -> None:
    days = [
        NoticeDay(date(2028, 1, 1), "rest"),
        NoticeDay(date(2027, 3, 3), "rest"),
        NoticeDay(date(2027, 3, 3), "rest"),
        NoticeDay(date(2027, 3, 4), "work"),
        NoticeDay(date(2027, 3, 5), "rest", "名" * 51),
        *LAW_2027,
    ]
    assert ids(YearNotice(COUNTRY, 2027, days, " ")) == [
        ("source", "calendar.source"),
        ("days", 0, "day", "calendar.day-outside"),
        ("days", 0, "day", "calendar.day-taken"),
        ("days", 1, "day", "calendar.day-twice"),
        ("days", 2, "day", "calendar.day-twice"),
        ("days", 3, "day", "calendar.already-working"),
        ("days", 4, "day", "calendar.name"),
    ]


def test_statutory_days_cannot_be_left_out() -> None:
    left = [day for day in LAW_2027 if day.day not in (date(2027, 2, 5), date(2027, 10, 1))]
    problems = YearNotice(COUNTRY, 2027, left, SOURCE).problems(known())
    assert [problem.message for problem in problems] == [
        "2027-02-05 是法定节假日（春节），通知里没有放假",
        "2027-10-01 是法定节假日（国庆节），通知里没有放假",
    ]
    # Substitutes are the notice's to move; a region's festivals are its own.
    without = [day for day in LAW_2027 if "补假" not in day.name]
    assert ids(YearNotice(COUNTRY, 2027, without, SOURCE)) == []


@pytest.mark.parametrize("division", ["64052200000", "六四〇五二二〇〇〇〇〇〇", "", "640522000000 "])
def test_a_division_has_twelve_digits(division: str) -> None:
    assert ids(YearNotice(division, 2027, LAW_2027, SOURCE)) == [("division", "calendar.division")]


def test_years_and_numbers_have_limits() -> None:
    assert ids(YearNotice(COUNTRY, 2003, [], SOURCE)) == [("year", "calendar.year")]
    assert ids(YearNotice(COUNTRY, 2100, [], SOURCE)) == [("year", "calendar.year")]
    many = [NoticeDay(date.fromordinal(date(2027, 1, 1).toordinal() + n), "rest") for n in range(121)]
    assert ids(YearNotice(HAIYUAN, 2027, many, SOURCE)) == [("days", "calendar.too-many")]


def test_a_region_may_work_on_its_country_s_rest_day() -> None:
    assert ids(YearNotice(HAIYUAN, 2026, [NoticeDay(date(2026, 10, 1), "work")], SOURCE)) == []
    assert ids(YearNotice(HAIYUAN, 2026, [NoticeDay(date(2026, 10, 10), "work")], SOURCE)) == [
        ("days", 0, "day", "calendar.already-working")
    ]


def season(starts: str = "05-01", title: str = "夏季", hours: Any = (("08:30", "12:00"),)) -> dict[str, Any]:
    return {"starts": starts, "title": title, "hours": [list(span) for span in hours]}


@pytest.mark.parametrize(
    ("seasons", "expected"),
    [
        ([season()], []),
        ([season("02-29")], [("seasons", 0, "starts", "calendar.season-start")]),
        ([season("5-1")], [("seasons", 0, "starts", "calendar.season-start")]),
        ([season(), season()], [("seasons", n, "starts", "calendar.season-start") for n in (0, 1)]),
        ([season(title="")], [("seasons", 0, "title", "calendar.name")]),
        ([season(hours=[])], [("seasons", 0, "hours", "calendar.hours")]),
        ([season(hours=[("8:30", "12:00")])], [("seasons", 0, "hours", "calendar.hours")]),
        ([season(hours=[("08:30", "24:00")])], [("seasons", 0, "hours", "calendar.hours")]),
        ([season(hours=[("12:00", "08:30")])], [("seasons", 0, "hours", "calendar.hours")]),
        ([season(hours=[("08:30", "12:00"), ("11:00", "17:00")])], [("seasons", 0, "hours", "calendar.hours")]),
        ([season(f"{n:02d}-01") for n in range(1, 13)] + [season("12-15")], [("seasons", "calendar.too-many")]),
    ],
)
def test_duty_hours_are_checked(seasons: list[dict[str, Any]], expected: list[tuple[Any, ...]]) -> None:
    assert ids(HoursNotice(HAIYUAN, date(2026, 5, 1), seasons, SOURCE)) == expected
