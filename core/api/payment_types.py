"""GraphQL types of bills, payments, refunds and reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import InputProblem, InvalidInputError

from core.payments import rows
from core.payments.rows import yuan_of

BillNumber = Annotated[strawberry.ID, strawberry.argument(description="账单号。")]
PaymentNumber = Annotated[strawberry.ID, strawberry.argument(description="缴费订单号。")]
Why = Annotated[str, strawberry.argument(description="理由，至多 500 字。")]
Key = Annotated[str, strawberry.argument(description="幂等键：同一个键重复提交，只办一次，回答相同。")]


@strawberry.enum(description="账单的状态。")
class BillState(Enum):
    UNPAID = strawberry.enum_value("unpaid", description="未缴。")
    PARTIAL = strawberry.enum_value("partial", description="部分缴纳。")
    PAID = strawberry.enum_value("paid", description="已缴。")
    WAIVED = strawberry.enum_value("waived", description="减免。")
    VOID = strawberry.enum_value("void", description="作废。")


@strawberry.enum(description="缴费订单的状态。")
class PaymentState(Enum):
    PENDING = strawberry.enum_value("pending", description="等待缴费。")
    PAID = strawberry.enum_value("paid", description="已缴费。")
    CLOSED = strawberry.enum_value("closed", description="没有缴费，已关闭。")
    REFUNDING = strawberry.enum_value("refunding", description="正在退款。")
    REFUNDED = strawberry.enum_value("refunded", description="已全部退款。")


@strawberry.enum(description="退款的状态。")
class RefundState(Enum):
    ASKED = strawberry.enum_value("asked", description="待另一人批准。")
    APPROVED = strawberry.enum_value("approved", description="已批准，正在退。")
    DONE = strawberry.enum_value("done", description="已退。")
    REFUSED = strawberry.enum_value("refused", description="不予退款。")
    FAILED = strawberry.enum_value("failed", description="渠道退不了。")


@strawberry.type(description="一张账单：谁为什么欠多少。")
class Bill:
    number: strawberry.ID = strawberry.field(description="账单号。")
    fee: str = strawberry.field(description="收费的标识，如 community.property。")
    title: str = strawberry.field(description="收费名称。")
    kind: str = strawberry.field(description="非税、服务或代收。")
    period: str = strawberry.field(description="账期，如 2026-11；办件的为办件编号加序号。")
    case_number: strawberry.ID | None = strawberry.field(description="所属的办件。")
    division: str = strawberry.field(description="行政区划。")
    amount: Decimal = strawberry.field(description="应缴金额，元。")
    late_fee: Decimal = strawberry.field(description="滞纳金，元；没有缴的为到现在的。")
    paid: Decimal = strawberry.field(description="已缴的应缴金额，元，不含滞纳金。")
    owed: Decimal = strawberry.field(description="现在要缴的，元，含滞纳金。")
    state: BillState = strawberry.field(description="状态。")
    due_at: datetime = strawberry.field(description="缴费期限（UTC）。")
    opened_at: datetime = strawberry.field(description="出账时间（UTC）。")
    is_paying: bool = strawberry.field(description="正在一笔没有完成的订单里。")

    @classmethod
    def of(cls, bill: rows.Bill, now: datetime) -> Bill:
        late = bill.late_at(now)
        return cls(
            number=strawberry.ID(bill.number), fee=bill.fee, title=bill.title, kind=bill.kind, period=bill.period,
            case_number=strawberry.ID(bill.case_number) if bill.case_number else None, division=bill.division,
            amount=yuan_of(bill.amount_fen), late_fee=yuan_of(bill.late_fen + late), paid=yuan_of(bill.paid_fen),
            owed=yuan_of(bill.open_fen + late), state=BillState(bill.state), due_at=bill.due_at,
            opened_at=bill.opened_at, is_paying=bill.is_owed and bill.paying is not None,
        )  # fmt: skip


@strawberry.type(description="一页账单。")
class BillPage:
    nodes: list[Bill] = strawberry.field(description="账单。")
    has_next_page: bool = strawberry.field(description="后面是否还有。")
    end_cursor: str | None = strawberry.field(description="下一页的 after。")

    @classmethod
    def of(cls, found: Sequence[rows.Bill], first: int, now: datetime) -> BillPage:
        """Of one more than is shown."""
        shown = found[:first]
        cursor = shown[-1].number if shown else None
        return cls(nodes=[Bill.of(bill, now) for bill in shown], has_next_page=len(found) > first, end_cursor=cursor)


@strawberry.type(description="到哪里缴费。")
class PaymentLink:
    url: str = strawberry.field(description="缴费页面的地址。")
    params: JSON = strawberry.field(description="支付控件要的参数。")


@strawberry.type(description="订单里的一张账单。")
class PaymentPart:
    number: strawberry.ID = strawberry.field(description="账单号。")
    title: str = strawberry.field(description="收费名称。")
    amount: Decimal = strawberry.field(description="这笔订单缴它多少，元，含滞纳金。")


@strawberry.type(description="一笔退款。")
class PaymentRefund:
    number: strawberry.ID = strawberry.field(description="退款号。")
    amount: Decimal = strawberry.field(description="金额，元。")
    state: RefundState = strawberry.field(description="状态。")
    asked_at: datetime = strawberry.field(description="申请时间（UTC）。")
    done_at: datetime | None = strawberry.field(description="退款时间（UTC）。")
    reason: str | None = strawberry.field(description="理由；只给工作人员看。")


@strawberry.type(description="一笔缴费：订单和它的结果。")
class Payment:
    number: strawberry.ID = strawberry.field(description="订单号。")
    amount: Decimal = strawberry.field(description="金额，元。")
    refunded: Decimal = strawberry.field(description="已退，元。")
    state: PaymentState = strawberry.field(description="状态。")
    link: PaymentLink | None = strawberry.field(description="到哪里缴费；不等待缴费的、工作人员看的为空。")
    ordered_at: datetime = strawberry.field(description="下单时间（UTC）。")
    expires_at: datetime = strawberry.field(description="最迟什么时候缴（UTC）；过后自动关闭。")
    paid_at: datetime | None = strawberry.field(description="缴费时间（UTC）。")
    receipt: str | None = strawberry.field(description="电子票据号。")
    bills: list[PaymentPart] = strawberry.field(description="缴的是哪些账单。")
    refunds: list[PaymentRefund] = strawberry.field(description="退款，先申请的在前。")


async def payment_view(context: Any, found: rows.Payment) -> Payment:
    payments, is_staff = context.host.payments, context.actor.kind == "staff"
    link = found.link if found.link and found.state == "pending" and not is_staff else None
    parts, refunds = await payments.orders.parts(found), await payments.refunds.of_payment(found)
    return Payment(
        number=strawberry.ID(found.number), amount=yuan_of(found.amount_fen), refunded=yuan_of(found.refunded_fen),
        state=PaymentState(found.state), link=PaymentLink(url=link["url"], params=link["params"]) if link else None,
        ordered_at=found.ordered_at, expires_at=found.expires_at, paid_at=found.paid_at, receipt=found.receipt,
        bills=[
            PaymentPart(number=strawberry.ID(bill.number), title=bill.title, amount=yuan_of(part.amount_fen))
            for part, bill in parts
        ],
        refunds=[refund_view(context, row) for row in refunds],
    )  # fmt: skip


def refund_view(context: Any, row: rows.RefundRow) -> PaymentRefund:
    return PaymentRefund(
        number=strawberry.ID(row.number), amount=yuan_of(row.amount_fen), state=RefundState(row.state),
        asked_at=row.asked_at, done_at=row.done_at,
        reason=context.host.payments.refunds.words(row) if context.actor.kind == "staff" else None,
    )  # fmt: skip


@strawberry.type(description="一条对不上的。")
class PaymentDifference:
    provider: str = strawberry.field(description="渠道。")
    line: str = strawberry.field(description="pay 缴费，refund 退款。")
    number: strawberry.ID = strawberry.field(description="订单号或退款号，渠道那边的写法。")
    kind: str = strawberry.field(
        description="missing_here 渠道有我方无，missing_there 我方有渠道无，amount 金额不同，state 状态不同。"
    )
    ours: Decimal | None = strawberry.field(description="我方的金额，元。")
    theirs: Decimal | None = strawberry.field(description="渠道的金额，元。")
    provider_number: str | None = strawberry.field(description="渠道流水号。")
    found_at: datetime = strawberry.field(description="发现时间（UTC）。")
    settled_at: datetime | None = strawberry.field(description="处理时间（UTC）；空为待处理。")

    @classmethod
    def of(cls, row: rows.Difference) -> PaymentDifference:
        ours, theirs = (None if fen is None else yuan_of(fen) for fen in (row.ours_fen, row.theirs_fen))
        return cls(
            provider=row.provider, line=row.line, number=strawberry.ID(row.number), kind=row.kind, ours=ours,
            theirs=theirs, provider_number=row.provider_ref or None, found_at=row.found_at, settled_at=row.settled_at,
        )  # fmt: skip


@strawberry.type(description="一天的对账。")
class PaymentReconciliation:
    day: date = strawberry.field(description="哪一天（北京时间）。")
    done_at: datetime | None = strawberry.field(description="对账时间（UTC）；空为还没有对。")
    ours: Decimal = strawberry.field(description="我方缴费减退款，元。")
    ours_lines: int = strawberry.field(description="我方笔数。")
    theirs: Decimal = strawberry.field(description="渠道缴费减退款，元。")
    theirs_lines: int = strawberry.field(description="渠道笔数。")
    differences: list[PaymentDifference] = strawberry.field(description="对不上的，先发现的在前。")

    @classmethod
    def of(
        cls, day: date, done: rows.Reconciled | None, differences: Sequence[rows.Difference]
    ) -> PaymentReconciliation:
        return cls(
            day=day, done_at=done.done_at if done else None, ours=yuan_of(done.ours_fen if done else 0),
            ours_lines=done.ours_lines if done else 0, theirs=yuan_of(done.theirs_fen if done else 0),
            theirs_lines=done.theirs_lines if done else 0, differences=[PaymentDifference.of(d) for d in differences],
        )  # fmt: skip


def whole_fen(amount: Decimal) -> int:
    """InvalidInputError for what is no amount of money."""
    fen = amount * 100
    if fen != int(fen) or not 0 < fen <= 10**12:
        problem = InputProblem(("amount",), "金额应大于零，以元计，至多两位小数", "payment.amount")
        raise InvalidInputError("填写的内容有误", [problem])
    return int(fen)
