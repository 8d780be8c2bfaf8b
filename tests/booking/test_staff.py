"""Staff: all of a plan or none, no two at one time, quotas, closing with word to everybody; who may do none of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)

from core.booking import Plan, Wish
from tests.api.servers import ADMIN
from tests.booking.halls import Town
from tests.cases.conftest import VILLAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")
MONDAY = date(2027, 3, 8)


async def test_published_by_days_weekdays_and_times(town: Town) -> None:
    plan = Plan(2, MONDAY, date(2027, 3, 21), frozenset({1, 5}), (time(14), time(9)), 60)
    desk = town["派遣员"]
    made = await town.bookings.publish(desk, "works.hall", town.hall, plan, key="p")
    begins = [slot.starts_at.isoformat() for slot in made if slot.starts_at]
    assert begins[:3] == ["2027-03-08T09:00:00+08:00", "2027-03-08T14:00:00+08:00", "2027-03-12T09:00:00+08:00"]
    assert len(made) == 8
    again = await town.bookings.publish(desk, "works.hall", town.hall, plan, key="p")
    assert [slot.id for slot in again] == [slot.id for slot in made]
    # One that overlaps, and nothing of the whole plan is there.
    half = Plan(2, date(2027, 3, 11), date(2027, 3, 12), times=(time(13, 30),), length_min=60)
    with pytest.raises(ConflictError, match="已经发布过：2027年3月12日14:00；这次一个也没有发布"):
        await town.bookings.publish(desk, "works.hall", town.hall, half)
    # What touches does not overlap; another kind has a calendar of its own.
    await town.publish(day=7, times=(10, 13))
    await town.publish("crowd", day=7, times=(9,))
    assert await town.count("tb_slot") == [11]


@pytest.mark.parametrize(
    ("plan", "ids"),
    [
        (Plan(0), ["slot.quota", "slot.days"]),
        (Plan(1, MONDAY, date(2027, 3, 7), times=(time(9),), length_min=60), ["slot.days"]),
        (Plan(1, MONDAY, date(2029, 3, 8), times=(time(9),), length_min=60), ["slot.days"]),
        (Plan(1, date(9999, 12, 30), date(9999, 12, 31), times=(time(23),), length_min=120), ["slot.days"]),
        (Plan(1, MONDAY, MONDAY, frozenset({8}), (time(9),), 0), ["slot.weekdays", "slot.length"]),
        (Plan(1, MONDAY, MONDAY, frozenset({2}), (time(9),), 60), ["slot.none"]),
        (Plan(1, MONDAY, MONDAY, times=(), length_min=60), ["slot.times"]),
        (Plan(1, MONDAY, MONDAY, times=(time(9), time(9, 30)), length_min=60), ["slot.overlap"]),
        (Plan(1, date(2027, 3, 1), MONDAY, times=(time(8),), length_min=60), ["slot.past"]),
        (Plan(1, MONDAY, date(2028, 2, 1), times=tuple(map(time, range(24))), length_min=60), ["slot.many"]),
    ],
)
async def test_a_wrong_plan_is_told_whole(town: Town, plan: Plan, ids: list[str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await town.bookings.publish(town["派遣员"], "works.hall", town.hall, plan)
    assert [problem.id for problem in refused.value.problems] == ids
    assert await town.count("tb_slot") == [0]


async def test_stock_has_no_times(town: Town) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await town.bookings.publish(town["派遣员"], "works.seeds", town.hall, Plan(1, MONDAY, MONDAY))
    assert [problem.id for problem in refused.value.problems] == ["slot.stock"]


async def test_only_who_looks_after_the_hall(town: Town) -> None:
    (slot,) = await town.publish(quota=3)
    booked = await town.booked("马大妈", slot)
    plan, hall, bookings = Plan(1, MONDAY, MONDAY, times=(time(9),), length_min=60), town.hall, town.bookings
    nobody = replace(town["马大妈"], id="", kind="anonymous", person=None, roles=frozenset({"anonymous"}))
    for name, kind in [
        ("马大妈", PermissionDeniedError),
        ("维修工", PermissionDeniedError),
        ("外村派遣员", NotFoundError),
    ]:
        who = town[name]
        with pytest.raises(kind):
            await bookings.publish(who, "works.hall", hall, plan)
        with pytest.raises(kind):
            await bookings.set_quota(who, slot.id, 5)
        with pytest.raises(kind):
            await bookings.close(who, [slot.id], "停电")
        with pytest.raises(kind):
            await bookings.of_slot(who, slot.id)
        with pytest.raises((kind, NotFoundError)):
            await bookings.check_in(who, booked.number)
    with pytest.raises(NotAuthenticatedError):
        await bookings.check_in(nobody, booked.number)
    with pytest.raises(NotFoundError, match="没有这种预约"):
        await bookings.publish(town["派遣员"], "works.hal", hall, plan)
    assert await town.fetch("SELECT quota, closed_at FROM tb_slot") == [(3, None)]
    assert await town.states() == ["confirmed"]


async def test_a_quota_never_falls_below_what_is_taken(town: Town) -> None:
    (slot,) = await town.publish("crowd", quota=5)
    await town.booked("马大妈", slot, 3)
    with pytest.raises(ConflictError, match="已经约出 3 个，不能少于它，名额没有改"):
        await town.bookings.set_quota(town["派遣员"], slot.id, 2)
    assert (await town.bookings.set_quota(town["派遣员"], slot.id, 3)).quota == 3
    with pytest.raises(ConflictError, match="名额已满"):
        await town.hold("王大爷", slot)
    await town.check_law()


async def test_closing_cancels_everything_and_tells_everybody(town: Town) -> None:
    slots = await town.publish("crowd", quota=4, times=(9, 10))
    one, two = await town.booked("马大妈", slots[0], 2), await town.hold("王大爷", slots[0])
    company = replace(town["王大爷"], legal_entity=town.company, roles=frozenset({"anonymous", "legal_person"}))
    other = await town.booked("马大妈", slots[1])
    with pytest.raises(PermissionDeniedError, match="面向个人"):
        await town.bookings.hold(company, Wish(slots[1].id))
    with pytest.raises(InvalidInputError):
        await town.bookings.close(town["派遣员"], [slots[0].id], " ")
    assert await town.states() == ["confirmed", "confirmed", "held"]
    (closed,) = await town.bookings.close(town["派遣员"], [slots[0].id], "停电检修")
    assert (closed.taken, town.bookings.closed_why(closed)) == (0, "停电检修")
    assert await town.fetch("SELECT closed_why FROM tb_slot WHERE closed_why LIKE '%停电%'") == []
    # Once more tells nobody again.
    await town.bookings.close(town["派遣员"], [slots[0].id], "停电检修")
    found = await town.bookings.mine(town["马大妈"])
    assert [(one.number, one.state) for one, _ in found.items] == [
        (other.number, "confirmed"),
        (one.number, "cancelled"),
    ]
    # Of bookings of one millisecond nobody is first.
    told = await town.fetch("SELECT text, plugin_id FROM tb_message")
    assert sorted(told) == sorted(
        (f"您的讲座（预约号{number}，2027年3月3日09:00）因故取消，请另约。详情见“我的预约”，或咨询县市政局", "works")
        for number in (one.number, two.number)
    )
    with pytest.raises(ConflictError, match="已经停办"):
        await town.hold("马大妈", slots[0])
    # The time is free for others.
    await town.publish("crowd", quota=4, times=(9,))
    await town.check_law()


async def test_companies_wards_and_delegates(town: Town) -> None:
    """Each sees and changes its own: a company's operator the company's, a delegate within the scopes."""
    (slot,) = await town.publish(quota=9)
    ma, company = town["马大妈"], town.company
    operator = replace(ma, legal_entity=company, roles=frozenset({"anonymous", "legal_person"}))
    delegate = replace(
        town["王大爷"], id="acc-d", person=ma.person, agent=town["王大爷"].person, scopes=("works",),
        roles=frozenset({"anonymous", "delegate"}),
    )  # fmt: skip
    own, firm = await town.hold("马大妈", slot), await town.bookings.hold(operator, Wish(slot.id))
    assert (firm.person, firm.legal_entity, firm.agent) == (None, company, ma.person)
    for who, number in ((ma, firm.number), (operator, own.number), (replace(delegate, scopes=("grid",)), own.number)):
        with pytest.raises(NotFoundError, match="没有这个预约"):
            await town.bookings.confirm(who, number)
        assert number not in [one.number for one, _ in (await town.bookings.mine(who)).items]
    assert (await town.bookings.confirm(delegate, own.number)).state == "confirmed"
    assert [one.number for one, _ in (await town.bookings.mine(delegate)).items] == [own.number]
    assert (await town.bookings.cancel(operator, firm.number)).state == "released"
    await town.check_law()


async def test_a_guardian_books_for_his_ward(town: Town) -> None:
    (slot,) = await town.publish(quota=9)
    child = await town.create("core.person", name="马小妹", sex="2", birth_date="2020-01-01", division=VILLAGE)
    guardian, ma = town["马大妈"].person, town["马大妈"]
    with pytest.raises(PermissionDeniedError):
        await town.hold("马大妈", slot, ward=child)
    facts = {"ward": child, "guardian": guardian, "relation": "parent", "state": "verified"}
    await town.create("core.guardian_link", **facts)
    held = await town.hold("马大妈", slot, ward=child)
    assert (held.person, held.agent) == (child, guardian)
    assert [one.number for one, _ in (await town.bookings.mine(ma)).items] == [held.number]
    # Her own counts beside it.
    assert (await town.hold("马大妈", slot)).state == "held"
    assert (await town.bookings.cancel(ma, held.number)).state == "released"


async def test_an_application_that_is_off_offers_nothing(town: Town) -> None:
    (slot,) = await town.publish(quota=9)
    booked = await town.booked("马大妈", slot)
    registry = town.host.registry
    for division in ("", VILLAGE):
        await registry.set_state("works", "off", division or None, ADMIN)
        day = date(2027, 3, 3)
        assert await town.bookings.slots(town["马大妈"], slot.kind, slot.resource, day, day) == []
        assert (await town.bookings.mine(town["马大妈"])).items == ()
        for deed in (
            town.hold("王大爷", slot),
            town.bookings.cancel(town["马大妈"], booked.number),
            town.publish(day=4),
        ):
            with pytest.raises(UnavailableError):
                await deed
        # Whom nobody could let in has missed nothing.
        await registry.set_state("works", "on", division or None, ADMIN)
    await registry.set_state("works", "draining", VILLAGE, ADMIN)
    with pytest.raises(UnavailableError, match="停办"):
        await town.hold("王大爷", slot)
    assert len((await town.bookings.mine(town["马大妈"])).items) == 1
    await registry.set_state("works", "off", VILLAGE, ADMIN)
    town.clock[0] = datetime(2027, 3, 4, tzinfo=UTC)
    await town.bookings.settling.run_all()
    await registry.set_state("works", "on", VILLAGE, ADMIN)
    assert await town.states() == ["released"]
    await town.check_law()
