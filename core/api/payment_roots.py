"""Root fields of money: what people owe, how they pay it, and what staff do about it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from core.api.compose import Roots
from core.api.paging import check_first
from core.api.payment_types import (
    Bill,
    BillNumber,
    BillPage,
    BillState,
    Key,
    Payment,
    PaymentDifference,
    PaymentNumber,
    PaymentReconciliation,
    PaymentRefund,
    Why,
    payment_view,
    refund_view,
    whole_fen,
)
from core.payments.bills import Wanted

Day = Annotated[date, strawberry.argument(description="哪一天（北京时间）。")]


async def _my_bills(
    info: strawberry.Info, only_owed: Annotated[bool, strawberry.argument(description="只看要缴的。")] = False,
    first: int = 20, after: str | None = None,
) -> BillPage:  # fmt: skip
    room, size = info.context.host.payments, check_first(first)
    found = await room.bills.mine(info.context.actor, only_owed=only_owed, first=size + 1, after=after)
    return BillPage.of(found, size, room.house.clock())


async def _payment(info: strawberry.Info, number: PaymentNumber) -> Payment:
    context: Any = info.context
    room = context.host.payments
    find = room.refunds.staffs_payment if context.actor.kind == "staff" else room.orders.get
    return await payment_view(context, await find(context.actor, number))


async def _bills(
    info: strawberry.Info, fee: Annotated[str, strawberry.argument(description="收费的标识，如 community.property。")],
    state: BillState | None = None,
    division: Annotated[str, strawberry.argument(description="只看这个行政区划以下的。")] = "",
    period: Annotated[str, strawberry.argument(description="只看这个账期的。")] = "",
    overdue: Annotated[bool, strawberry.argument(description="只看过了期限没有缴清的。")] = False,
    first: int = 20, after: str | None = None,
) -> BillPage:  # fmt: skip
    room, size = info.context.host.payments, check_first(first)
    wanted = Wanted(str(state.value) if state else "", division, period, overdue)
    found = await room.bills.of_staff(info.context.actor, fee, wanted, first=size + 1, after=after)
    return BillPage.of(found, size, room.house.clock())


async def _bill_payments(info: strawberry.Info, number: BillNumber) -> list[Payment]:
    context: Any = info.context
    return [await payment_view(context, p) for p in await context.host.payments.orders.of_bill(context.actor, number)]


async def _reconciliation(info: strawberry.Info, day: Day) -> PaymentReconciliation:
    room, actor = info.context.host.payments, info.context.actor
    done = await room.reconciling.of_day(actor, day)
    return PaymentReconciliation.of(day, done, await room.differences.of_day(actor, day))


async def _pay(
    info: strawberry.Info, numbers: Annotated[list[strawberry.ID], strawberry.argument(description="账单号。")],
    idempotency_key: Key,
    amount: Annotated[Decimal | None, strawberry.argument(description="只缴一部分，元；一次一张账单。")] = None,
) -> Payment:  # fmt: skip
    context: Any = info.context
    fen = None if amount is None else whole_fen(amount)
    ordered = await context.host.payments.orders.pay(context.actor, numbers, key=idempotency_key, amount_fen=fen)
    return await payment_view(context, ordered)


async def _waive(info: strawberry.Info, number: BillNumber, reason: Why) -> Bill:
    room = info.context.host.payments
    return Bill.of(await room.bills.waive(info.context.actor, number, reason), room.house.clock())


async def _void(info: strawberry.Info, number: BillNumber, reason: Why) -> Bill:
    room = info.context.host.payments
    return Bill.of(await room.bills.void(info.context.actor, number, reason), room.house.clock())


async def _refund(
    info: strawberry.Info, number: PaymentNumber,
    amount: Annotated[Decimal, strawberry.argument(description="金额，元。")], reason: Why, idempotency_key: Key,
) -> PaymentRefund:  # fmt: skip
    context: Any = info.context
    refunds, fen = context.host.payments.refunds, whole_fen(amount)
    return refund_view(context, await refunds.ask(context.actor, number, fen, reason, key=idempotency_key))


async def _decide(
    info: strawberry.Info, number: Annotated[strawberry.ID, strawberry.argument(description="退款号。")],
    agrees: Annotated[bool, strawberry.argument(description="批准，或不予退款。")],
) -> PaymentRefund:  # fmt: skip
    context: Any = info.context
    return refund_view(context, await context.host.payments.refunds.decide(context.actor, number, agrees))


async def _cancel(info: strawberry.Info, number: PaymentNumber) -> Payment:
    context: Any = info.context
    return await payment_view(context, await context.host.payments.orders.cancel(context.actor, number))


async def _settle(
    info: strawberry.Info, line: Annotated[str, strawberry.argument(description="pay 缴费，refund 退款。")],
    number: Annotated[strawberry.ID, strawberry.argument(description="订单号或退款号。")],
    kind: Annotated[str, strawberry.argument(description="差异的种类，如 missing_here。")], reason: Why,
    provider: Annotated[str, strawberry.argument(description="渠道；同一笔有几条差异时写明。")] = "",
    provider_number: Annotated[str, strawberry.argument(description="渠道流水号；同一笔有几条差异时写明。")] = "",
) -> PaymentDifference:  # fmt: skip
    settle = info.context.host.payments.differences.settle
    named = {"provider": provider, "ref": provider_number}
    return PaymentDifference.of(await settle(info.context.actor, line, number, kind, reason, **named))


@strawberry.type
class Query:
    my_bills: BillPage = strawberry.field(
        resolver=_my_bills, description="本人（所代办的人、所代表的法人、被监护人）的账单，新的在前。"
    )
    payment: Payment = strawberry.field(
        resolver=_payment, description="一笔缴费；与自己无关的和没有的，回答一样。工作人员看自己可以退款的。"
    )
    bills: BillPage = strawberry.field(
        resolver=_bills, description="一项收费的账单，先到期的在前；限收费里写的角色，看得到账单所说的那一行。"
    )
    bill_payments: list[Payment] = strawberry.field(
        resolver=_bill_payments, description="一张账单的各笔缴费，先下单的在前；限管这项收费的工作人员。"
    )
    reconciliation: PaymentReconciliation = strawberry.field(
        resolver=_reconciliation, description="一天的对账和差异；限财务对账人员。"
    )


@strawberry.type
class Mutation:
    pay_bills: Payment = strawberry.mutation(
        resolver=_pay, description="缴费：为这些账单下一笔订单，到 link 去缴。正在缴的同一组账单，回答同一笔。"
    )
    cancel_payment: Payment = strawberry.mutation(
        resolver=_cancel, description="取消自己还没有缴的订单；先问过渠道，已经缴了的不能取消。"
    )
    waive_bill: Bill = strawberry.mutation(resolver=_waive, description="减免：剩下的不用缴了，写明理由。")
    void_bill: Bill = strawberry.mutation(
        resolver=_void, description="作废：不该有的账单，写明理由；已缴过的不能作废。"
    )
    refund_payment: PaymentRefund = strawberry.mutation(
        resolver=_refund, description="申请退款，由另一位工作人员批准后原路退回。"
    )
    decide_refund: PaymentRefund = strawberry.mutation(
        resolver=_decide, description="批准或不予退款；不能是申请的人，也不能是缴费的人。"
    )
    settle_difference: PaymentDifference = strawberry.mutation(
        resolver=_settle, description="一条对账差异查明了，写明是怎么处理的；限财务对账人员。"
    )


def payment_roots() -> Roots:
    return Roots(Query, Mutation)
