"""When a limit is over (民法典第二百零一条至第二百零三条), and when a share of it is."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.clock.calendar import LAST, Calendar, beyond, day_of
from core.clock.days import ROLLING, Day, Stretch, days_between
from core.clock.rulers import RULERS, Days, DutyTime, Elapsed, Ruler
from core.manifest.cases import Limit, Unit

_MONTHS = {"MON": 1, "Y": 12}


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit is over."""

    #: Aware UTC; for units of days the end of duty on the last day.
    at: datetime
    #: 暂定: a notice that is not out yet may move it.
    is_provisional: bool
    calendar: Calendar = field(repr=False, compare=False)
    start: datetime
    unit: Unit
    pauses: tuple[Stretch, ...]
    #: Ordinal of the last day as counted, before it is put off; for other units of the day of `at`.
    last: int
    #: Reason → units of the ruler the clock stood still.
    paused: tuple[tuple[str, int], ...]

    @property
    def days(self) -> tuple[Day, ...]:
        """Every day from the start to the end, counted or not, and why."""
        return days_between(self.calendar, day_of(self.start), day_of(self.at), self.unit, self.last, self.pauses)


def due(calendar: Calendar, start: datetime, limit: Limit, pauses: Sequence[Stretch] = ()) -> Due:
    """When `limit`, begun at `start` (aware), is over.

    Raises:
        InvalidInputError: the end lies beyond the years a calendar knows (2004–2099).
    """
    make, size = RULERS[limit.unit]
    ruler, stops = make(calendar), tuple(sorted(pauses, key=lambda stretch: stretch.since)) if pauses else ()
    first = day_of(start)
    amount = _months_later(first, limit.value * _MONTHS[limit.unit]) - first if limit.unit in _MONTHS else limit.value
    place, paused = _walk(ruler, ruler.place(start), amount * size, stops)
    at = ruler.moment(_put_off(calendar, place, stops) if limit.unit in ROLLING else place)
    end = day_of(at)
    last = place if limit.unit in ROLLING else end
    is_provisional = not isinstance(ruler, Elapsed) and calendar.is_provisional(first, end)
    return Due(at, is_provisional, calendar, start, limit.unit, stops, last, paused)


def share(calendar: Calendar, start: datetime, limit: Limit, percent: int, pauses: Sequence[Stretch] = ()) -> datetime:
    """When `percent` of a limit has passed: in duty hours for WD and WH, else day and night. 100 is the due date, 200
    a limit later. Aware UTC."""
    return shares(due(calendar, start, limit, pauses), [percent])[0]


def shares(whole: Due, percents: Sequence[int]) -> list[datetime]:
    """The same for several shares of one limit, already worked out."""
    ruler: Ruler = DutyTime(whole.calendar) if whole.unit in ("WD", "WH") else Elapsed(whole.calendar)
    # A pause that ends after duty on the last day moved nothing.
    stops = [stop for stop in whole.pauses if stop.until <= whole.at]
    begin, end = ruler.place(whole.start), ruler.place(whole.at)
    length = end - begin - _stood(ruler, begin, stops)
    places = [_walk(ruler, begin, length * percent // 100, stops)[0] for percent in percents]
    # At 0 the ruler names the end of the duty before.
    return [max(whole.start, ruler.moment(place)) for place in places]


def passed_ms(
    calendar: Calendar, start: datetime, end: datetime, pauses: Sequence[Stretch] = (), *, on_duty: bool
) -> int:
    """Milliseconds from start to end without the pauses between them: of duty hours, or of day and night."""
    ruler: Ruler = DutyTime(calendar) if on_duty else Elapsed(calendar)
    begin, within = (
        ruler.place(start),
        [replace(stop, until=min(stop.until, end)) for stop in pauses if stop.since < end],
    )
    return max(0, ruler.place(end) - begin - _stood(ruler, begin, within))


def _walk(ruler: Ruler, begin: int, amount: int, stops: Sequence[Stretch]) -> tuple[int, tuple[tuple[str, int], ...]]:
    """The place where an amount has passed, stops by `since` left out; and how long each stop took."""
    end, reached = begin + amount, begin
    if not stops:
        return end, ()
    paused = []
    for stop in stops:
        since, until = max(ruler.place(stop.since), reached), ruler.place(stop.until)
        if since >= end:
            break
        if until > since:
            end, reached = end + until - since, until
            paused.append((stop.reason, until - since))
    return end, tuple(paused)


def _stood(ruler: Ruler, begin: int, stops: Sequence[Stretch]) -> int:
    total, reached = 0, begin
    for stop in stops:
        since, until = max(ruler.place(stop.since), reached), ruler.place(stop.until)
        if until > since:
            total, reached = total + until - since, until
    return total


def _put_off(calendar: Calendar, last: int, stops: Sequence[Stretch]) -> int:
    """The first working day from the last day on that lies in no stop."""
    day, ruler = calendar.next_working(last), Days(calendar)
    for stop in stops:
        until = ruler.place(stop.until)
        if ruler.place(stop.since) < day <= until:
            day = calendar.next_working(until + 1)
    return day


def _months_later(day: int, months: int) -> int:
    """The same day of a later month, or that month's last."""
    begin = date.fromordinal(day)
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    if year > LAST.year:
        beyond()
    return date(year, month + 1, min(begin.day, monthrange(year, month + 1)[1])).toordinal()
