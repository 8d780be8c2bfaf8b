"""Staff change how many places there are, and close slots (停办): everybody who had one is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError

from core.booking.desk import Desk
from core.booking.places import end, give_back
from core.booking.plans import quota_problems, refuse
from core.booking.rights import NO_SLOT, check_staff, known
from core.booking.rows import Slot, change, hold_slots
from core.booking.rules import running_kind
from core.booking.telling import day_time, event, line, tell_closed
from core.manifest.bookings import BookingKind
from core.store.booking_tables import SLOT
from core.store.database import Transaction
from core.store.rows import read

CLOSED_MAX, REASON_MAX_CHARS = 100, 500
#: Seals the reason of a closing.
WHY = "tb_slot.closed_why:"


async def managed_slots(desk: Desk, actor: Actor, ids: Sequence[str]) -> list[tuple[Slot, BookingKind]]:
    """Slots the caller looks after; NotFoundError when one of them is not his, as if there were none."""
    wanted = sorted({known(id, NO_SLOT) for id in ids})
    marks = ", ".join(f"{{s{i}:id}}" for i in range(len(wanted)))
    named = {f"s{i}": id for i, id in enumerate(wanted)}
    found = await read(desk.database, desk.dialect, Slot, f"id IN ({marks}) ORDER BY id", **named) if wanted else []
    if len(found) != len(wanted):
        raise NotFoundError(NO_SLOT)
    pairs = [(slot, running_kind(desk.live, slot.kind, slot.division)) for slot in found]
    for kind in {kind.key: kind for _, kind in pairs}.values():
        check_staff(actor, kind)
    for resource, kind in {slot.resource: kind for slot, kind in pairs}.items():
        if not await desk.rights.manages(actor, kind, resource):
            raise NotFoundError(NO_SLOT)
    return pairs


async def set_quota(desk: Desk, actor: Actor, id: str, quota: int) -> Slot:
    """More or fewer places, never fewer than are taken."""
    ((slot, _),) = await managed_slots(desk, actor, [id])
    refuse(quota_problems(quota))
    async with desk.database.transaction() as tx:
        text = "UPDATE tb_slot SET quota = {quota} WHERE id = {id} AND taken <= {quota} AND closed_at IS NULL"
        if await change(tx, desk.dialect, text, SLOT, id=slot.id, quota=quota) != 1:
            (now,) = await read(tx, desk.dialect, Slot, "id = {id}", id=slot.id)
            why = "这个时段已经停办" if now.closed_at else f"已经约出 {now.taken} 个，不能少于它"
            raise ConflictError(f"{why}，名额没有改")
        await tx.insert([event("slot.quota", slot, desk.now())])
        await desk.audit.within(tx, line(actor, "slot.quota", slot))
        (done,) = await read(tx, desk.dialect, Slot, "id = {id}", id=slot.id)
    return done


async def close(desk: Desk, actor: Actor, ids: Sequence[str], reason: str) -> list[Slot]:
    """Close slots (停办): their bookings are cancelled and everybody is told, or nothing happens. Closed ones stay."""
    reason = reason.strip()
    refuse(_close_problems(ids, reason))
    kinds = {slot.id: kind for slot, kind in await managed_slots(desk, actor, ids)}
    async with desk.database.transaction() as tx:
        for slot in await hold_slots(tx, desk.dialect, sorted(kinds)):
            if slot.closed_at is None:
                await _close(desk, tx, actor, kinds[slot.id], slot, reason)
        return await hold_slots(tx, desk.dialect, sorted(kinds))


def _close_problems(ids: Sequence[str], reason: str) -> Iterator[tuple[str, str, str]]:
    if not 0 < len(ids) <= CLOSED_MAX:
        yield "slots", f"一次 1 到 {CLOSED_MAX} 个", "many"
    if not 0 < len(reason) <= REASON_MAX_CHARS:
        yield "reason", f"请写明停办的原因，至多 {REASON_MAX_CHARS} 个字", "reason"


async def _close(desk: Desk, tx: Transaction, actor: Actor, kind: BookingKind, slot: Slot, reason: str) -> None:
    now = desk.now()
    if slot.ends_at is not None and slot.ends_at <= now:
        raise ConflictError(f"{day_time(slot.starts_at)}的时段已经结束，不能停办")
    text = (
        "UPDATE tb_slot SET closed_at = {now:closed_at}, closed_by = {by:closed_by}, closed_why = {why:closed_why} "
        "WHERE id = {id}"
    )
    why = desk.vault.seal(reason, WHY + slot.id)
    await change(tx, desk.dialect, text, SLOT, id=slot.id, now=now, by=actor.id, why=why)
    gone = await end(tx, desk.dialect, "cancelled", now, "slot = {slot}", slot=slot.id)
    await give_back(tx, desk.dialect, slot.id, sum(one.quantity for one in gone))
    unit = str(desk.live.world.plugins[kind.plugin_id].department.get("name", ""))
    await tell_closed(tx, desk.messages, kind, unit, slot, gone)
    await tx.insert([event("slot.closed", slot, now)])
    await desk.audit.within(tx, line(actor, "slot.close", slot, gone))
