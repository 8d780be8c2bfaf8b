"""What Python of plugins may call: bill a row by a fee of the plugin, and see how its bills stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import NotFoundError, PermissionDeniedError

from core.manifest.fees import Fee, fee_of
from core.payments.house import House
from core.payments.rows import Bill
from core.payments.runs import Runs
from core.store.json_values import to_json
from core.store.rows import read
from core.write.live import Live
from core.write.offers import Offer

_ID = {"type": "string", "format": "uuid"}
_FEE = {"type": "string", "maxLength": 100}
_BILL = {
    "type": "object", "required": ["fee", "row", "period"], "additionalProperties": False,
    "properties": {"fee": _FEE, "row": _ID, "period": {"type": "string", "minLength": 1, "maxLength": 40}},
}  # fmt: skip
_BILLS = {
    "type": "object", "required": ["fee", "row"], "additionalProperties": False,
    "properties": {"fee": _FEE, "row": _ID},
}  # fmt: skip


def offers(house: House, runs: Runs) -> dict[str, Offer]:
    """For the plugin itself (its jobs and events), about fees of its own; a person's request has no say in them."""

    async def bill(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        live = house.live()
        made = await runs.bill(live, _own(live, actor, args["fee"]), args["row"], args["period"])
        return _told(made)

    async def bills(actor: Actor, args: Mapping[str, Any]) -> Mapping[str, Any]:
        fee = _own(house.live(), actor, args["fee"])
        where = "fee = {fee} AND row_id = {row:row_id} ORDER BY id"
        found = await read(house.database, house.dialect, Bill, where, fee=fee.key, row=args["row"])
        return {"bills": [_told(one) for one in found]}

    return {
        "payments.bill": Offer("按自己的收费给一行出一张账单，同一账期只有一张", _BILL, bill),
        "payments.bills": Offer("一行的账单和是否缴清", _BILLS, bills),
    }


def _own(live: Live, actor: Actor, key: str) -> Fee:
    fee = fee_of(live.world, key)
    if fee is None:
        raise NotFoundError(f"没有收费 {key}")
    if actor.kind != "system" or actor.id != f"plugin:{fee.plugin_id}":
        raise PermissionDeniedError("只有收费所属的应用自己可以出账", hint="在任务或事件里调用")
    return fee


def _told(bill: Bill) -> dict[str, Any]:
    """Money as whole fen."""
    return {
        "number": bill.number, "period": bill.period, "state": bill.state, "amountFen": bill.amount_fen,
        "paidFen": bill.paid_fen, "dueAt": to_json(bill.due_at),
    }  # fmt: skip
