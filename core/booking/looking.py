"""What people see: slots with their free places, and their own bookings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.booking.desk import Desk
from core.booking.places import EXPIRED
from core.booking.rights import in_scopes, known
from core.booking.rows import Booking, Slot
from core.booking.rules import are_days
from core.expr.clock import CHINA
from core.manifest.bookings import BookingKind
from core.store.booking_tables import BOOKING
from core.store.rows import read
from core.store.statement import statement
from core.write.live import Live

#: Days of one look, and slots: a month by the quarter of an hour.
DAYS_MAX, SLOTS_MAX = 31, 3000


@dataclass(frozen=True, slots=True)
class Seen:
    """A slot, and how many places somebody can have at this moment."""

    slot: Slot
    free: int


def kinds(live: Live, plugin_id: str = "") -> list[BookingKind]:
    """All kinds of running applications, or of one."""
    found = [plugin for plugin in live.world.plugins.values() if plugin_id in ("", plugin.id)]
    return [kind for plugin in found for kind in plugin.bookings.values()]


async def slots(desk: Desk, actor: Actor, key: str, resource: str, first: date, last: date) -> list[Seen]:
    """Slots of a resource the caller sees, by the clock; of stock the days say nothing. Empty also for what is not
    there, not his to see, or of an application that is off there."""
    if not are_days(first, last, DAYS_MAX):
        problem = InputProblem(("to",), f"应不早于 from，至多 {DAYS_MAX} 天", "slot.days")
        raise InvalidInputError("填写的内容有误", [problem])
    kind = next((kind for kind in kinds(desk.live) if kind.key == key), None)
    division = await desk.rights.place(kind.resource, resource) if kind else None
    if kind is None or division is None or desk.live.choice(kind.plugin_id, division) == "off":
        return []
    if not await desk.rights.sees(actor, kind.resource, resource):
        return []
    where = (
        "resource = {resource} AND kind = {kind} AND closed_at IS NULL AND "
        "(starts_at IS NULL OR (starts_at >= {begin:starts_at} AND starts_at < {end:starts_at})) "
        f"ORDER BY starts_at, id LIMIT {SLOTS_MAX}"
    )
    begin, end = (datetime.combine(day, time(), CHINA) for day in (first, last + timedelta(1)))
    found = await read(desk.database, desk.dialect, Slot, where, resource=resource, kind=key, begin=begin, end=end)
    return await with_free(desk, found)


async def with_free(desk: Desk, found: Sequence[Slot]) -> list[Seen]:
    """An expired hold counts as free, whether or not anybody has noticed."""
    if not found:
        return []
    marks = ", ".join(f"{{s{i}:slot}}" for i in range(len(found)))
    text = f"SELECT slot, sum(quantity) FROM tb_booking WHERE {EXPIRED} AND slot IN ({marks}) GROUP BY slot"
    named = {f"s{i}": slot.id for i, slot in enumerate(found)}
    rows = await desk.database.fetch(*statement(desk.dialect, BOOKING, text, now=desk.now(), **named))
    back = {str(desk.dialect.load(BOOKING.by_name["slot"], id)): int(count) for id, count in rows}
    return [Seen(slot, 0 if slot.closed_at else slot.free + back.get(slot.id, 0)) for slot in found]


@dataclass(frozen=True, slots=True)
class Mine:
    """A page of somebody's bookings, each with its slot."""

    items: tuple[tuple[Booking, Slot], ...]
    #: Where the next page begins; None on the last one.
    cursor: str | None


async def mine(desk: Desk, actor: Actor, *, only_open: bool = False, first: int = 20, after: str | None = None) -> Mine:
    """The caller's (his wards', principal's, company's) bookings, the newest first; `after`: cursor of the page
    before. Those of an application that is off are not shown."""
    values: dict[str, Any] = {}
    owners = [(owner.column, owner.id) for owner in await desk.owners(actor)]
    ways = " OR ".join(f"{column} = {{{_bound(values, 'o', id)}:{column}}}" for column, id in owners)
    where = f"({ways}) AND {_scopes(desk, actor, values)}"
    if only_open:
        where += " AND state IN ('held', 'confirmed') AND (due_at IS NULL OR due_at > {now:due_at})"
        values["now"] = desk.now()
    if after is not None:
        where, values["after"] = f"{where} AND id < {{after:id}}", known(after, "翻页标记无效")
    found = await read(desk.database, desk.dialect, Booking, f"{where} ORDER BY id DESC LIMIT {first + 1}", **values)
    shown, places = found[:first], await _slots_of(desk, found)
    live = [(one, places[one.slot]) for one in shown if _is_on(desk, places[one.slot])]
    return Mine(tuple(live), shown[-1].id if len(found) > first else None)


def _bound(values: dict[str, Any], letter: str, value: str) -> str:
    """The name under which a further value is bound."""
    name = f"{letter}{len(values)}"
    values[name] = value
    return name


def _scopes(desk: Desk, actor: Actor, values: dict[str, Any]) -> str:
    """Running applications; for a delegate the kinds that the delegation covers."""
    world = desk.live.world
    covered = [kind.key for kind in kinds(desk.live) if in_scopes(actor, kind.plugin_id, kind.resource)]
    column, wanted = ("plugin_id", list(world.plugins)) if actor.agent is None else ("kind", covered)
    marks = ", ".join(f"{{{_bound(values, 's', one)}:{column}}}" for one in wanted)
    return f"{column} IN ({marks})" if marks else "FALSE"


def _is_on(desk: Desk, slot: Slot) -> bool:
    return desk.live.choice(slot.plugin_id, slot.division) != "off"


async def _slots_of(desk: Desk, bookings: Sequence[Booking]) -> dict[str, Slot]:
    ids = sorted({one.slot for one in bookings})
    if not ids:
        return {}
    marks = ", ".join(f"{{s{i}:id}}" for i in range(len(ids)))
    found = await read(
        desk.database, desk.dialect, Slot, f"id IN ({marks})", **{f"s{i}": id for i, id in enumerate(ids)}
    )
    return {slot.id: slot for slot in found}
