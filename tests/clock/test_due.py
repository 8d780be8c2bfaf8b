"""When limits are over: the vectors of the country's calendar, by day and by hour."""

from __future__ import annotations

import timeit
from datetime import UTC, date, datetime

import pytest
from tongban_sdk.errors import InvalidInputError

from core.clock import Calendar, Stretch, due
from core.clock.calendar import DutyTable, Season
from core.manifest.cases import Limit, Unit
from tests.clock.shipped import HAIYUAN, at, calendar, local


@pytest.mark.parametrize(
    ("start", "value", "unit", "end"),
    [
        ("2026-02-13", 5, "WD", "2026-02-27"),
        ("2026-04-30", 5, "WD", "2026-05-11"),
        ("2026-09-24", 5, "WD", "2026-10-09"),
        ("2026-09-24", 20, "WD", "2026-10-29"),
        ("2026-09-29", 15, "WD", "2026-10-26"),
        ("2026-11-23", 20, "WD", "2026-12-21"),
        ("2026-08-03", 60, "D", "2026-10-08"),
        ("2026-02-01", 15, "D", "2026-02-24"),
        # To the same day of the month, or its last; put off from a weekend.
        ("2026-01-31", 1, "MON", "2026-02-28"),
        ("2026-03-31", 3, "MON", "2026-06-30"),
        ("2026-01-15", 1, "MON", "2026-02-24"),
        ("2024-02-29", 1, "Y", "2025-02-28"),
        ("2026-11-30", 3, "MON", "2027-03-01"),
    ],
)
def test_days_end_with_duty_on_a_working_day(start: str, value: int, unit: Unit, end: str) -> None:
    assert local(due(calendar(), at(start), Limit(value, unit)).at) == f"{end} 17:30"


@pytest.mark.parametrize("day", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"])
def test_weekends_that_are_worked_count(day: str) -> None:
    before = at(day).replace(day=at(day).day - 1) if at(day).day > 1 else at(day)
    assert local(due(calendar(), before, Limit(1, "WD")).at) == f"{day} 17:30"
    assert calendar().is_working(at(day).toordinal())


def test_beyond_the_notices_a_date_is_provisional() -> None:
    trap = due(calendar(), at("2026-12-10"), Limit(20, "WD"))
    assert (local(trap.at), trap.is_provisional) == ("2027-01-08 17:30", True)
    assert not due(calendar(), at("2026-12-10"), Limit(15, "WD")).is_provisional
    # Hours go on whatever a notice says.
    assert not due(calendar(), at("2026-12-31"), Limit(48, "H")).is_provisional
    # Statutory days are known: 2027 春节 is put off to 10 February.
    assert local(due(calendar(), at("2027-02-04"), Limit(1, "WD")).at) == "2027-02-11 17:30"


def test_festivals_of_a_region_hold_there_and_are_to_be_verified() -> None:
    here, elsewhere = (due(calendar(d), at("2026-05-26"), Limit(1, "WD")) for d in (HAIYUAN, ""))
    assert (local(here.at), here.is_provisional) == ("2026-05-29 18:30", True)
    assert (local(elsewhere.at), elsewhere.is_provisional) == ("2026-05-27 17:30", False)
    verified = due(calendar(HAIYUAN), at("2021-05-12"), Limit(1, "WD"))
    assert (local(verified.at), verified.is_provisional) == ("2021-05-17 18:30", False)


@pytest.mark.parametrize(
    ("start", "clock", "value", "unit", "end"),
    [
        ("2026-11-23", "10:00", 30, "S", "2026-11-23 10:00"),
        ("2026-11-23", "10:00", 90, "MIN", "2026-11-23 11:30"),
        ("2026-11-28", "23:30", 24, "H", "2026-11-29 23:30"),
        # 08:30–12:00, 14:00–17:30
        ("2026-11-23", "10:00", 2, "WH", "2026-11-23 12:00"),
        ("2026-11-23", "10:00", 4, "WH", "2026-11-23 16:00"),
        ("2026-11-23", "13:00", 1, "WH", "2026-11-23 15:00"),
        ("2026-11-23", "16:00", 2, "WH", "2026-11-24 09:00"),
        # Filed after duty hours, or on a Saturday: from the next opening on.
        ("2026-11-27", "20:00", 1, "WH", "2026-11-30 09:30"),
        ("2026-11-28", "10:00", 1, "WH", "2026-11-30 09:30"),
        ("2026-11-27", "06:00", 7, "WH", "2026-11-27 17:30"),
        # 调休: Saturday 14 February is worked, the holiday is not.
        ("2026-02-13", "17:00", 7, "WH", "2026-02-14 17:00"),
        ("2026-02-14", "17:00", 1, "WH", "2026-02-24 09:00"),
    ],
)
def test_hours(start: str, clock: str, value: int, unit: Unit, end: str) -> None:
    assert local(due(calendar(), at(start, clock), Limit(value, unit)).at) == end


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-04-30", "2026-05-06 09:30"), ("2026-09-30", "2026-10-08 09:00")],
    ids=["summer opens", "winter opens"],
)
def test_duty_hours_follow_the_season(start: str, end: str) -> None:
    # Winter 08:30–12:00, 14:00–18:00; from May 08:30–12:00, 14:30–18:30.
    hours = 1 if start == "2026-09-30" else 2
    clock = "18:00" if start == "2026-09-30" else "17:00"
    assert local(due(calendar(HAIYUAN), at(start, clock), Limit(hours, "WH")).at) == end


