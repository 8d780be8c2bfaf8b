"""What the manifest says of a kind of booking, as moments: released from, cancelled until, paused until."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from tongban_sdk.errors import NotFoundError, UnavailableError

from core.expr.clock import CHINA, china_day
from core.fields.times import FIRST_YEAR
from core.manifest.bookings import BookingKind, NoShow
from core.manifest.cases import Limit
from core.privacy.retention import Retention
from core.write.live import Live, check_runs

NO_KIND = "没有这种预约"
#: Years of slots; a day later or earlier some moments have no name any more.
YEARS = range(FIRST_YEAR, 9999)
_MINUTES = {"MIN": 1, "H": 60}


def kind_of(live: Live, key: str) -> BookingKind:
    """UnavailableError for an application that is off everywhere; NotFoundError for what it does not declare."""
    plugin_id, dot, id = key.partition(".")
    if dot and plugin_id not in live.world.plugins:
        raise UnavailableError("预约所属的应用没有启用", retry_after_s=60)
    found = live.world.plugins[plugin_id].bookings.get(id) if dot else None
    if found is None:
        raise NotFoundError(NO_KIND, hint="写成 应用.预约，如 community.room")
    return found


def running_kind(live: Live, key: str, division: str, *, takes_new: bool = False) -> BookingKind:
    """The same for who wants to change something: UnavailableError where the application is off, or (`takes_new`)
    takes nothing new any more."""
    plugin_id = key.partition(".")[0]
    check_runs(live, plugin_id, division)
    if takes_new and live.choice(plugin_id, division) != "on":
        raise UnavailableError("正在停办，不再受理新的预约", retry_after_s=60)
    return kind_of(live, key)


def are_days(first: date, last: date, days_max: int) -> bool:
    """Whether these are so many days at most, from the first to the last."""
    return 0 <= (last - first).days < days_max and first.year in YEARS and last.year in YEARS


def length(limit: Limit) -> timedelta:
    return timedelta(minutes=limit.value * _MINUTES[limit.unit])


def opens_at(kind: BookingKind, starts_at: datetime | None, now: datetime) -> datetime:
    """When a slot can be booked from."""
    if kind.release is None or starts_at is None:
        return now
    day = china_day(starts_at) - timedelta(days=kind.release.days_ahead)
    return datetime.combine(day, kind.release.at, CHINA)


def cancel_until(kind: BookingKind, starts_at: datetime | None) -> datetime | None:
    """None = any time."""
    if starts_at is None:
        return None
    return starts_at - length(kind.cancel_before) if kind.cancel_before else starts_at


def paused_until(rule: NoShow, misses: Sequence[datetime], now: datetime) -> date | None:
    """The first day on which somebody may book again who has missed so often; None = today."""
    found = sorted(misses)
    runs = zip(found, found[rule.times - 1 :], strict=False)
    ends = [_span(rule.pause).end(last) for first, last in runs if china_day(last) < _span(rule.within).end(first)]
    until = max(ends, default=date.min)
    return until if until > china_day(now) else None


def _span(limit: Limit) -> Retention:
    """Calendar days in +08:00, never put off: a pause is no deadline of an office."""
    years, months, days = (limit.value if limit.unit == unit else 0 for unit in ("Y", "MON", "D"))
    return Retention(years, months, days)
