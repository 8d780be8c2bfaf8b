"""The room of a community through the API, by committed operations and shipped manifests: booked, closed, used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.settings import ROOT
from tests.api.case_town import Hall
from tests.api.servers import running
from tests.booking.halls import START
from tests.cases.conftest import ELSEWHERE, VILLAGE, Office

KIND = "community.room"
DAYS = {"from": "2027-03-01", "to": "2027-03-31"}
PLAN: dict[str, Any] = {
    "firstDay": "2027-03-03",
    "lastDay": "2027-03-05",
    "weekdays": [3, 4],
    "times": ["09:00", "14:00"],
}
PLAN |= {"lengthMin": 60, "quota": 1}


@pytest.fixture(scope="module")
def clock() -> list[datetime]:
    return [START]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, clock: list[datetime]) -> Iterator[Hall]:
    with running(tmp_path_factory.mktemp("api"), manifests=(ROOT / "manifests",)) as server:
        host = server.app.doors.host
        found = Hall(server, Office(host))
        # Turned by hand here.
        found.run(host.bookings.settling.loop.stop)
        host.bookings.desk.now = lambda: clock[0]
        found.run(_move_in, found.office)
        yield found


async def _move_in(office: Office) -> None:
    for name in ("马大妈", "王大爷"):
        await office.citizen(name)
    await office.member("社工", "community_worker", VILLAGE)
    await office.member("外村社工", "community_worker", ELSEWHERE)
    office.units["活动室"] = await office.create("community.venue", name="一号活动室", kind="room")


def test_the_room_of_a_community_from_publishing_to_the_queue(town: Hall, clock: list[datetime]) -> None:
    room = town.office.units["活动室"]
    assert {kind["kind"]: kind["holdMinutes"] for kind in town.data("booking_kinds", plugin="community")} == {
        "community.room": 10,
        "community.window": 10,
    }
    here = {"booking": KIND, "resource": room}
    made = town.data("publish_slots", "社工", **here, plan=PLAN, key="p")
    assert town.data("publish_slots", "社工", **here, plan=PLAN, key="p") == made
    assert [slot["startsAt"] for slot in made] == [
        "2027-03-03T01:00:00.000Z", "2027-03-03T06:00:00.000Z", "2027-03-04T01:00:00.000Z", "2027-03-04T06:00:00.000Z",
    ]  # fmt: skip
    assert town.data("slots", **here, **DAYS) == made
    first, second, third, _ = [slot["id"] for slot in made]

    held = town.data("hold_slot", "马大妈", slot=first, key="h")
    assert (held["state"], held["expiresAt"], held["startsAt"]) == (
        "held", "2027-03-01T00:10:00.000Z", "2027-03-03T01:00:00.000Z",
    )  # fmt: skip
    assert town.data("hold_slot", "马大妈", slot=first, key="h")["number"] == held["number"]
    assert [slot["free"] for slot in town.data("slots", **here, **DAYS)] == [0, 1, 1, 1]
    assert town.error("hold_slot", "王大爷", slot=first) == ("CONFLICT", "名额已满")
    assert town.error("confirm_booking", "王大爷", number=held["number"]) == ("NOT_FOUND", "没有这个预约")
    assert town.data("confirm_booking", "马大妈", number=held["number"])["state"] == "confirmed"

    assert town.data("hold_slot", "王大爷", slot=third)["state"] == "held"
    assert town.error("hold_slot", "王大爷", slot=second)[1] == "“活动室预约”每人同时至多 1 个预约"
    closed = town.data("close_slots", "社工", slots=[third], reason="停电检修")
    assert [(slot["free"], slot["isClosed"]) for slot in closed] == [(0, True)]
    (mine,) = town.data("my_bookings", "王大爷")["nodes"]
    assert (mine["state"], mine["closedWhy"]) == ("cancelled", "停电检修")
    (told,) = town.data("my_messages", "王大爷")["nodes"]
    assert told["text"].startswith(f"您的活动室预约（预约号{mine['number']}，2027年3月4日09:00）因故取消，请另约")

    clock[0] = datetime(2027, 3, 3, 1, 5, tzinfo=UTC)
    assert town.error("check_in", "外村社工", number=held["number"]) == ("NOT_FOUND", "没有这个预约")
    assert town.data("check_in", "社工", number=held["number"]) == {
        "number": held["number"], "name": "马**", "quantity": 1, "state": "arrived", "queue": 1,
    }  # fmt: skip
    assert [one["name"] for one in town.data("slot_bookings", "社工", slot=first)] == ["马**"]
    assert town.error("cancel_booking", "马大妈", number=held["number"])[0] == "CONFLICT"
    assert town.data("cancel_booking", "王大爷", number=mine["number"])["state"] == "cancelled"


def test_who_is_nobody_and_what_is_nothing(town: Hall, clock: list[datetime]) -> None:
    clock[0] = START
    room = town.office.units["活动室"]
    slot = town.data("slots", booking=KIND, resource=room, **DAYS)[0]["id"]
    assert town.error("hold_slot", slot=slot)[0] == "NOT_AUTHENTICATED"
    assert town.error("my_bookings")[0] == "NOT_AUTHENTICATED"
    assert town.error("check_in", number="x")[0] == "NOT_AUTHENTICATED"
    assert town.error("hold_slot", "马大妈", slot="x") == ("NOT_FOUND", "没有这个时段")
    assert town.error("set_slot_quota", "马大妈", slot=slot, quota=5)[0] == "PERMISSION_DENIED"
    assert town.error("slot_bookings", "外村社工", slot=slot) == ("NOT_FOUND", "没有这个时段")
    assert town.data("slots", booking="community.nothing", resource=room, **DAYS) == []
    assert town.data("slots", booking=KIND, resource="x", **DAYS) == []
    for days in ({"to": "2028-01-01"}, {"to": "2027-02-28"}, {"from": "9999-12-30", "to": "9999-12-31"}):
        found = town.problems("slots", booking=KIND, resource=room, **{**DAYS, **days})
        assert found == [(["to"], "slot.days")]
    wrong = {**PLAN, "times": ["9", "25:00"]}
    found = town.problems("publish_slots", "社工", booking=KIND, resource=room, plan=wrong)
    assert found == [(["times"], "slot.time"), (["times"], "slot.time")]
    short = town.error("publish_slots", "社工", booking="room", resource=room, plan=PLAN)
    assert short == ("NOT_FOUND", "没有这种预约")
    assert town.error("my_bookings", "马大妈", after="x") == ("NOT_FOUND", "翻页标记无效")
    assert town.problems("my_bookings", "马大妈", first=0) == [(["first"], "page.first")]


def test_pages_and_a_delegate_s_sight(town: Hall, clock: list[datetime]) -> None:
    clock[0] = START
    ma, office = town.office["马大妈"], town.office
    room = office.units["活动室"]
    slots = town.data("slots", booking=KIND, resource=room, **DAYS)
    for slot in (slots[1], slots[2]):
        number = town.data("hold_slot", "马大妈", slot=slot["id"])["number"]
        assert town.data("cancel_booking", "马大妈", number=number)["state"] == "released"
    first = town.data("my_bookings", "马大妈", first=2)
    assert ([node["state"] for node in first["nodes"]], first["hasNextPage"]) == (["released", "released"], True)
    rest = town.data("my_bookings", "马大妈", first=2, after=first["endCursor"])
    assert ([node["state"] for node in rest["nodes"]], rest["hasNextPage"]) == (["arrived"], False)
    assert town.data("my_bookings", "马大妈", onlyOpen=True)["nodes"] == []
    office.people["代办人"] = replace(
        ma,
        id="acc-agent",
        agent=office["王大爷"].person,
        scopes=("community",),
        roles=frozenset({"anonymous", "delegate"}),
    )
    office.people["别的代办人"] = replace(office["代办人"], scopes=("grid",))
    assert len(town.data("my_bookings", "代办人")["nodes"]) == 3
    assert town.data("my_bookings", "别的代办人")["nodes"] == []
