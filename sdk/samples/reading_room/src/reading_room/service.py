"""The domain: which seats are free, who may book what."""

from __future__ import annotations

from tongban_sdk import Change, ConflictError, HostApi, InputProblem, InvalidInputError, JobContext

SEAT = "reading_room.seat"
BOOKING = "reading_room.booking"
#: The room opens with these when it has no seats yet.
FIRST_SEATS = ("A01", "A02")
PEOPLE_MAX = 2


async def check_booking(change: Change) -> None:
    """A booking is for at most two people, and nobody books a closed day."""
    if change.after.get("people", 1) > PEOPLE_MAX:
        raise InvalidInputError(
            "一次最多预约两人", [InputProblem(("input", "people"), "最多两人", "reading_room.people")]
        )
    if change.after.get("day") == "2026-10-01":
        raise ConflictError("国庆节闭馆")


async def set_open(host: HostApi, *, is_open: bool) -> None:
    """Open or close every seat; the first time there are none, so make them."""
    seats = await host.find(SEAT, first=100)
    if not seats and is_open:
        for code in FIRST_SEATS:
            await host.create(SEAT, {"code": code, "is_open": True}, idempotency_key=f"first-{code}")
    for seat in seats:
        if seat["is_open"] is not is_open:
            await host.update(SEAT, seat["id"], seat["version"], {"is_open": is_open})


async def free_seats(host: HostApi, day: str) -> list[str]:
    """Codes of open seats without a booking on that day."""
    booked = {row["seat_code"] for row in await host.find(BOOKING, {"day": day}, first=100)}
    seats = await host.find(SEAT, {"is_open": True}, first=100)
    return [seat["code"] for seat in seats if seat["code"] not in booked]


async def remind(context: JobContext) -> None:
    """Mark the booking as reminded. Running twice does nothing more."""
    row = await context.host.read(BOOKING, str(context.args["booking"]))
    if row is not None and not row["is_reminded"]:
        await context.host.update(BOOKING, row["id"], row["version"], {"is_reminded": True})
