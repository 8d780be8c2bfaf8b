"""Slots as staff ask for them: days, times and places, and everything that is wrong with such a wish."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.booking.rows import Slot
from core.booking.rules import are_days, opens_at
from core.booking.telling import day_time
from core.expr.clock import CHINA
from core.manifest.bookings import BookingKind
from core.store.ids import uuid7

#: Slots of one request; a year of one room by the hour is 2,000.
SLOTS_MAX = 2000
DAYS_MAX, TIMES_MAX, LENGTH_MAX_MIN, QUOTA_MAX = 366, 96, 24 * 60, 100_000
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_WEEK = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class Plan:
    """Slots as they are asked for: each of these times, on these weekdays (1 Monday … 7 Sunday) of these days. Stock
    has `quota` only."""

    quota: int
    first_day: date | None = None
    last_day: date | None = None
    weekdays: frozenset[int] = _WEEK
    times: tuple[time, ...] = ()
    length_min: int = 0

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Begin and end of each slot, in order; aware, +08:00."""
        if self.first_day is None or self.last_day is None:
            return []
        days = ((self.first_day + timedelta(n)) for n in range((self.last_day - self.first_day).days + 1))
        begins = [
            datetime.combine(day, at, CHINA) for day in days if day.isoweekday() in self.weekdays for at in self.times
        ]
        return [(at, at + timedelta(minutes=self.length_min)) for at in sorted(begins)]


def slots_of(
    kind: BookingKind, resource: str, division: str, plan: Plan, batch: str, by: str, now: datetime
) -> list[Slot]:
    """The rows of a plan."""
    spans: Sequence[tuple[datetime | None, datetime | None]] = [(None, None)] if kind.kind == "stock" else plan.spans()
    return [
        Slot(
            id=uuid7(), kind=kind.key, plugin_id=kind.plugin_id, entity=kind.resource, resource=resource,
            division=division, starts_at=starts, ends_at=ends, opens_at=opens_at(kind, starts, now), quota=plan.quota,
            taken=0, arrived=0, batch=batch, published_at=now, published_by=by,
        )
        for starts, ends in spans
    ]  # fmt: skip


def check_plan(kind: BookingKind, plan: Plan, now: datetime) -> None:
    refuse(_problems(kind, plan, now))


def refuse(problems: Iterable[tuple[str, str, str]]) -> None:
    """InvalidInputError with all of (name of the value, what is wrong, id)."""
    if found := [InputProblem((name,), text, f"slot.{id}") for name, text, id in problems]:
        raise InvalidInputError("填写的内容有误", found)


def quota_problems(quota: int) -> Iterator[tuple[str, str, str]]:
    if not 1 <= quota <= QUOTA_MAX:
        yield "quota", f"名额应为 1 到 {QUOTA_MAX}", "quota"


def _problems(kind: BookingKind, plan: Plan, now: datetime) -> Iterator[tuple[str, str, str]]:
    yield from quota_problems(plan.quota)
    is_timed = plan.first_day is not None or plan.last_day is not None or bool(plan.times) or plan.length_min != 0
    if kind.kind == "stock":
        if is_timed:
            yield "firstDay", "库存没有时段，只写名额", "stock"
        return
    if plan.first_day is None or plan.last_day is None or not are_days(plan.first_day, plan.last_day, DAYS_MAX):
        yield "lastDay", f"应写第一天和最后一天，至多 {DAYS_MAX} 天", "days"
        return
    if not plan.weekdays or not plan.weekdays <= _WEEK:
        yield "weekdays", "应为 1（周一）到 7（周日）", "weekdays"
    if not 0 < len(plan.times) <= TIMES_MAX:
        yield "times", f"应写 1 到 {TIMES_MAX} 个开始时间，如 09:00", "times"
        return
    if not 1 <= plan.length_min <= LENGTH_MAX_MIN:
        yield "lengthMin", f"每段应为 1 到 {LENGTH_MAX_MIN} 分钟", "length"
        return
    yield from _problems_of(plan.spans(), now)


def _problems_of(spans: list[tuple[datetime, datetime]], now: datetime) -> Iterator[tuple[str, str, str]]:
    if not spans:
        yield "weekdays", "这些日子里没有一个时段", "none"
    elif len(spans) > SLOTS_MAX:
        yield "lastDay", f"一次至多发布 {SLOTS_MAX} 个时段，这里有 {len(spans)} 个", "many"
    elif spans[0][0] <= now:
        yield "firstDay", f"{day_time(spans[0][0])}已经过去", "past"
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        yield "times", "时段互相重叠，请改开始时间或长度", "overlap"


def times_of(texts: Collection[str]) -> tuple[time, ...]:
    """ "09:00" …; InvalidInputError names those that are no time of the day."""
    bad = [text for text in texts if not _TIME.fullmatch(text)]
    refuse(("times", f"{text[:20]!r} 应为一天中的时刻，如 09:00", "time") for text in bad)
    return tuple(time.fromisoformat(text) for text in texts)
