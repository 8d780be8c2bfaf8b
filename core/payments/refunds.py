"""Refunds: asked for by one, approved by another, done by the provider, and asked again after a crash."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError, PermissionDeniedError

from core.identity.required import require_login
from core.payments.bills import Bills
from core.payments.house import REFUND_REASON, TILL, House, checked_reason, no_payment
from core.payments.provider import Refund, Refunded
from core.payments.rows import Bill, Part, Payment, RefundRow, change, new_number
from core.store.database import Database, Transaction
from core.store.engine import IDEMPOTENCY
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.rows import insert, lock, read
from core.write.once import Once

log = logging.getLogger("tongban.payments")

RETRY_FIRST_S, RETRY_MAX_S = 10.0, 3600.0
PROVIDER_TIMEOUT_S = 10.0
#: States in which a refund is not decided, or not done yet.
_OPEN = "state IN ('asked', 'approved')"


class Refunds:
    def __init__(self, house: House, bills: Bills) -> None:
        self._house, self._bills = house, bills

    async def ask(self, actor: Actor, number: str, amount_fen: int, reason: str, *, key: str) -> RefundRow:
        """Ask that money goes back; another person decides. Repeated under one key: the same refund."""
        words, house = checked_reason(reason), self._house
        house.require_provider()
        once = Once(house.database, house.vault, actor, key, ["refund", number, amount_fen, words])
        if (made := await once.made()) is None:
            try:
                async with house.database.transaction() as tx:
                    made = await self._ask(tx, actor, number, amount_fen, words)
                    await tx.insert([once.row(made, house.clock())])
            except UniqueError as error:
                made = await once.made() if error.table == IDEMPOTENCY.name else None
                if made is None:
                    raise
        (row,) = await read(house.database, house.dialect, RefundRow, "id = {id}", id=made)
        return row

    async def decide(self, actor: Actor, number: str, agrees: bool) -> RefundRow:
        """The second pair of eyes: not who asked, under whatever account, and not who gets the money."""
        house = self._house
        house.require_provider()
        async with house.database.transaction() as tx:
            known = await read(tx, house.dialect, RefundRow, "number = {number}", number=number)
            if not known:
                raise NotFoundError("找不到这笔退款")
            payment = await self._held(tx, actor, "id = {id}", id=known[0].payment_id)
            (row,) = await read(tx, house.dialect, RefundRow, f"id = {{id}}{lock(house.dialect)}", id=known[0].id)
            if row.state != "asked":
                raise ConflictError("这笔退款已经有人决定")
            if row.asked_by == actor.id or (actor.person is not None and row.asked_person == actor.person):
                raise PermissionDeniedError("不能批准自己申请的退款", hint="请另一位工作人员办理")
            new = {"state": "approved" if agrees else "refused", "decided_by": actor.id, "decided_at": house.clock()}
            await change(tx, house.dialect, RefundRow, row.id, at=house.clock(), **new)
            if agrees:
                await change(tx, house.dialect, Payment, payment.id, state="refunding")
            await house.tell(tx, actor, "refund.approve" if agrees else "refund.refuse", payment, number)
        (row,) = await read(house.database, house.dialect, RefundRow, "id = {id}", id=row.id)
        return row

    async def of_payment(self, payment: Payment) -> list[RefundRow]:
        house = self._house
        return await read(
            house.database, house.dialect, RefundRow, "payment_id = {id:payment_id} ORDER BY id", id=payment.id
        )

    async def staffs_payment(self, actor: Actor, number: str) -> Payment:
        """A payment of bills that the caller may refund; NotFoundError for others as for none."""
        return await self._held(self._house.database, actor, "number = {number}", number=number)

    def words(self, row: RefundRow) -> str:
        return self._house.vault.unseal(row.reason, REFUND_REASON + row.id)

    async def carry_out(self, row: RefundRow) -> None:
        """One that was approved: done, failed, or tried again later under the same number."""
        house = self._house
        (payment,) = await read(house.database, house.dialect, Payment, "id = {id}", id=row.payment_id)
        if payment.provider != house.provider.name:
            # Whoever took the money gives it back.
            return await self._later(row, "OtherProvider")
        order = Refund(row.number, payment.number, payment.provider_ref or "", row.amount_fen)
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                told = await house.provider.refund(order)
        except Exception as error:
            log.warning("refund %s not taken, try %d: %s", row.number, row.tries + 1, type(error).__name__)
            return await self._later(row, type(error).__name__)
        if told.state == "pending":
            return await self._later(row, None)
        return await self._end(row, told)

    async def _ask(self, tx: Transaction, actor: Actor, number: str, amount_fen: int, words: str) -> str:
        house = self._house
        payment = await self._held(tx, actor, "number = {number}", number=number)
        if payment.state != "paid":
            raise ConflictError("这笔缴费现在不能退款", hint="没有缴成、正在退款或已全部退款的不能再退")
        if await read(tx, house.dialect, RefundRow, f"payment_id = {{id:payment_id}} AND {_OPEN}", id=payment.id):
            raise ConflictError("这笔缴费已有一笔退款在办", hint="请先决定那一笔")
        left = payment.amount_fen - payment.refunded_fen
        if not 0 < amount_fen <= left:
            problem = InputProblem(("amount",), "退款应大于零，不超过还没有退的金额", "payment.refund-amount")
            raise InvalidInputError("填写的内容有误", [problem])
        row = _row(house, payment, amount_fen, words, actor)
        await tx.insert([insert(row)])
        await house.tell(tx, actor, "refund.ask", payment, row.number)
        return row.id

    async def _held(self, source: Transaction | Database, actor: Actor, where: str, **named: str) -> Payment:
        """A payment whose bills are all of fees that the caller refunds, of rows he reads."""
        house, is_tx = self._house, not isinstance(source, Database)
        require_login(actor)
        tail = lock(house.dialect) if is_tx else ""
        found = await read(source, house.dialect, Payment, where + tail, **named)
        if not found:
            raise no_payment()
        payment = found[0]
        for part in await read(
            source, house.dialect, Part, "payment_id = {id:payment_id} ORDER BY bill_id", id=payment.id
        ):
            (bill,) = await read(source, house.dialect, Bill, "id = {id}", id=part.bill_id)
            try:
                _, fee = await self._bills.held_by_staff(source, actor, bill.number)
            except NotFoundError:
                raise no_payment() from None
            if not actor.roles & fee.roles.refund:
                raise PermissionDeniedError("您不能办理这项收费的退款")
        if actor.person is not None and actor.person == payment.person:
            raise PermissionDeniedError("不能办理自己缴费的退款", hint="请另一位工作人员办理")
        return payment

    async def _end(self, row: RefundRow, told: Refunded) -> None:
        house, is_done = self._house, told.state == "done"
        async with house.database.transaction() as tx:
            held = f"id = {{id}}{lock(house.dialect)}"
            (payment,) = await read(tx, house.dialect, Payment, held, id=row.payment_id)
            (now_row,) = await read(tx, house.dialect, RefundRow, held, id=row.id)
            if now_row.state != "approved":
                return
            at = told.at.replace(microsecond=told.at.microsecond // 1000 * 1000) if told.at else house.clock()
            ref = told.provider_ref or None
            await change(
                tx,
                house.dialect,
                RefundRow,
                row.id,
                state=told.state,
                done_at=at if is_done else None,
                provider_ref=ref,
            )
            back = payment.refunded_fen + (row.amount_fen if is_done else 0)
            state = "refunded" if back == payment.amount_fen else "paid"
            await change(tx, house.dialect, Payment, payment.id, refunded_fen=back, state=state)
            if is_done:
                await _tell_bills(house, tx, payment)
            await house.tell(tx, TILL, f"refund.{told.state}", payment, row.number)

    async def _later(self, row: RefundRow, error: str | None) -> None:
        pause_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(row.tries, 10))
        at = self._house.clock() + timedelta(seconds=pause_s)
        async with self._house.database.transaction() as tx:
            await change(
                tx,
                self._house.dialect,
                RefundRow,
                row.id,
                at=at,
                tries=row.tries + 1,
                error=error,
                claim=None,
                claimed_until=None,
            )


async def give_back(house: House, tx: Transaction, payment: Payment, amount_fen: int, why: str) -> None:
    """Money nobody owed: it goes back without anybody's asking."""
    now = house.clock()
    row = replace(_row(house, payment, amount_fen, why, TILL), state="approved", decided_by=TILL.id, decided_at=now)
    await tx.insert([insert(row)])
    await change(tx, house.dialect, Payment, payment.id, state="refunding")
    await house.tell(tx, TILL, "refund.approve", payment, row.number)


async def _tell_bills(house: House, tx: Transaction, payment: Payment) -> None:
    for part in await read(tx, house.dialect, Part, "payment_id = {id:payment_id}", id=payment.id):
        (bill,) = await read(tx, house.dialect, Bill, "id = {id}", id=part.bill_id)
        await tx.insert([house.event("bill.refunded", bill, house.clock())])


def _row(house: House, payment: Payment, amount_fen: int, words: str, actor: Actor) -> RefundRow:
    id, now = uuid7(), house.clock()
    return RefundRow(
        id=id, number=new_number("TK", now), payment_id=payment.id, amount_fen=amount_fen, state="asked",
        reason=house.vault.seal(words, REFUND_REASON + id), asked_by=actor.id, asked_person=actor.person, asked_at=now,
        decided_by=None, decided_at=None, done_at=None, provider_ref=None, error=None, at=now, tries=0,
    )  # fmt: skip
