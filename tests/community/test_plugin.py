"""The Python part of community, on the SDK's own host: periods are checked, visits end at their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tongban_sdk import Change, InvalidInputError, JobContext, Row

from plugins.community import visits
from plugins.community.plugin import Plugin

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


class Host:
    """The part of HostApi the visits use, with one row."""

    def __init__(self, state: str, ends_at: datetime) -> None:
        self.row: dict[str, Any] = {"id": "v1", "version": 1, "state": state, "ends_at": ends_at.isoformat()}
        self.scheduled: list[tuple[str, dict[str, str], int, str]] = []

    async def read(self, entity: str, id: str) -> Row | None:
        return self.row if (entity, id) == ("community.visitor", "v1") else None

    async def update(self, entity: str, id: str, version: int, patch: dict[str, Any]) -> Row:
        assert (entity, id, version) == ("community.visitor", "v1", self.row["version"])
        self.row |= patch | {"version": version + 1}
        return self.row

    async def schedule(self, job: str, args: dict[str, str], *, delay_s: float = 0.0, key: str = "") -> str:
        self.scheduled.append((job, args, round(delay_s / 60), key))
        return "j1"


def visit(begin: datetime, end: datetime) -> Change:
    after = {"starts_at": begin.isoformat(), "ends_at": end.isoformat()}
    return Change(entity="community.visitor", id="v1", action="create", version=1, after=after)


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Plugin().check_change(visit(NOW, NOW))
    assert [(p.id, p.path) for p in caught.value.problems] == [("community.period", ("input", "ends_at"))]


def test_a_period_in_order_passes_and_other_entities_are_left_alone() -> None:
    Plugin().check_change(visit(NOW, NOW + HOUR))
    Plugin().check_change(Change(entity="community.house", id="h", action="create", version=1))


async def test_a_new_visit_asks_to_be_looked_at_when_it_ends() -> None:
    ends_at = datetime.now(UTC) + HOUR
    host = Host("pending", ends_at)
    await Plugin().on_changed(Change(entity="community.visitor", id="v1", action="create", version=1), host)  # type: ignore[arg-type]  # the part of HostApi in use
    assert host.scheduled == [("community.expire_visit", {"visitor": "v1"}, 60, f"v1:{ends_at.isoformat()}")]


async def test_a_closed_visit_asks_for_nothing() -> None:
    host = Host("used", NOW + HOUR)
    await visits.watch(host, "v1")  # type: ignore[arg-type]  # the part of HostApi in use
    assert host.scheduled == []


@pytest.mark.parametrize(
    ("state", "ends_at", "after"),
    [
        ("active", NOW - HOUR, "expired"),
        ("pending", NOW - HOUR, "expired"),
        ("active", NOW + 24 * HOUR, "active"),
        ("cancelled", NOW - HOUR, "cancelled"),
    ],
)
async def test_only_an_open_visit_whose_time_is_over_expires(state: str, ends_at: datetime, after: str) -> None:
    host = Host(state, ends_at)
    context = JobContext(id="j1", job="community.expire_visit", host=host, args={"visitor": "v1"})  # type: ignore[arg-type]  # the part of HostApi in use
    await visits.expire(context)
    await visits.expire(context)
    assert host.row["state"] == after
    assert host.row["version"] == (2 if after == "expired" else 1)
