"""What Python of plugins may call: look for free places, hold them for a person, confirm, give back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tongban_sdk.actor import Actor

from core.booking import holding, looking
from core.booking.desk import Desk
from core.booking.holding import Wish
from core.booking.rows import Booking
from core.store.json_values import to_json
from core.write.offers import Offer

_ID = {"type": "string", "format": "uuid"}
_NUMBER = {"type": "object", "required": ["number"], "additionalProperties": False,
           "properties": {"number": {"type": "string", "maxLength": 40}}}  # fmt: skip
_FREE = {
    "type": "object", "required": ["kind", "resource", "from", "to"], "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "maxLength": 100}, "resource": _ID,
        "from": {"type": "string", "format": "date"}, "to": {"type": "string", "format": "date"},
    },
}  # fmt: skip
_HOLD = {
    "type": "object", "required": ["slot"], "additionalProperties": False,
    "properties": {
        "slot": _ID, "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
        "key": {"type": "string", "minLength": 1, "maxLength": 200},
    },
}  # fmt: skip


def offers(desk: Desk) -> dict[str, Offer]:
    """In the rights of whoever calls: a citizen's request books for the citizen."""

    async def free(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        days = date.fromisoformat(args["from"]), date.fromisoformat(args["to"])
        found = await looking.slots(desk, actor, args["kind"], args["resource"], *days)
        return {"slots": [
            {"id": one.slot.id, "startsAt": to_json(one.slot.starts_at), "endsAt": to_json(one.slot.ends_at),
             "opensAt": to_json(one.slot.opens_at), "free": one.free}
            for one in found
        ]}  # fmt: skip

    async def hold(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        wish = Wish(args["slot"], args.get("quantity", 1))
        return _told(await holding.hold(desk, actor, wish, args.get("key")))

    async def confirm(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        return _told(await holding.confirm(desk, actor, args["number"]))

    async def cancel(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        return _told(await holding.cancel(desk, actor, args["number"]))

    return {
        "slots.free": Offer("时段和余量", _FREE, free),
        "slots.hold": Offer("为本人占位", _HOLD, hold),
        "slots.confirm": Offer("确认本人的占位", _NUMBER, confirm),
        "slots.cancel": Offer("取消本人的预约", _NUMBER, cancel),
    }


def _told(booking: Booking) -> Mapping[str, Any]:
    return {
        "number": booking.number, "slot": booking.slot, "quantity": booking.quantity, "state": booking.state,
        "expiresAt": to_json(booking.due_at) if booking.state == "held" else None,
    }  # fmt: skip
