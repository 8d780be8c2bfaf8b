"""The life of a booking on one clock: held, confirmed, given back in time, missed; every refusal leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RealNameRequiredError,
)

from core.access.service import service_actor
from core.booking import Wish
from core.cases import Case
from core.write.offers import call
from tests.booking.halls import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")
#: What the audit says of bookings.
LINES = "tb_audit WHERE action LIKE 'booking.%'"


async def test_held_confirmed_and_checked_in(town: Town) -> None:
    before = await town.count(LINES)
    (slot,) = await town.publish(quota=2)
    held = await town.hold("马大妈", slot, key="k1")
    assert (held.state, held.due_at) == ("held", town.clock[0] + timedelta(minutes=10))
    assert await town.hold("马大妈", slot, key="k1") == held
    assert await town.free(slot) == 1
    booked = await town.bookings.confirm(town["马大妈"], held.number.lower().replace("-", ""))
    assert (booked.state, booked.due_at) == ("confirmed", slot.ends_at)
    # Once more says the same.
    assert (await town.bookings.confirm(town["马大妈"], held.number)).confirmed_at == booked.confirmed_at
    with pytest.raises(ConflictError, match="当天才能签到"):
        await town.bookings.check_in(town["派遣员"], held.number)
    town.at(days=2, minutes=30)
    first = await town.bookings.check_in(town["派遣员"], held.number)
    assert (first.state, first.queue) == ("arrived", 1)
    assert await town.bookings.check_in(town["派遣员"], held.number) == first
    other = await town.booked("王大爷", slot)
    assert (await town.bookings.check_in(town["派遣员"], other.number)).queue == 2
    await town.check_law()
    # Held, confirmed, checked in: two each, whatever was said twice.
    assert await town.count(LINES) == [before[0] + 6]
    assert await town.fetch("SELECT count(*) FROM tb_outbox WHERE topic LIKE 'booking.%'") == [(6,)]


async def test_a_booking_is_cancelled_in_time_only(town: Town) -> None:
    (slot,) = await town.publish()
    booked = await town.booked("马大妈", slot)
    with pytest.raises(NotFoundError):
        await town.bookings.cancel(town["王大爷"], booked.number)
    town.at(days=1, hours=23)
    # 07:00, the slot begins at 09:00.
    assert (await town.bookings.cancel(town["马大妈"], booked.number)).state == "cancelled"
    assert (await town.bookings.cancel(town["马大妈"], booked.number)).state == "cancelled"
    again = await town.booked("马大妈", slot)
    town.at(minutes=1)
    with pytest.raises(ConflictError, match="已过最晚取消时间（2027年3月3日07:00）"):
        await town.bookings.cancel(town["马大妈"], again.number)
    assert await town.states() == ["cancelled", "confirmed"]
    await town.check_law()


async def test_who_is_missed_three_times_books_nothing_for_a_month(town: Town) -> None:
    for day in (2, 4, 6):
        (slot,) = await town.publish(day=day)
        await town.booked("马大妈", slot)
        town.at(days=2, hours=3)
        assert await town.bookings.settling.run_all() == 1
    assert await town.states() == ["missed"] * 3
    (slot,) = await town.publish(day=10)
    with pytest.raises(ConflictError, match="爽约 3 次，“会议室预约”暂停预约，2027-04-06 起恢复"):
        await town.hold("马大妈", slot)
    assert (await town.hold("王大爷", slot)).state == "held"
    town.clock[0] = datetime(2027, 4, 6, tzinfo=UTC)
    (slot,) = await town.publish(day=38)
    assert (await town.hold("马大妈", slot)).state == "held"
    await town.check_law()


async def test_a_miss_counts_even_before_the_loop_has_looked(town: Town) -> None:
    for day in (2, 4, 6):
        (slot,) = await town.publish(day=day)
        await town.booked("马大妈", slot)
        town.at(days=2, hours=3)
    (slot,) = await town.publish(day=10)
    with pytest.raises(ConflictError, match="爽约 3 次"):
        await town.hold("马大妈", slot)


async def test_released_a_week_before_at_nine(town: Town) -> None:
    (slot,) = await town.publish(day=8)
    assert slot.opens_at == datetime(2027, 3, 2, 1, tzinfo=UTC)
    with pytest.raises(ConflictError, match="还没有放号，2027年3月2日09:00开始"):
        await town.hold("马大妈", slot)
    town.at(days=1, hours=1)
    assert (await town.hold("马大妈", slot)).state == "held"


async def test_what_one_may_not_book(town: Town) -> None:
    (slot,) = await town.publish(quota=9)
    inner = await town.create("works.hall", name="内部", is_inner=True)
    (hidden,) = await town.publish(hall=inner)
    ma = town["马大妈"]
    refused: list[tuple[type[Exception], str, object, Wish]] = [
        (InvalidInputError, "填写的内容有误", ma, Wish(slot.id, 4)),
        (InvalidInputError, "填写的内容有误", ma, Wish(slot.id, 0)),
        (NotFoundError, "没有这个时段", ma, Wish(hidden.id)),
        (NotFoundError, "没有这个时段", ma, Wish("x")),
        (RealNameRequiredError, "二级", replace(ma, real_name=1), Wish(slot.id)),
        (PermissionDeniedError, "群众本人", town["派遣员"], Wish(slot.id)),
        (PermissionDeniedError, "监护关系", ma, Wish(slot.id, 1, town["王大爷"].person)),
        (PermissionDeniedError, "委托没有包括", replace(ma, agent=ma.person, scopes=("grid",)), Wish(slot.id)),
    ]
    for kind, words, who, wish in refused:
        with pytest.raises(kind, match=words):
            await town.bookings.hold(who, wish)  # type: ignore[arg-type]  # an Actor
    assert await town.count("tb_booking", "tb_idempotency") == [0, 0]
    await town.hold("马大妈", slot)
    with pytest.raises(ConflictError, match="每人同时至多 1 个"):
        await town.hold("马大妈", slot)
    town.at(days=2, hours=1)
    with pytest.raises(ConflictError, match="已经开始"):
        await town.hold("王大爷", slot)
    assert await town.states() == ["held"]


async def test_stock_is_taken_and_handed_out(town: Town) -> None:
    stock = await town.stock(7)
    booked = await town.booked("马大妈", stock, 5)
    assert booked.due_at is None
    with pytest.raises(ConflictError, match="名额已满"):
        await town.hold("王大爷", stock, 3)
    assert await town.free(stock) == 2
    town.at(days=100)
    assert await town.bookings.settling.run_all() == 0
    assert (await town.bookings.check_in(town["派遣员"], booked.number)).state == "arrived"
    with pytest.raises(ConflictError, match="已经发布过"):
        await town.stock(3)
    await town.check_law()


async def test_plugins_call_it_in_the_rights_of_who_called_them(town: Town) -> None:
    (slot,) = await town.publish(quota=2)
    offers, ma = town.bookings.offers(), town["马大妈"]
    day = {"kind": "works.hall", "resource": town.hall, "from": "2027-03-03", "to": "2027-03-03"}
    found = await call(offers, ma, "slots.free", day)
    assert [(one["id"], one["free"]) for one in found["slots"]] == [(slot.id, 2)]
    held = await call(offers, ma, "slots.hold", {"slot": slot.id, "key": "k"})
    assert await call(offers, ma, "slots.hold", {"slot": slot.id, "key": "k"}) == held
    with pytest.raises(NotFoundError):
        await call(offers, town["王大爷"], "slots.confirm", {"number": held["number"]})
    assert (await call(offers, ma, "slots.confirm", {"number": held["number"]}))["state"] == "confirmed"
    assert (await call(offers, ma, "slots.cancel", {"number": held["number"]}))["state"] == "cancelled"
    with pytest.raises(PermissionDeniedError):
        await call(offers, service_actor("works"), "slots.hold", {"slot": slot.id})
    with pytest.raises(InvalidInputError):
        await call(offers, ma, "slots.hold", {"slot": slot.id, "quantity": 0})


# A case takes the hold of its applicant in the transaction of its step, and gives it back when it comes to nothing.


async def filed(town: Town, number: str, who: str = "马大妈") -> Case:
    return await town.report(who, "visit", note=number)


async def test_confirmed_in_the_step_and_kept_by_the_case(town: Town) -> None:
    (slot,) = await town.publish(quota=2)
    held = await town.hold("马大妈", slot)
    case = await filed(town, held.number)
    assert await town.states() == ["held"]
    case = await town.act("派遣员", case, "book")
    assert case.state == "booked"
    ((booked, _),) = (await town.bookings.mine(town["马大妈"])).items
    assert (booked.state, booked.case_number) == ("confirmed", case.number)
    with pytest.raises(ConflictError, match="属于正在办理的事项"):
        await town.bookings.cancel(town["马大妈"], held.number)
    assert await town.states() == ["confirmed"]
    await town.act("派遣员", case, "finish")
    # The case is done: the place stays hers, and hers to give up.
    assert await town.states() == ["confirmed"]
    assert (await town.bookings.cancel(town["马大妈"], held.number)).state == "cancelled"
    await town.check_law()


@pytest.mark.parametrize(
    ("who", "action", "reason"), [("派遣员", "refuse", "不合适"), ("马大妈", "withdraw", "不去了")]
)
async def test_a_case_that_comes_to_nothing_gives_it_back(town: Town, who: str, action: str, reason: str) -> None:
    (slot,) = await town.publish()
    held = await town.hold("马大妈", slot)
    case = await town.act("派遣员", await filed(town, held.number), "book")
    assert await town.free(slot) == 0
    await town.act(who, case, action, reason)
    assert (await town.states(), await town.free(slot)) == (["released"], 1)
    await town.check_law()


async def test_a_step_that_gives_a_hold_back(town: Town) -> None:
    (slot,) = await town.publish()
    held = await town.hold("马大妈", slot)
    await town.act("派遣员", await filed(town, held.number), "decline")
    assert (await town.states(), await town.free(slot)) == (["released"], 1)


async def test_what_is_not_the_applicant_s_hold_refuses_the_step(town: Town) -> None:
    """Another's, an expired one, one that is confirmed already, none: the case stays where it was."""
    (slot,) = await town.publish("crowd", quota=9)
    others, own = await town.hold("王大爷", slot), await town.booked("马大妈", slot)
    late = await town.hold("马大妈", slot)
    cases = [await filed(town, number) for number in (others.number, own.number, late.number, "7K3M-9QXT-2HPA", "x")]
    town.at(minutes=10)
    for case in cases:
        with pytest.raises(ConflictError, match=r"没有申请人的这个预约|占位已经过期或已经取消"):
            await town.act("派遣员", case, "book")
        assert (await town.cases.get(town["派遣员"], case.number)).state == "new"
        # Nor does giving back touch what is not the case's.
        await town.act("派遣员", case, "decline")
    # Her own expired hold is hers to give back; nothing else moved.
    assert await town.states() == ["confirmed", "held", "released"]
    assert await town.fetch("SELECT count(*) FROM tb_booking WHERE case_number IS NOT NULL") == [(0,)]
    await town.check_law()
