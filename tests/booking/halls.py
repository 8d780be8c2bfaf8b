"""The plugin of the cases' tests with halls to be booked, seeds in stock, and a case that takes a hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.booking import Booking, Bookings, Plan, Slot, Wish
from core.demo.identity import make_uscc
from core.host import Host
from core.store.rows import read
from tests.cases.conftest import COUNTY, ELSEWHERE, MAKER, VILLAGE, Office, opened
from tests.cases.folders import ACCESS, REPORT, SERVICE

HALL = """entity: hall
title: 会议室
fields:
  name: {type: string, title: 名称, required: true}
  is_inner: {type: boolean, title: 内部, default: false}
"""
BOOKINGS = """bookings:
  hall:
    title: 会议室预约
    resource: hall
    kind: slot
    hold_for: {value: 10, unit: MIN}
    release: {days_ahead: 7, at: "09:00"}
    cancel_before: {value: 2, unit: H}
    per_person: 1
    quantity_max: 3
    no_show: {times: 3, within: {value: 60, unit: D}, pause: {value: 30, unit: D}}
    audience: [person, legal]
    roles: [works_desk]
  crowd:
    {title: 讲座, resource: hall, kind: slot, hold_for: {value: 10, unit: MIN}, per_person: 0, quantity_max: 60,
     roles: [works_desk]}
  seeds:
    {title: 种子, resource: hall, kind: stock, hold_for: {value: 15, unit: MIN}, quantity_max: 5, roles: [works_desk]}
"""
RULES = """  - {role: resident, entity: hall, can: [read], where: "is_inner == false"}
  - {role: legal_person, entity: hall, can: [read], where: "is_inner == false"}
  - {role: delegate, entity: hall, can: [read]}
  - {role: community_worker, entity: hall, can: [create]}
  - {role: works_desk, entity: hall, can: [read], where: "under(division, me.division)"}
"""
VISIT = """workflow: visit
version: 1
title: 借用
entity: report
mirror: state
start: new
states:
  new: {title: 收到, roles: [works_desk]}
  booked: {title: 已订, roles: [works_desk]}
  closed: {title: 已办结, end: done}
  refused: {title: 不同意, end: refused}
  withdrawn: {title: 已撤回, end: withdrawn}
actions:
  book: {title: 确认, from: [new], to: booked, roles: [works_desk], effects: [{slot: {do: confirm, field: note}}]}
  decline: {title: 退掉, from: [new], to: closed, roles: [works_desk], effects: [{slot: {do: release, field: note}}]}
  finish: {title: 办结, from: [booked], to: closed, roles: [works_desk]}
  refuse: {title: 不同意, from: [booked], to: refused, roles: [works_desk], kind: refuse}
  withdraw: {title: 撤回, from: [new, booked], to: withdrawn, roles: [applicant], kind: withdraw}
"""
FILES = {
    "entities__hall": HALL, "entities__report": REPORT, "access": ACCESS + RULES, "bookings": BOOKINGS,
    "workflows__visit": VISIT, "services__visit": SERVICE.format(id="visit", title="借用会议室", workflow="visit"),
}  # fmt: skip
#: A Monday, 08:00 in +08:00.
START = datetime(2027, 3, 1, 0, 0, tzinfo=UTC)


@dataclass
class Town(Office):
    """The office, its halls, and a clock that is set by hand."""

    clock: list[datetime] = field(default_factory=lambda: [START])
    hall: str = ""
    #: core.legal_entity
    company: str = ""
    #: Where another process finds it.
    place: tuple[str, str | None] = ("", None)
    folder: Path = Path()

    @property
    def bookings(self) -> Bookings:
        return self.host.bookings

    def at(self, **later: int) -> datetime:
        """Set the clock so much later than it is."""
        self.clock[0] += timedelta(**later)
        return self.clock[0]

    async def publish(
        self, kind: str = "hall", *, day: int = 2, days: int = 1, times: tuple[int, ...] = (9,), quota: int = 1,
        who: str = "派遣员", hall: str = "", key: str | None = None,
    ) -> list[Slot]:  # fmt: skip
        """Slots of an hour, so many days after START."""
        first = date(2027, 3, 1) + timedelta(day)
        plan = Plan(quota, first, first + timedelta(days - 1), times=tuple(map(time, times)), length_min=60)
        return await self.bookings.publish(self[who], f"works.{kind}", hall or self.hall, plan, key=key)

    async def stock(self, quota: int) -> Slot:
        (slot,) = await self.bookings.publish(self["派遣员"], "works.seeds", self.hall, Plan(quota))
        return slot

    async def hold(self, who: str, slot: Slot, quantity: int = 1, **more: Any) -> Booking:
        return await self.bookings.hold(self[who], Wish(slot.id, quantity, more.get("ward")), key=more.get("key"))

    async def booked(self, who: str, slot: Slot, quantity: int = 1) -> Booking:
        return await self.bookings.confirm(self[who], (await self.hold(who, slot, quantity)).number)

    async def free(self, slot: Slot, who: str = "马大妈") -> int:
        day = (slot.starts_at or self.clock[0]).date()
        found = await self.bookings.slots(self[who], slot.kind, slot.resource, day - timedelta(1), day + timedelta(1))
        return next(one.free for one in found if one.slot.id == slot.id)

    async def states(self) -> list[str]:
        """By name: bookings of one moment have no order."""
        return [state for (state,) in await self.fetch("SELECT state FROM tb_booking ORDER BY state")]

    async def check_law(self) -> None:
        """Each slot has taken what its live bookings have, and never more than its quota."""
        database = self.host.database
        for slot in await read(database, database.dialect, Slot, "id = id"):
            live = await read(database, database.dialect, Booking, "slot = {slot}", slot=slot.id)
            wanted = sum(one.quantity for one in live if one.state in ("held", "confirmed", "arrived", "missed"))
            assert slot.taken == wanted <= slot.quota, slot


async def move_in(host: Host) -> Town:
    town = Town(host)
    host.bookings.desk.now = lambda: town.clock[0]
    host.messages.delivering.clock = lambda: town.clock[0]
    for name in ("马大妈", "王大爷"):
        await town.citizen(name)
    await town.member("派遣员", "works_desk", COUNTY)
    await town.member("外村派遣员", "works_desk", ELSEWHERE)
    await town.member("维修工", "works_crew", VILLAGE)
    town.hall = await town.create("works.hall", name="一号厅")
    clerk = replace(MAKER, kind="staff", roles=frozenset({"anonymous", "street_admin"}))
    facts = {
        "uscc": make_uscc(Random(1), "91", "640522", set()),
        "name": "某公司",
        "kind": "company",
        "division": VILLAGE,
    }
    generation = host.generation
    company = generation.world.entities["core.legal_entity"]
    town.company = (await generation.writer.create(clerk, company, facts)).id
    return town


@asynccontextmanager
async def halls(place: tuple[str, str | None], folder: Path) -> AsyncIterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        async with opened(place, folder, patch, **FILES) as office:
            town = await move_in(office.host)
            town.place, town.folder = place, folder
            yield town
