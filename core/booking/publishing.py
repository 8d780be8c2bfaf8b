"""Staff publish slots: all of a plan or none, and never two at one time."""

from __future__ import annotations

from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError

from core.booking.desk import Desk
from core.booking.plans import Plan, check_plan, slots_of
from core.booking.rights import check_staff, known
from core.booking.rows import Slot
from core.booking.rules import kind_of, running_kind
from core.booking.telling import day_time, event, line
from core.manifest.bookings import BookingKind
from core.store.database import Transaction
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.rows import insert, read
from core.store.statement import statement
from core.store.tables import table_of

NO_RESOURCE = "没有这项资源"


async def publish(desk: Desk, actor: Actor, key: str, resource: str, plan: Plan, once: str | None = None) -> list[Slot]:
    """All slots of a plan or none. `key` names the kind; repeated under one `once`: the same slots."""
    kind, division = await _managed(desk, actor, key, resource)
    check_plan(kind, plan, desk.now())
    batch = uuid7()

    async def work(tx: Transaction) -> list[Slot]:
        slots = slots_of(kind, resource, division, plan, batch, actor.id, desk.now())
        await _check_room(desk, tx, kind, resource, slots)
        await tx.insert([*map(insert, slots), event("slot.published", slots[0], desk.now())])
        await desk.audit.within(tx, line(actor, "slot.publish", slots[0]))
        return slots

    async def again(id: str) -> list[Slot]:
        return await read(desk.database, desk.dialect, Slot, "batch = {id:batch} ORDER BY starts_at, id", id=id)

    return await desk.once(actor, once, ["slots.publish", key, resource, _told(plan)], batch, work, again)


def _told(plan: Plan) -> list[Any]:
    return [plan.quota, plan.first_day, plan.last_day, sorted(plan.weekdays), list(plan.times), plan.length_min]


async def _managed(desk: Desk, actor: Actor, key: str, resource: str) -> tuple[BookingKind, str]:
    """The kind and the division of a resource that the caller looks after."""
    live = desk.live
    kind = kind_of(live, key)
    check_staff(actor, kind)
    id = known(resource, NO_RESOURCE)
    division = await desk.rights.place(kind.resource, id)
    if division is None or not await desk.rights.manages(actor, kind, id):
        raise NotFoundError(NO_RESOURCE)
    return running_kind(live, key, division, takes_new=True), division


async def _check_room(desk: Desk, tx: Transaction, kind: BookingKind, resource: str, slots: list[Slot]) -> None:
    """No two open slots of one resource at one time; who publishes at the same moment waits for the resource's row."""
    table = table_of(desk.live.world.entities[kind.resource])
    lock = " FOR NO KEY UPDATE" if desk.dialect.name == "postgres" else ""
    text = f"SELECT id FROM {quote(table.name)} WHERE id = {{id}} AND deleted_at IS NULL{lock}"
    if not await tx.fetch(*statement(desk.dialect, table, text, id=resource)):
        raise NotFoundError(NO_RESOURCE)
    where = "resource = {resource} AND kind = {kind} AND closed_at IS NULL"
    first, last = slots[0].starts_at, slots[-1].ends_at
    timed = " AND starts_at < {last:ends_at} AND ends_at > {first:starts_at} ORDER BY starts_at"
    values = {"resource": resource, "kind": kind.key, "first": first, "last": last}
    if kind.kind == "stock":
        timed, values = "", {"resource": resource, "kind": kind.key}
    there = await read(tx, desk.dialect, Slot, where + timed, **values)
    taken = [one for one in there if any(_overlap(one, slot) for slot in slots)]
    if taken:
        times = "、".join(day_time(one.starts_at) for one in taken[:5]) + ("等" if len(taken) > 5 else "")
        raise ConflictError(f"已经发布过：{times}；这次一个也没有发布", hint="改时间，或用 setSlotQuota 改名额")


def _overlap(one: Slot, other: Slot) -> bool:
    if one.starts_at is None or one.ends_at is None or other.starts_at is None or other.ends_at is None:
        return True
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at
