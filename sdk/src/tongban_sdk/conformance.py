"""What every host does for plugins, as checks that run on the fake and on the real one.

The subject is the sample plugin `reading_room` (sdk/samples/reading_room): seats anyone may read, bookings a reader
may make, a check that refuses, an event that asks for a job, and hand-written GraphQL fields.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    RequestError,
)
from tongban_sdk.host_api import HostApi

SEAT = "reading_room.seat"
BOOKING = "reading_room.booking"
READER = Actor(id="reader-1", kind="citizen", roles=frozenset({"anonymous", "reading_room_reader"}))
STRANGER = Actor(id="stranger-1", kind="citizen", roles=frozenset({"anonymous"}))
NO_ROW = "00000000-0000-7000-8000-000000000000"


class HostUnderTest(Protocol):
    """A host with `reading_room` switched on and settled."""

    def api(self, actor: Actor) -> HostApi:
        """The host under the rights of an actor."""
        ...

    def service(self, plugin_id: str) -> HostApi:
        """The host as the plugin's own jobs and events see it."""
        ...

    async def settle(self) -> None:
        """Return when events and due jobs are done."""
        ...

    async def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, actor: Actor) -> dict[str, Any]:
        """Execute an operation; `{"data": …}` and `"errors": [{"message", "code"}]` when there are any."""
        ...


E = TypeVar("E", bound=RequestError)
Check = Callable[[HostUnderTest], Awaitable[None]]


async def _refused(kind: type[E], doing: Awaitable[object]) -> E:
    try:
        await doing
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} expected, nothing raised")


async def on_enabled_made_the_first_seats(host: HostUnderTest) -> None:
    seats = await host.api(ANONYMOUS).find(SEAT)
    assert sorted((seat["code"], seat["is_open"], seat["version"]) for seat in seats) == [
        ("A01", True, 1),
        ("A02", True, 1),
    ]


async def rows_are_read_by_id_and_by_equal_fields(host: HostUnderTest) -> None:
    api = host.service("reading_room")
    made = await api.create(SEAT, {"code": "B01"})
    assert await api.read(SEAT, made["id"]) == made
    assert [row["code"] for row in await api.find(SEAT, {"code": "B01"})] == ["B01"]
    assert [row["code"] for row in await api.find(SEAT, {"is_open": None})] == ["B01"]
    assert await api.find(SEAT, {"code": "none"}) == []
    assert len(await api.find(SEAT, first=1)) == 1
    assert await api.read(SEAT, NO_ROW) is None


async def unknown_names_are_refused(host: HostUnderTest) -> None:
    api = host.service("reading_room")
    await _refused(NotFoundError, api.read("reading_room.nothing", NO_ROW))
    await _refused(NotFoundError, api.find("nothing.seat"))
    await _refused(InvalidInputError, api.find(SEAT, {"nothing": 1}))
    await _refused(InvalidInputError, api.find(SEAT, first=0))
    await _refused(InvalidInputError, api.find(SEAT, first=101))
    await _refused(NotFoundError, api.schedule("reading_room.nothing"))
    await _refused(NotFoundError, api.call("nothing.at_all", {}))
    await _refused(InvalidInputError, api.create(SEAT, {"code": "C01", "nothing": 1}))
    assert await api.find(SEAT, {"code": "C01"}) == []


async def every_wrong_value_is_named_at_once(host: HostUnderTest) -> None:
    error = await _refused(InvalidInputError, host.api(READER).create(BOOKING, {"day": 7, "people": "two"}))
    assert {problem.path[-1] for problem in error.problems} >= {"day", "people"}, error.problems


async def rights_come_from_access_yaml(host: HostUnderTest) -> None:
    values = {"seat_code": "A01", "day": "2026-05-01"}
    await _refused(PermissionDeniedError, host.api(STRANGER).create(BOOKING, values))
    await _refused(NotAuthenticatedError, host.api(ANONYMOUS).create(BOOKING, values))
    await _refused(PermissionDeniedError, host.api(READER).create(SEAT, {"code": "X"}))
    await _refused(PermissionDeniedError, host.api(STRANGER).find(BOOKING))
    assert await host.service("reading_room").find(BOOKING) == []
    booked = await host.api(READER).create(BOOKING, values)
    await _refused(PermissionDeniedError, host.api(STRANGER).read(BOOKING, booked["id"]))
    assert (await host.api(READER).read(BOOKING, booked["id"]) or {})["seat_code"] == "A01"


