"""Root fields of bookings: citizens look, hold, confirm, cancel; staff publish, close, check in."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import strawberry

from core.api.booking_types import (
    BookingKindInfo,
    BookingSlot,
    MyBooking,
    MyBookingPage,
    SlotBooking,
    SlotPlanInput,
)
from core.api.case_roots import Key
from core.api.compose import Roots
from core.api.measure import LOOKS_AT_SECRET
from core.api.paging import check_first
from core.booking import Booking, Bookings, Slot, Wish

Kind = Annotated[str, strawberry.argument(name="booking", description="哪种预约，如 community.room。")]
Resource = Annotated[strawberry.ID, strawberry.argument(description="资源（那一行）的标识。")]
SlotId = Annotated[strawberry.ID, strawberry.argument(description="时段的标识。")]
Number = Annotated[strawberry.ID, strawberry.argument(description="预约号。")]


async def _kinds(
    info: strawberry.Info, plugin: Annotated[str, strawberry.argument(description="应用标识；空为不限。")] = ""
) -> list[BookingKindInfo]:
    return [BookingKindInfo.of(kind) for kind in _bookings(info).kinds(plugin)]


async def _slots(
    info: strawberry.Info, kind: Kind, resource: Resource,
    from_day: Annotated[date, strawberry.argument(name="from", description="第一天（北京时间）。")],
    to_day: Annotated[date, strawberry.argument(name="to", description="最后一天，至多 31 天。")],
) -> list[BookingSlot]:  # fmt: skip
    found = await _bookings(info).slots(info.context.actor, kind, resource, from_day, to_day)
    return [BookingSlot.of(seen) for seen in found]


async def _mine(
    info: strawberry.Info,
    only_open: Annotated[bool, strawberry.argument(description="只看还有效的。")] = False,
    first: int = 20,
    after: str | None = None,
) -> MyBookingPage:
    bookings = _bookings(info)
    found = await bookings.mine(info.context.actor, only_open=only_open, first=check_first(first), after=after)
    nodes = [MyBooking.of(one, slot, bookings.closed_why(slot)) for one, slot in found.items]
    return MyBookingPage(nodes=nodes, has_next_page=found.cursor is not None, end_cursor=found.cursor)


async def _of_slot(info: strawberry.Info, slot: SlotId) -> list[SlotBooking]:
    _, found = await _bookings(info).of_slot(info.context.actor, slot)
    return await _views(info, found)


async def _hold(
    info: strawberry.Info, slot: SlotId,
    quantity: Annotated[int, strawberry.argument(description="几个名额。")] = 1,
    person: Annotated[
        strawberry.ID | None, strawberry.argument(description="替被监护人约时写：他的标识（core.person）。")
    ] = None,
    idempotency_key: Key = None,
) -> MyBooking:  # fmt: skip
    made = await _bookings(info).hold(info.context.actor, Wish(slot, quantity, person), key=idempotency_key)
    return await _own(info, made)


async def _confirm(info: strawberry.Info, number: Number) -> MyBooking:
    return await _own(info, await _bookings(info).confirm(info.context.actor, number))


async def _cancel(info: strawberry.Info, number: Number) -> MyBooking:
    return await _own(info, await _bookings(info).cancel(info.context.actor, number))


async def _publish(
    info: strawberry.Info, kind: Kind, resource: Resource, plan: SlotPlanInput, idempotency_key: Key = None
) -> list[BookingSlot]:
    slots = await _bookings(info).publish(info.context.actor, kind, resource, plan.plan, key=idempotency_key)
    return await _shown(info, slots)


async def _set_quota(
    info: strawberry.Info, slot: SlotId,
    quota: Annotated[int, strawberry.argument(description="新的名额，不能少于已经约出的。")],
) -> BookingSlot:  # fmt: skip
    return (await _shown(info, [await _bookings(info).set_quota(info.context.actor, slot, quota)]))[0]


async def _close(
    info: strawberry.Info,
    slots: Annotated[list[strawberry.ID], strawberry.argument(description="时段的标识，一次至多 100 个。")],
    reason: Annotated[str, strawberry.argument(description="停办的原因，预约的人看得到。")],
) -> list[BookingSlot]:
    return await _shown(info, await _bookings(info).close(info.context.actor, slots, reason))


async def _check_in(info: strawberry.Info, number: Number) -> SlotBooking:
    return (await _views(info, [await _bookings(info).check_in(info.context.actor, number)]))[0]


@strawberry.type
class Query:
    booking_kinds: list[BookingKindInfo] = strawberry.field(resolver=_kinds, description="可以预约的种类和规矩。")
    slots: list[BookingSlot] = strawberry.field(
        resolver=_slots, description="一项资源的时段和余量；看得到这项资源的人才看得到，停用的应用没有。"
    )
    my_bookings: MyBookingPage = strawberry.field(
        resolver=_mine, description="本人（被监护人、所代办的人、所代表的法人）的预约，新的在前。"
    )
    slot_bookings: list[SlotBooking] = strawberry.field(
        resolver=_of_slot, description="一个时段谁要来、谁来了，按排号；限管理这项资源的工作人员。"
    )


@strawberry.type
class Mutation:
    hold_slot: MyBooking = strawberry.mutation(
        resolver=_hold, description="占位：期限内没有确认就自动释放。名额满了的拒绝，永不超额。"
    )
    confirm_booking: MyBooking = strawberry.mutation(resolver=_confirm, description="确认占位；过期的拒绝。")
    cancel_booking: MyBooking = strawberry.mutation(
        resolver=_cancel, description="取消预约，名额立即退回；过了最晚取消时间的拒绝。"
    )
    publish_slots: list[BookingSlot] = strawberry.mutation(
        resolver=_publish, description="发布时段或库存：全部发布，或一个也不发布；同一资源同一时间只发布一次。"
    )
    set_slot_quota: BookingSlot = strawberry.mutation(resolver=_set_quota, description="改名额，不能少于已经约出的。")
    close_slots: list[BookingSlot] = strawberry.mutation(
        resolver=_close, description="停办：时段里的预约全部取消，逐人告知。"
    )
    check_in: SlotBooking = strawberry.mutation(
        resolver=_check_in, metadata=LOOKS_AT_SECRET, description="签到（核销）：给出排号；同一个预约只有一个排号。"
    )


def booking_roots() -> Roots:
    return Roots(Query, Mutation)


def _bookings(info: strawberry.Info) -> Bookings:
    found: Bookings = info.context.host.bookings
    return found


async def _own(info: strawberry.Info, booking: Booking) -> MyBooking:
    bookings = _bookings(info)
    slot = await bookings.slot_of(booking)
    return MyBooking.of(booking, slot, bookings.closed_why(slot))


async def _shown(info: strawberry.Info, slots: list[Slot]) -> list[BookingSlot]:
    return [BookingSlot.of(seen) for seen in await _bookings(info).with_free(slots)]


async def _views(info: strawberry.Info, found: list[Booking]) -> list[SlotBooking]:
    context: Any = info.context
    names = await context.host.privacy.people.masked_names([one.person for one in found if one.person])
    return [SlotBooking.of(one, names.get(one.person or "", "")) for one in found]
