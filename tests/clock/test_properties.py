"""What holds of every limit, start and pause."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from core.clock import Calendar, Stretch, due, explain, share
from core.clock.calendar import day_of
from core.clock.days import ROLLING
from core.clock.rulers import DutyTime
from core.manifest.cases import Limit, Unit
from tests.clock.shipped import HAIYUAN, at, calendar

#: A busy machine is no fault.
unhurried = settings(deadline=None)
UNITS: tuple[Unit, ...] = ("S", "MIN", "H", "WH", "WD", "D", "MON", "Y")
DAYS: tuple[Unit, ...] = ("WD", *sorted(ROLLING))
FIRST = at("2024-01-01", "00:00")

calendars = some.sampled_from([calendar(), calendar(HAIYUAN)])
minutes = some.integers(0, 4 * 366 * 24 * 60)
starts = minutes.map(lambda number: FIRST + timedelta(minutes=number))
values = some.integers(1, 60)
#: Begin and length in minutes, counted from the start of the limit; they may touch and overlap.
spans = some.lists(some.tuples(some.integers(-5000, 40_000), some.integers(0, 20_000)), max_size=3)


def stretches(start: datetime, chosen: list[tuple[int, int]]) -> list[Stretch]:
    return [
        Stretch(start + timedelta(minutes=begin), start + timedelta(minutes=begin + length), "等待补正")
        for begin, length in chosen
    ]


def standing(pauses: list[Stretch]) -> set[int]:
    """Days a pause takes out."""
    return {day for pause in pauses for day in range(day_of(pause.since) + 1, day_of(pause.until) + 1)}


@unhurried
@given(calendars, starts, starts, values, some.sampled_from(UNITS))
def test_who_starts_later_is_due_no_earlier(
    prepared: Calendar, one: datetime, other: datetime, value: int, unit: Unit
) -> None:
    first, second = sorted((one, other))
    assert due(prepared, first, Limit(value, unit)).at <= due(prepared, second, Limit(value, unit)).at


@unhurried
@given(calendars, starts, values, spans)
def test_working_days_are_counted_one_by_one(
    prepared: Calendar, start: datetime, value: int, chosen: list[tuple[int, int]]
) -> None:
    pauses, day, left = stretches(start, chosen), day_of(start), value
    out = standing(pauses)
    while left:
        day += 1
        left -= prepared.is_working(day) and day not in out
    assert due(prepared, start, Limit(value, "WD"), pauses).at == prepared.closing(day)


@unhurried
@given(calendars, starts, values, spans)
def test_calendar_days_are_counted_one_by_one_and_put_off(
    prepared: Calendar, start: datetime, value: int, chosen: list[tuple[int, int]]
) -> None:
    pauses, day, left = stretches(start, chosen), day_of(start), value
    out = standing(pauses)
    while left or not prepared.is_working(day) or day in out:
        day += 1
        left -= left > 0 and day not in out
    assert due(prepared, start, Limit(value, "D"), pauses).at == prepared.closing(day)


@unhurried
@given(calendars, starts, values, some.sampled_from(DAYS), spans)
def test_no_limit_in_days_ends_on_a_rest_day_or_in_a_pause(
    prepared: Calendar, start: datetime, value: int, unit: Unit, chosen: list[tuple[int, int]]
) -> None:
    pauses = stretches(start, chosen)
    end = day_of(due(prepared, start, Limit(value, unit), pauses).at)
    assert prepared.is_working(end)
    assert end not in standing(pauses)


@unhurried
@given(calendars, starts, values, some.sampled_from(UNITS), some.integers(0, 20_000), some.integers(0, 20_000))
def test_two_pauses_that_touch_are_one(
    prepared: Calendar, start: datetime, value: int, unit: Unit, first: int, second: int
) -> None:
    begin, middle, end = (start + timedelta(minutes=m) for m in (60, 60 + first, 60 + first + second))
    limit = Limit(value, unit)
    whole = due(prepared, start, limit, [Stretch(begin, end)])
    assert due(prepared, start, limit, [Stretch(begin, middle), Stretch(middle, end)]).at == whole.at


@unhurried
@given(calendars, starts, values, spans)
def test_a_pause_gives_back_its_working_days(
    prepared: Calendar, start: datetime, value: int, chosen: list[tuple[int, int]]
) -> None:
    pauses = stretches(start, chosen)
    paused = due(prepared, start, Limit(value, "WD"), pauses)
    given_back = sum(length for _, length in paused.paused)
    assert paused.at == due(prepared, start, Limit(value + given_back, "WD")).at


@unhurried
@given(starts, some.integers(2, 60), some.integers(0, 59), some.integers(0, 10_000))
def test_hours_are_put_off_by_the_pause(start: datetime, hours: int, since: int, length: int) -> None:
    pause = Stretch(start + timedelta(minutes=since), start + timedelta(minutes=since + length))
    assert due(calendar(), start, Limit(hours, "H"), [pause]).at == start + timedelta(hours=hours, minutes=length)


@unhurried
@given(calendars, some.integers(1, 10**10))
def test_a_ruler_reads_back_what_it_says(prepared: Calendar, place: int) -> None:
    ruler = DutyTime(prepared)
    moment = ruler.moment(place)
    assert ruler.place(moment) == place
    assert ruler.place(moment - timedelta(milliseconds=1)) == place - 1


@unhurried
@given(calendars, starts, values, some.sampled_from(UNITS), some.integers(0, 100), some.integers(0, 100), spans)
def test_shares_lie_in_order_between_start_and_end(
    prepared: Calendar, start: datetime, value: int, unit: Unit, one: int, other: int, chosen: list[tuple[int, int]]
) -> None:
    # Twice sixty years is beyond every calendar.
    limit, pauses = Limit(min(value, 30) if unit == "Y" else value, unit), stretches(start, chosen)
    less, more = (share(prepared, start, limit, percent, pauses) for percent in sorted((one, other)))
    end = due(prepared, start, limit, pauses).at
    assert start <= less <= more <= end == share(prepared, start, limit, 100, pauses)
    assert share(prepared, start, limit, 200, pauses) >= end


@unhurried
@given(calendars, starts, values, some.sampled_from(UNITS), spans)
def test_the_days_and_the_sentence_tell_the_same_date(
    prepared: Calendar, start: datetime, value: int, unit: Unit, chosen: list[tuple[int, int]]
) -> None:
    limit, pauses = Limit(value, unit), stretches(start, chosen)
    result = due(prepared, start, limit, pauses)
    end = date.fromordinal(day_of(result.at))
    assert f"应于{end.year}年{end.month}月{end.day}日" in explain(result, limit, start, pauses)
    assert (result.days[0].day.toordinal(), result.days[-1].day) == (day_of(start), end)
    if unit in ("WD", "D"):
        assert sum(day.is_counted for day in result.days) == value
