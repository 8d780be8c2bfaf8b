from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.privacy.retention import Retention, parse_retention, told


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("P3Y", "2026-11-22T00:00:00Z", "2029-11-22"),
        ("P1Y", "2024-02-29T00:00:00Z", "2025-02-28"),
        ("P1M", "2026-01-31T00:00:00Z", "2026-02-28"),
        ("P1Y6M", "2026-08-31T00:00:00Z", "2028-02-29"),
        ("P30D", "2026-11-22T00:00:00Z", "2026-12-22"),
        ("P2W", "2026-12-25T00:00:00Z", "2027-01-08"),
        ("P12M", "2026-12-31T00:00:00Z", "2027-12-31"),
        # 20:00 UTC is the next day in China.
        ("P1D", "2026-11-22T20:00:00Z", "2026-11-24"),
        ("P9999Y", "2026-11-22T00:00:00Z", "9999-12-31"),
        ("P0D", "2026-11-22T00:00:00Z", "2026-11-22"),
    ],
)
def test_durations_end_on_a_calendar_day_in_china(text: str, start: str, end: str) -> None:
    assert parse_retention(text).end(datetime.fromisoformat(start)) == date.fromisoformat(end)


@pytest.mark.parametrize("text", ["", "P", "3Y", "P3", "PT5H", "P-1Y", "P1D1Y", "P３Y", "P1.5Y", "p3y", "P3Y "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_retention(text)


def test_durations_are_told_in_words() -> None:
    assert [told(text) for text in ("P3Y", "P1Y6M", "P2W", "P0D", "无期")] == [
        "3年",
        "1年6个月",
        "14天",
        "用完即删",
        "无期",
    ]
    assert Retention(1).end(datetime(2026, 1, 1, tzinfo=UTC)) == date(2027, 1, 1)
