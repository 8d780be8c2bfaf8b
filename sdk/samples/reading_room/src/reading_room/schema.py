"""Hand-written GraphQL fields beside those made from the manifest."""

from __future__ import annotations

import strawberry
from tongban_sdk import host_of

from reading_room import service


async def _free(info: strawberry.Info, day: str) -> list[str]:
    return await service.free_seats(host_of(info), day)


async def _book(info: strawberry.Info, seat: str, day: str, people: int = 1) -> strawberry.ID:
    values = {"seat_code": seat, "day": day, "people": people}
    row = await host_of(info).create(service.BOOKING, values, idempotency_key=f"{seat}-{day}")
    return strawberry.ID(row["id"])


# Resolvers as arguments, not as decorators: strawberry's decorators with arguments are untyped.
@strawberry.type
class Query:
    reading_room_free: list[str] = strawberry.field(resolver=_free, description="某日空闲的座位编号。")


@strawberry.type
class Mutation:
    reading_room_book: strawberry.ID = strawberry.mutation(resolver=_book, description="预约一个座位，返回预约编号。")
