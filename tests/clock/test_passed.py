"""How long something took: day and night, or in duty hours, without what stood still."""

from __future__ import annotations

import pytest

from core.clock import Stretch, passed_ms
from tests.clock.shipped import at, calendar

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("start", "end", "pauses", "hours", "on_duty"),
    [
        # From Friday 16:30 to Monday 09:30: an hour, and an hour.
        ("2026-11-20 16:30", "2026-11-23 09:30", [], 65, 2),
        # The week-end stood still, and no duty hour with it.
        ("2026-11-20 16:30", "2026-11-23 09:30", [("2026-11-20 18:00", "2026-11-23 00:00")], 11, 2),
        # A pause that overlaps another counts once, and only until the end.
        (
            "2026-11-23 09:00", "2026-11-23 11:00",
            [("2026-11-23 09:30", "2026-11-23 10:00"), ("2026-11-23 09:45", "2026-11-23 12:00")], 0.5, 0.5,
        ),
        ("2026-11-23 09:00", "2026-11-23 10:00", [("2026-11-23 10:00", "2026-11-23 12:00")], 1, 1),
        ("2026-11-23 09:00", "2026-11-23 09:00", [], 0, 0),
    ],
)  # fmt: skip
def test_passed(start: str, end: str, pauses: list[tuple[str, str]], hours: float, on_duty: float) -> None:
    stood = [Stretch(at(*since.split()), at(*until.split()), "wait") for since, until in pauses]
    first, last = at(*start.split()), at(*end.split())
    found = [passed_ms(calendar(), first, last, stood, on_duty=counts) / HOUR_MS for counts in (False, True)]
    assert found == [hours, on_duty]
