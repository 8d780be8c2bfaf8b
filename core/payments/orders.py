"""Orders: bills handed to the provider. An order is committed before the provider hears of it: what a crash leaves
between the two is made good by the same request again, or found out by asking (core/payments/settling.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, UnavailableError

from core.access import me_of
from core.fields.column import Column
from core.identity.required import require_login
from core.payments.bills import TITLES, Bills
from core.payments.house import House, no_payment
from core.payments.provider import Order
from core.payments.rows import Bill, Part, Payment, change, new_number
from core.payments.settling import ASK_FIRST_S, PROVIDER_TIMEOUT_S, Settling
from core.payments.sight import own_payment
from core.store.database import Transaction
from core.store.engine import IDEMPOTENCY
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.rows import columns, insert, load, read
from core.store.sql import Const, Env, Params
from core.write.live import check_runs
from core.write.once import Once

log = logging.getLogger("tongban.payments")

#: So many bills are paid by one order.
BILLS_MAX = 50
LIFE_S = 30 * 60.0


class Orders:
    def __init__(self, house: House, bills: Bills, settling: Settling) -> None:
        self._house, self._bills, self._settling = house, bills, settling

    async def pay(self, actor: Actor, numbers: Sequence[str], *, key: str, amount_fen: int | None = None) -> Payment:
        """Order what is left of these bills, or a part of one; the link says where it is paid. Repeated under one key,
        or while the same bills are being paid: the same order."""
        self._house.require_provider()
        require_login(actor)
        _check(numbers, amount_fen)
        once = Once(self._house.database, self._house.vault, actor, key, ["pay", sorted(numbers), amount_fen])
        if (made := await once.made()) is None:
            try:
                async with self._house.database.transaction() as tx:
                    made = await self._order(tx, actor, numbers, amount_fen)
                    await tx.insert([once.row(made, self._house.clock())])
            except UniqueError as error:
                made = await once.made() if error.table == IDEMPOTENCY.name else None
                if made is None:
                    raise
        return await self._linked(made)

    async def get(self, actor: Actor, number: str) -> Payment:
        """NotFoundError for another's as for none."""
        house, params = self._house, Params(self._house.dialect)
        require_login(actor)
        here = f"p.number = {params.add(Const(number), Column('value', 'text'))}"
        mine = own_payment(house, house.live(), actor, params, "p")
        text = f"SELECT {columns(Payment, 'p')} FROM tb_payment p WHERE {here} AND {mine}"
        rows = await house.database.fetch(text, params.bind(Env(me_of(actor), {}, house.clock())))
        if not rows:
            raise no_payment()
        return load(house.dialect, Payment, rows[0])

    async def cancel(self, actor: Actor, number: str) -> Payment:
        """One's own order, if the provider closes it; ConflictError when it was paid. Closed already: as it is."""
        self._house.require_provider()
        await self._settling.cancel(await self.get(actor, number))
        payment = await self.get(actor, number)
        if payment.state != "closed":
            why = "正在缴费" if payment.state == "pending" else "已经缴了"
            raise ConflictError(f"这笔订单{why}，没有取消", hint="缴错了的，请向收费单位申请退款")
        return payment

    async def parts(self, payment: Payment) -> list[tuple[Part, Bill]]:
        """Which bills it pays, and how much of each."""
        house = self._house
        parts = await read(
            house.database, house.dialect, Part, "payment_id = {id:payment_id} ORDER BY id", id=payment.id
        )
        return [(p, (await read(house.database, house.dialect, Bill, "id = {id}", id=p.bill_id))[0]) for p in parts]

    async def of_bill(self, actor: Actor, number: str) -> list[Payment]:
        """All orders of a bill that the caller sees in his office, the oldest first."""
        house = self._house
        bill, _ = await self._bills.held_by_staff(house.database, actor, number)
        inside = "id IN (SELECT payment_id FROM tb_payment_bill WHERE bill_id = {bill:id}) ORDER BY id"
        return await read(house.database, house.dialect, Payment, inside, bill=bill.id)

    async def _order(self, tx: Transaction, actor: Actor, numbers: Sequence[str], amount_fen: int | None) -> str:
        """Id of the order; its bills are held."""
        now, found = self._house.clock(), await self._bills.seen(actor, numbers, tx=tx)
        self._check_bills(numbers, found)
        if (known := await self._under_way(tx, found, amount_fen)) is not None:
            return known
        id, first = uuid7(), found[0]
        parts = [_part(id, bill, amount_fen, bill.late_at(now)) for bill in found]
        payment = Payment(
            id=id, number=new_number("ZF", now), provider=self._house.provider.name, provider_ref=None,
            division=first.division, person=first.person, legal_entity=first.legal_entity, account=actor.id,
            amount_fen=sum(part.amount_fen for part in parts), refunded_fen=0, state="pending", link=None,
            ordered_at=now, expires_at=now + timedelta(seconds=LIFE_S), paid_at=None, receipt=None,
            at=now + timedelta(seconds=ASK_FIRST_S), tries=0,
        )  # fmt: skip
        await tx.insert([insert(payment), *map(insert, parts)])
        for bill in found:
            await change(tx, self._house.dialect, Bill, bill.id, paying=id)
        await self._house.tell(tx, actor, "payment.order", payment)
        return id

    def _check_bills(self, numbers: Sequence[str], found: Sequence[Bill]) -> None:
        live, known = self._house.live(), {bill.number: bill for bill in found}
        problems = [
            InputProblem(("numbers", i), "找不到这张账单", "payment.bill-unknown")
            for i, number in enumerate(numbers)
            if number not in known
        ]
        if problems:
            raise InvalidInputError("有账单找不到", problems)
        for bill in found:
            check_runs(live, bill.plugin_id, bill.division)
            if not bill.is_owed:
                raise ConflictError(f"账单 {bill.number} 是“{TITLES[bill.state]}”，不用缴", hint="请刷新后再试")
        if len({(bill.person, bill.legal_entity) for bill in found}) > 1:
            raise InvalidInputError("一次只能缴一个人或一个单位的账单")

    async def _under_way(self, tx: Transaction, found: Sequence[Bill], amount_fen: int | None) -> str | None:
        """The order that these very bills are in already; ConflictError when they are in others."""
        busy = {bill.paying for bill in found if bill.paying}
        if not busy:
            return None
        dialect = self._house.dialect
        if len(busy) == 1:
            (id,) = busy
            parts = await read(tx, dialect, Part, "payment_id = {id:payment_id}", id=id)
            same = {part.bill_id for part in parts} == {bill.id for bill in found}
            if same and (amount_fen is None or amount_fen == parts[0].amount_fen):
                return id
        raise ConflictError("有账单正在别的订单里缴费", hint="请完成那笔订单，或取消它，或等它到期（三十分钟）自动关闭")

    async def _linked(self, id: str) -> Payment:
        """With the provider's link; asked for again when a crash or the provider left it out."""
        house = self._house
        (payment,) = await read(house.database, house.dialect, Payment, "id = {id}", id=id)
        if payment.link is not None or payment.state != "pending":
            return payment
        parts = await self.parts(payment)
        titles = list(dict.fromkeys(bill.title for _, bill in parts))
        order = Order(payment.number, payment.amount_fen, "、".join(titles)[:60], payment.expires_at)
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                link = await house.provider.order(order)
        except Exception as error:
            log.warning("payment %s cannot be ordered: %s", payment.number, type(error).__name__)
            raise UnavailableError("缴费渠道暂时不可用，没有扣款", retry_after_s=10) from error
        shown: dict[str, Any] = {"url": link.url, "params": dict(link.params)}
        async with house.database.transaction() as tx:
            await change(tx, house.dialect, Payment, id, link=shown)
        (payment,) = await read(house.database, house.dialect, Payment, "id = {id}", id=id)
        return payment


def _check(numbers: Sequence[str], amount_fen: int | None) -> None:
    problems = []
    if not 0 < len(numbers) <= BILLS_MAX or len(set(numbers)) != len(numbers):
        text = f"应为 1 到 {BILLS_MAX} 张不重复的账单"
        problems.append(InputProblem(("numbers",), text, "payment.bills"))
    if amount_fen is not None and (len(numbers) != 1 or amount_fen <= 0):
        problems.append(InputProblem(("amount",), "部分缴纳一次一张账单，金额应大于零", "payment.amount"))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)


def _part(payment_id: str, bill: Bill, amount_fen: int | None, late_fen: int) -> Part:
    """All that is left with its late fee, or less of the amount without."""
    if amount_fen is None or amount_fen == bill.open_fen + late_fen:
        return Part(uuid7(), payment_id, bill.id, bill.open_fen + late_fen, late_fen)
    if amount_fen >= bill.open_fen:
        problem = InputProblem(("amount",), "部分缴纳应小于所欠的金额", "payment.amount")
        raise InvalidInputError("填写的内容有误", [problem])
    return Part(uuid7(), payment_id, bill.id, amount_fen, 0)
