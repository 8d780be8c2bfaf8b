"""Never oversold: many at once, every order of deeds, a process that is killed."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable
from random import Random

import pytest
from tongban_sdk.errors import ConflictError, RequestError

from core.booking import Slot, Wish
from core.fields.times import utc_now
from tests.booking.halls import Town

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHILD = """
import asyncio, sys
from tongban_sdk.actor import Actor
from core.booking import Wish
from core.host import open_host
from core.plugins import discovery
from core.settings import ROOT, read_settings
async def main(url, schema, folder, person, slot):
    discovery.IN_TREE = ROOT / "manifests" / "core"
    settings = read_settings({
        "TONGBAN_DATA_DIR": folder, "TONGBAN_DATABASE_URL": url, "TONGBAN_MANIFESTS": folder + "/manifests",
    })
    who = Actor("acc-0", "citizen", person, frozenset({"anonymous", "resident"}), real_name=3)
    async with open_host(settings, migrate=False, schema=schema or None) as host:
        for turn in range(1000):
            held = await host.bookings.hold(who, Wish(slot))
            print(held.number, "held", flush=True)
            if turn % 2:
                await host.bookings.confirm(who, held.number)
                print(held.number, "confirmed", flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_hold_expires_by_itself_and_its_place_is_free_at_once(either_town: Town) -> None:
    town = either_town
    (slot,) = await town.publish()
    held = await town.hold("马大妈", slot)
    with pytest.raises(ConflictError, match="名额已满"):
        await town.hold("王大爷", slot)
    town.at(minutes=10)
    # No loop has looked yet.
    assert await town.free(slot) == 1
    with pytest.raises(ConflictError, match="占位已经过期"):
        await town.bookings.confirm(town["马大妈"], held.number)
    assert (await town.hold("王大爷", slot)).state == "held"
    assert await town.states() == ["expired", "held"]
    await town.check_law()
    town.at(minutes=10)
    assert await town.bookings.settling.run_all() == 1
    assert await town.bookings.settling.run_all() == 0
    assert await town.states() == ["expired", "expired"]
    await town.check_law()
    assert await town.fetch("SELECT taken FROM tb_slot") == [(0,)]


async def test_two_hundred_wish_for_fifty_places(either_town: Town) -> None:
    town = either_town
    (slot,) = await town.publish("crowd", quota=50)
    two = (town["马大妈"], town["王大爷"])
    wishes = (town.bookings.hold(two[i % 2], Wish(slot.id)) for i in range(200))
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"Booking": 50, "ConflictError": 150}
    assert await town.fetch("SELECT taken FROM tb_slot") == [(50,)]
    await town.check_law()
    # All of them expire; whoever is first gives each place back, and none twice.
    town.at(minutes=10)
    wishes = (town.bookings.hold(two[i % 2], Wish(slot.id, 2)) for i in range(40))
    loop = town.bookings.settling
    deeds: list[Awaitable[object]] = [*wishes, loop.run_all(), loop.run_all()]
    mixed = await asyncio.gather(*deeds, return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in mixed) == {"Booking": 25, "ConflictError": 15, "int": 2}
    assert await town.fetch("SELECT state, count(*) FROM tb_booking GROUP BY state ORDER BY state") == [
        ("expired", 50), ("held", 25),
    ]  # fmt: skip
    await town.check_law()


async def test_one_person_at_one_moment_gets_one(either_town: Town) -> None:
    town = either_town
    slots = await town.publish(quota=5, times=(9, 10, 11, 12))
    wishes = [Wish(slots[i % 4].id) for i in range(12)]
    answers = await asyncio.gather(
        *(town.bookings.hold(town["马大妈"], wish) for wish in wishes), return_exceptions=True
    )
    assert Counter(type(answer).__name__ for answer in answers) == {"Booking": 1, "ConflictError": 11}
    assert await town.states() == ["held"]
    # Under one key all of them are that one.
    same = Wish(slots[0].id)
    again = await asyncio.gather(*(town.bookings.hold(town["王大爷"], same, key="k") for _ in range(12)))
    assert len({one.number for one in again}) == 1
    await town.check_law()


