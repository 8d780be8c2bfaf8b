"""What comes of orders, whoever tells: a callback, or the loop that asks. Settled in one transaction by whoever is
first; what a crash leaves between the provider and the county is found out by asking.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from tongban_sdk.errors import UnavailableError

from core.payments.differences import Differences, Kind
from core.payments.house import TILL, House
from core.payments.provider import Paid
from core.payments.refunds import give_back
from core.payments.rows import Bill, Part, Payment, change, new_number
from core.store.database import Transaction
from core.store.rows import lock, read

log = logging.getLogger("tongban.payments")

#: After its end the provider may still be settling what was paid in the last moment.
GRACE_S = 60.0
PROVIDER_TIMEOUT_S = 10.0
#: First look after an order that nobody called back about.
ASK_FIRST_S = 15.0
#: The longest pause between looks at an order that nobody called back about.
ASK_MAX_S = 600.0


class Settling:
    def __init__(self, house: House, differences: Differences) -> None:
        self._house, self._differences = house, differences

    async def settle(self, told: Paid) -> None:
        """What the provider says of an order, believed: its signature was checked, or it was asked. Told again, or by
        two at once: nothing more happens."""
        if told.state != "paid":
            return
        house = self._house
        async with house.database.transaction() as tx:
            where = f"number = {{number}} AND provider = {{provider}}{lock(house.dialect)}"
            found = await read(tx, house.dialect, Payment, where, number=told.number, provider=house.provider.name)
            if not found:
                await self._note(tx, told, "missing_here", None)
            elif found[0].amount_fen != told.amount_fen:
                await self._note(tx, told, "amount", found[0])
            elif found[0].state == "pending":
                await self._paid(tx, found[0], told)
            elif found[0].state == "closed":
                await self._note(tx, told, "state", found[0])
                await self._received(tx, found[0], told)
                await give_back(house, tx, found[0], found[0].amount_fen, "订单关闭后才缴费，原路退回")
            elif told.provider_ref != found[0].provider_ref:
                # Paid a second time: the provider has taken the money twice.
                await self._note(tx, told, "state", found[0])

    async def ask(self, payment: Payment) -> None:
        """One order that waits: settled, closed, or asked about again later."""
        house = self._house
        if payment.provider != house.provider.name:
            # Another provider has never heard of it, and money may have moved.
            return await self._later(payment)
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                told = await house.provider.query(payment.number)
        except Exception as error:
            # Money may have moved: what cannot be asked is not closed.
            log.warning("payment %s cannot be asked about: %s", payment.number, type(error).__name__)
            return await self._later(payment)
        await self.settle(told)
        is_gone = told.state == "closed" and payment.link is not None
        if is_gone or house.clock() >= _end_of(payment):
            return await self._close(payment)
        return await self._later(payment)

    async def cancel(self, payment: Payment) -> None:
        """Nobody wants to pay it any more. The provider closes it first: what somebody has paid is settled instead."""
        house = self._house
        if payment.state != "pending":
            return
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                told = await house.provider.close(payment.number)
        except Exception as error:
            log.warning("payment %s cannot be cancelled: %s", payment.number, type(error).__name__)
            raise UnavailableError("缴费渠道暂时不可用，订单没有取消", retry_after_s=10) from error
        await self.settle(told)
        if told.state == "closed":
            await self._close(payment)

    async def _paid(self, tx: Transaction, payment: Payment, told: Paid) -> None:
        """One payment, and of each bill one event. What a bill no longer takes goes back."""
        house, now, back_fen = self._house, self._house.clock(), 0
        await self._received(tx, payment, told)
        parts = await read(tx, house.dialect, Part, "payment_id = {id:payment_id}", id=payment.id)
        for part in sorted(parts, key=lambda one: one.bill_id):
            where = f"id = {{id}}{lock(house.dialect)}"
            (bill,) = await read(tx, house.dialect, Bill, where, id=part.bill_id)
            if not bill.is_owed:
                back_fen += part.amount_fen
                continue
            paid = bill.paid_fen + part.amount_fen - part.late_fen
            is_all = paid >= bill.amount_fen
            await change(
                tx, house.dialect, Bill, bill.id, paid_fen=paid, late_fen=bill.late_fen + part.late_fen,
                state="paid" if is_all else "partial", closed_at=now if is_all else None, paying=None,
            )  # fmt: skip
            await tx.insert([house.event("bill.paid", bill, now)])
            if is_all and bill.case_id is not None:
                await house.tell_case(tx, bill.case_id)
        if back_fen:
            await self._note(tx, told, "state", payment)
            await give_back(house, tx, payment, back_fen, "账单已减免或作废，原路退回")

    async def _received(self, tx: Transaction, payment: Payment, told: Paid) -> None:
        house, now = self._house, self._house.clock()
        at = told.at.replace(microsecond=told.at.microsecond // 1000 * 1000) if told.at else now
        await change(
            tx, house.dialect, Payment, payment.id, state="paid", paid_at=at, provider_ref=told.provider_ref,
            receipt=new_number("PJ", now),
        )  # fmt: skip
        await house.tell(tx, TILL, "payment.paid", payment)

    async def _note(self, tx: Transaction, told: Paid, kind: Kind, payment: Payment | None) -> None:
        ours = payment.amount_fen if payment else None
        await self._differences.note(
            tx, "pay", told.number, kind, ours=ours, theirs=told.amount_fen, ref=told.provider_ref
        )

    async def _close(self, payment: Payment) -> None:
        """Nobody paid in time; its bills can be ordered anew."""
        house = self._house
        async with house.database.transaction() as tx:
            (held,) = await read(tx, house.dialect, Payment, f"id = {{id}}{lock(house.dialect)}", id=payment.id)
            if held.state != "pending":
                return
            await change(tx, house.dialect, Payment, held.id, state="closed")
            for part in await read(
                tx, house.dialect, Part, "payment_id = {id:payment_id} ORDER BY bill_id", id=held.id
            ):
                await change(tx, house.dialect, Bill, part.bill_id, paying=None)
            await house.tell(tx, TILL, "payment.close", held)

    async def _later(self, payment: Payment) -> None:
        pause_s = min(ASK_MAX_S, ASK_FIRST_S * 2 ** min(payment.tries, 10))
        now, end = self._house.clock(), _end_of(payment)
        at = now + timedelta(seconds=pause_s)
        # Its bills wait no longer than they have to.
        at = min(at, end) if now < end else at
        async with self._house.database.transaction() as tx:
            await change(
                tx,
                self._house.dialect,
                Payment,
                payment.id,
                at=at,
                tries=payment.tries + 1,
                claim=None,
                claimed_until=None,
            )


def _end_of(payment: Payment) -> datetime:
    """After this nobody has paid it."""
    return payment.expires_at + timedelta(seconds=GRACE_S)