@pytest.mark.parametrize(
    ("day", "closing"),
    [
        ("2025-07-01", "16:00"), ("2025-11-03", "17:00"), ("2026-01-31", "17:00"), ("2026-02-01", "20:00"),
        ("2026-04-30", "20:00"), ("2026-05-01", "19:00"), ("2027-01-05", "20:00"),
    ],
)  # fmt: skip
def test_a_duty_table_holds_from_its_day_on_in_the_season_of_that_day(day: str, closing: str) -> None:
    old = DutyTable(date(2004, 1, 1), (season(5, 16), season(10, 17)), "")
    new = DutyTable(date(2026, 2, 1), (season(5, 19), season(10, 20)), "")
    assert local(Calendar([], [old, new], []).closing(at(day).toordinal())) == f"{day} {closing}"


def season(month: int, closing_h: int) -> Season:
    return Season(month, 1, "", ((8 * 3600, closing_h * 3600),))


@pytest.mark.parametrize("unit", ["WD", "D", "MON"])
def test_the_hour_of_filing_moves_no_day(unit: Unit) -> None:
    ends = {due(calendar(), at("2026-11-27", clock), Limit(3, unit)).at for clock in ("00:00", "12:30", "23:59")}
    assert len(ends) == 1


def test_filed_on_a_rest_day_the_next_day_is_the_first() -> None:
    assert local(due(calendar(), at("2026-11-28"), Limit(1, "WD")).at) == "2026-11-30 17:30"
    assert local(due(calendar(), at("2026-11-28"), Limit(1, "D")).at) == "2026-11-30 17:30"


def test_the_day_is_that_of_china() -> None:
    # 07:00 on the 23rd.
    start = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert local(due(calendar(), start, Limit(1, "D")).at) == "2026-11-24 17:30"