async def an_idempotency_key_has_one_effect(host: HostUnderTest) -> None:
    api = host.api(READER)
    values = {"seat_code": "A01", "day": "2026-05-02"}
    first = await api.create(BOOKING, values, idempotency_key="k")
    assert (await api.create(BOOKING, values, idempotency_key="k"))["id"] == first["id"]
    await _refused(ConflictError, api.create(BOOKING, {**values, "people": 2}, idempotency_key="k"))
    assert len(await api.find(BOOKING, {"day": "2026-05-02"})) == 1


async def versions_guard_updates_and_deletes(host: HostUnderTest) -> None:
    api = host.service("reading_room")
    row = await api.create(SEAT, {"code": "D01", "is_open": True})
    after = await api.update(SEAT, row["id"], 1, {"is_open": False})
    assert (after["version"], after["is_open"], after["code"]) == (2, False, "D01")
    await _refused(ConflictError, api.update(SEAT, row["id"], 1, {"is_open": True}))
    await _refused(NotFoundError, api.update(SEAT, NO_ROW, 1, {"is_open": True}))
    await _refused(PermissionDeniedError, api.delete(SEAT, row["id"], 2))
    assert await api.read(SEAT, row["id"]) == after


async def check_change_refuses_before_anything_is_written(host: HostUnderTest) -> None:
    api = host.api(READER)
    await _refused(InvalidInputError, api.create(BOOKING, {"seat_code": "A01", "day": "2026-05-03", "people": 3}))
    await _refused(ConflictError, api.create(BOOKING, {"seat_code": "A01", "day": "2026-10-01"}))
    await host.settle()
    assert await api.find(BOOKING, {"day": "2026-05-03"}) == []
    assert await api.find(BOOKING, {"day": "2026-10-01"}) == []


async def an_event_leads_to_a_job_with_its_effect(host: HostUnderTest) -> None:
    booked = await host.api(READER).create(BOOKING, {"seat_code": "A02", "day": "2026-05-04"})
    await host.settle()
    row = await host.service("reading_room").read(BOOKING, booked["id"])
    assert row is not None
    assert (row["is_reminded"], row["version"]) == (True, 2)


async def hand_written_fields_act_as_the_caller(host: HostUnderTest) -> None:
    free = 'query { readingRoomFree(day: "2026-05-05") }'
    book = 'mutation { readingRoomBook(seat: "A01", day: "2026-05-05") }'
    assert await host.graphql(free, actor=READER) == {"data": {"readingRoomFree": ["A01", "A02"]}}
    refused = await host.graphql(book, actor=STRANGER)
    assert [error["code"] for error in refused["errors"]] == ["PERMISSION_DENIED"]
    assert await host.graphql(free, actor=READER) == {"data": {"readingRoomFree": ["A01", "A02"]}}
    booked = await host.graphql(book, actor=READER)
    assert "errors" not in booked
    assert await host.graphql(free, actor=READER) == {"data": {"readingRoomFree": ["A02"]}}


async def waiting_jobs_with_one_key_are_one(host: HostUnderTest) -> None:
    api = host.service("reading_room")
    first = await api.schedule("reading_room.remind", {"booking": NO_ROW}, delay_s=3600, key="k")
    assert await api.schedule("reading_room.remind", {"booking": NO_ROW}, delay_s=3600, key="k") == first
    assert await api.schedule("reading_room.remind", {"booking": NO_ROW}, delay_s=3600, key="other") != first


#: Each runs on a host of its own.
CHECKS: tuple[Check, ...] = (
    on_enabled_made_the_first_seats,
    rows_are_read_by_id_and_by_equal_fields,
    unknown_names_are_refused,
    every_wrong_value_is_named_at_once,
    rights_come_from_access_yaml,
    an_idempotency_key_has_one_effect,
    versions_guard_updates_and_deletes,
    check_change_refuses_before_anything_is_written,
    an_event_leads_to_a_job_with_its_effect,
    hand_written_fields_act_as_the_caller,
    waiting_jobs_with_one_key_are_one,
)