async def test_of_two_who_publish_at_one_moment_one_does(either_town: Town) -> None:
    town = either_town
    answers = await asyncio.gather(*(town.publish(days=3) for _ in range(6)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["ConflictError"] * 5 + ["list"]
    assert await town.count("tb_slot") == [3]


async def test_confirmed_cancelled_or_closed_at_one_moment(either_town: Town) -> None:
    town = either_town
    ma, desk = town["马大妈"], town["派遣员"]
    for slot in await town.publish("crowd", quota=2, days=4):
        one, two = await town.hold("马大妈", slot), await town.hold("马大妈", slot)
        await asyncio.gather(
            town.bookings.confirm(ma, one.number), town.bookings.cancel(ma, one.number),
            town.bookings.close(desk, [slot.id], "停电"), town.bookings.confirm(ma, two.number),
            town.bookings.cancel(ma, two.number), return_exceptions=True,
        )  # fmt: skip
        await town.check_law()
    assert not {"held", "confirmed"} & {*await town.states()}
    assert {taken for (taken,) in await town.fetch("SELECT taken FROM tb_slot")} == {0}


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_people_do_in_whatever_order(either_town: Town, seed: int) -> None:
    """A random walk of everything anybody can do; the law holds after each step, and at the end all is given back."""
    town, rng = either_town, Random(seed)
    slots = [*await town.publish("crowd", quota=5, times=(9, 10)), await town.stock(4)]
    numbers: list[str] = []
    for _ in range(60):
        await _one_deed(rng, town, slots, numbers)
        await town.check_law()
    town.at(days=9)
    await town.bookings.settling.run_all()
    assert await town.fetch("SELECT count(*) FROM tb_booking WHERE state = 'held'") == [(0,)]
    await town.check_law()


async def _one_deed(rng: Random, town: Town, slots: list[Slot], numbers: list[str]) -> None:
    slot, who = rng.choice(slots), town[rng.choice(["马大妈", "王大爷"])]
    number, desk = (rng.choice(numbers) if numbers else "x"), town["派遣员"]
    try:
        match rng.choice(["hold", "hold", "hold", "confirm", "cancel", "wait", "settle", "quota", "check_in", "close"]):
            case "hold":
                numbers.append((await town.bookings.hold(who, Wish(slot.id, rng.randint(1, 3)))).number)
            case "confirm":
                await town.bookings.confirm(who, number)
            case "cancel":
                await town.bookings.cancel(who, number)
            case "check_in":
                await town.bookings.check_in(desk, number)
            case "quota":
                await town.bookings.set_quota(desk, slot.id, rng.randint(1, 6))
            case "close" if rng.random() < 0.1:
                await town.bookings.close(desk, [slot.id], "停电")
            case "wait":
                town.at(minutes=rng.randint(1, 400))
            case "settle":
                await town.bookings.settling.run_all()
    except RequestError:
        pass


async def test_a_killed_process_loses_nothing(either_town: Town) -> None:
    town, (url, schema) = either_town, either_town.place
    # The child's clock is the real one.
    town.clock[0] = utc_now()
    (slot,) = await town.publish("crowd", quota=1000, day=9)
    said: dict[str, str] = {}
    words = (url, schema or "", str(town.folder), town["马大妈"].person or "", slot.id)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if line.endswith("\n"):
            number, state = line.split()
            said[number] = state
        if len(said) == 20:
            process.kill()
    await process.wait()
    found = {str(number): str(state) for number, state in await town.fetch("SELECT number, state FROM tb_booking")}
    assert len(said) >= 20
    # What was told is there; what was under way when it died is there whole, or not at all.
    confirmed = {number for number, state in said.items() if state == "confirmed"}
    assert {found[number] for number in confirmed} == {"confirmed"}
    assert said.keys() <= found.keys()
    assert len(found) <= len(said) + 1
    await town.check_law()
    town.at(minutes=20)
    await town.bookings.settling.run_all()
    assert {*await town.states()} == {"confirmed", "expired"}
    await town.check_law()