@pytest.mark.parametrize(
    ("unit", "value", "pauses", "end"),
    [
        ("WD", 5, [("2026-11-24 10:00", "2026-11-26 10:00")], "2026-12-02 17:30"),
        ("WD", 5, [("2026-11-24 10:00", "2026-11-24 16:00")], "2026-11-30 17:30"),
        ("WD", 5, [("2026-11-27 10:00", "2026-11-29 10:00")], "2026-11-30 17:30"),
        (
            "WD", 5, [("2026-11-24 10:00", "2026-11-25 10:00"), ("2026-11-25 10:00", "2026-11-26 10:00")],
            "2026-12-02 17:30",
        ),
        (
            "WD", 5, [("2026-11-24 10:00", "2026-11-26 10:00"), ("2026-11-25 10:00", "2026-11-26 09:00")],
            "2026-12-02 17:30",
        ),
        ("WD", 5, [("2026-12-08 10:00", "2026-12-26 10:00")], "2026-11-30 17:30"),
        ("WD", 5, [("2026-11-01 10:00", "2026-11-24 10:00")], "2026-12-01 17:30"),
        # Saturday 28 November + 4; a pause over the Monday it would be put off to.
        ("D", 5, [], "2026-11-30 17:30"),
        ("D", 5, [("2026-11-24 10:00", "2026-11-28 10:00")], "2026-12-02 17:30"),
        ("D", 5, [("2026-11-28 10:00", "2026-12-02 10:00")], "2026-12-03 17:30"),
        ("MON", 1, [("2026-11-24 10:00", "2026-11-28 10:00")], "2026-12-28 17:30"),
        ("H", 24, [("2026-11-23 12:00", "2026-11-23 14:30")], "2026-11-24 12:30"),
        # Only the duty hours of a pause are given back.
        ("WH", 4, [("2026-11-23 11:00", "2026-11-23 15:00")], "2026-11-24 09:00"),
    ],
)  # fmt: skip
def test_the_clock_stands_still(unit: Unit, value: int, pauses: list[tuple[str, str]], end: str) -> None:
    stretches = [Stretch(at(*since.split()), at(*until.split())) for since, until in pauses]
    assert local(due(calendar(), at("2026-11-23"), Limit(value, unit), stretches).at) == end
    assert local(due(calendar(), at("2026-11-23"), Limit(value, unit), stretches[::-1]).at) == end


@pytest.mark.parametrize(("value", "unit"), [(10**6, "WD"), (10**9, "D"), (80, "Y"), (10**15, "S"), (10**9, "WH")])
def test_what_no_calendar_knows_is_refused(value: int, unit: Unit) -> None:
    with pytest.raises(InvalidInputError, match="2004 年到 2099 年"):
        due(calendar(), at("2026-11-23"), Limit(value, unit))
    with pytest.raises(InvalidInputError, match="2004 年到 2099 年"):
        due(calendar(), at("1999-12-31"), Limit(1, unit))


def test_the_days_say_which_count() -> None:
    days = due(
        calendar(), at("2026-09-24"), Limit(5, "WD"), [Stretch(at("2026-09-28"), at("2026-09-29"), "等待补正")]
    ).days
    told = {str(day.day)[5:]: (day.is_counted, day.why) for day in days}
    assert told["09-24"] == (False, "起算当日不计入")
    assert told["09-25"] == (False, "中秋节")
    assert told["09-28"] == (True, "")
    assert told["09-29"] == (False, "暂停：等待补正")
    assert told["10-01"] == (False, "国庆节")
    assert told["10-10"] == (True, "调休上班")
    assert list(told)[-1] == "10-10"
    assert sum(counted for counted, _ in told.values()) == 5


def test_put_off_days_do_not_count() -> None:
    days = due(calendar(), at("2026-08-03"), Limit(60, "D")).days
    assert sum(day.is_counted for day in days) == 60
    assert [(str(d.day), d.why) for d in days[-2:]] == [("2026-10-07", "顺延：国庆节"), ("2026-10-08", "顺延")]


def test_a_long_limit_costs_no_more_than_a_short_one() -> None:
    prepared, start = calendar(), at("2026-09-24")

    def cost(days: int) -> float:
        limit = Limit(days, "WD")
        return min(timeit.repeat(lambda: due(prepared, start, limit), number=20, repeat=100))

    assert cost(2000) < 3 * cost(2)
