"""Cron expressions against hand-reckoned firings, all in +08:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.expr.clock import CHINA
from core.manifest.clock import CronError, parse_cron


def _china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("cron", "now", "latest"),
    [
        ("0 2 * * *", "2026-03-01T02:00", "2026-03-01T02:00"),
        ("0 2 * * *", "2026-03-01T01:59", "2026-02-28T02:00"),
        ("*/15 * * * *", "2026-03-01T10:44", "2026-03-01T10:30"),
        ("30 8 * * 1-5", "2026-03-01T12:00", "2026-02-27T08:30"),  # 1 March 2026 is a Sunday
        ("0 9 * * 0", "2026-03-01T12:00", "2026-03-01T09:00"),
        ("0 9 * * 7", "2026-03-01T12:00", "2026-03-01T09:00"),
        ("0 0 29 2 *", "2026-03-01T12:00", "2024-02-29T00:00"),
        ("0 0 13 * 5", "2026-03-08T12:00", "2026-03-06T00:00"),  # the 13th or a Friday
        ("5,35 0-6/3 1 1,7 *", "2026-03-01T12:00", "2026-01-01T06:35"),
    ],
)
def test_latest(cron: str, now: str, latest: str) -> None:
    found = parse_cron(cron).latest(_china(now), _china("2020-01-01T00:00"))
    assert found == _china(latest)
    assert found.tzinfo is UTC


def test_nothing_fires_before_after() -> None:
    cron = parse_cron("0 2 * * *")
    assert cron.latest(_china("2026-03-01T12:00"), _china("2026-03-01T02:00")) is None
    assert cron.latest(_china("2026-03-01T12:00"), _china("2026-03-01T01:59")) == _china("2026-03-01T02:00")


def test_a_date_that_never_comes_ends() -> None:
    assert parse_cron("0 0 31 2 *").latest(_china("2026-03-01T12:00"), _china("1990-01-01T00:00")) is None


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "a * * * *", "*/0 * * * *", "-1 * * * *"],
)
def test_refused(cron: str) -> None:
    with pytest.raises(CronError):
        parse_cron(cron)


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_daily_fires_within_a_day(minute: int, hour: int, now: datetime) -> None:
    at = now.replace(tzinfo=CHINA)
    found = parse_cron(f"{minute} {hour} * * *").latest(at, at - timedelta(days=2))
    assert found is not None
    assert timedelta(0) <= at - found < timedelta(days=1)
    assert (found.astimezone(CHINA).hour, found.astimezone(CHINA).minute) == (hour, minute)
