"""Hand-written GraphQL fields beside those made from the manifest."""

from __future__ import annotations

import strawberry
from tongban_sdk import host_of

from reading_room import service


@strawberry.type
class Query:
    @strawberry.field(description="某日空闲的座位编号。")
    async def reading_room_free(self, info: strawberry.Info, day: str) -> list[str]:
        return await service.free_seats(host_of(info), day)


@strawberry.type
class Mutation:
    @strawberry.mutation(description="预约一个座位，返回预约编号。")
    async def reading_room_book(self, info: strawberry.Info, seat: str, day: str, people: int = 1) -> strawberry.ID:
        values = {"seat_code": seat, "day": day, "people": people}
        row = await host_of(info).create(service.BOOKING, values, idempotency_key=f"{seat}-{day}")
        return strawberry.ID(row["id"])
