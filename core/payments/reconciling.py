"""Daily reconciliation (对账): what the county holds of a day, line by line beside the provider's statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from tongban_sdk.actor import Actor

from core.expr.clock import CHINA, china_day
from core.identity.required import require_role
from core.payments.differences import ACCOUNTANTS, REFUSAL, Differences, Kind
from core.payments.house import House
from core.payments.provider import Line
from core.payments.rows import Payment, Reconciled, RefundRow
from core.payments.settling import Settling
from core.store.database import Transaction
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.payment_tables import RECONCILIATION
from core.store.rows import read, values_of
from core.store.statement import statement

log = logging.getLogger("tongban.payments")

#: Days that are made up for when nobody worked.
DAYS_BACK = 7
#: Providers close their day in the small hours (+08:00).
READY_H = 3
STATEMENT_TIMEOUT_S = 60.0
Moved = Literal["pay", "refund"]
_SIGN = {"pay": 1, "refund": -1}


class Reconciling:
    def __init__(self, house: House, settling: Settling, differences: Differences) -> None:
        self._house, self._settling, self._differences = house, settling, differences

    async def turn(self) -> int:
        """Days that are over and not compared yet; how many were."""
        now = self._house.clock().astimezone(CHINA)
        last = now.date() - timedelta(days=1 if now.hour >= READY_H else 2)
        since = last - timedelta(days=DAYS_BACK - 1)
        done = {row.day for row in await self._rows("day >= {day} AND provider = {provider}", since)}
        first = await self._first_day()
        days = [since + timedelta(days=i) for i in range(DAYS_BACK)]
        open_ = [day for day in days if day not in done and first is not None and day >= first]
        return sum([await self._tried(day) for day in open_])

    async def _tried(self, day: date) -> bool:
        """A day that cannot be compared keeps no other from it."""
        try:
            await self.run(day)
        except Exception as error:
            log.error("the day %s was not compared: %s", day, type(error).__name__)
            return False
        return True

    async def run(self, day: date) -> Reconciled:
        """Compare a day, again if need be: a difference is listed once. ProviderError when there is no statement."""
        house = self._house
        async with asyncio.timeout(STATEMENT_TIMEOUT_S):
            theirs = await house.provider.statement(day)
        await self._heal(theirs)
        async with house.database.transaction() as tx:
            ours = await self._ours(tx, day)
            for line in theirs:
                await self._compare(tx, line, day)
            told = {(line.line, line.number) for line in theirs}
            for key, (amount_fen, ref) in ours.items():
                if key not in told:
                    await self._differences.note(tx, key[0], key[1], "missing_there", ours=amount_fen, ref=ref, day=day)
            done = Reconciled(
                id=uuid7(), day=day, provider=house.provider.name,
                ours_fen=sum(_SIGN[line] * fen for (line, _), (fen, _) in ours.items()), ours_lines=len(ours),
                theirs_fen=sum(_SIGN[line.line] * line.amount_fen for line in theirs), theirs_lines=len(theirs),
                done_at=house.clock(),
            )  # fmt: skip
            await _upsert(tx, house, done)
        return done

    async def of_day(self, actor: Actor, day: date) -> Reconciled | None:
        """None: that day was not compared yet."""
        require_role(actor, ACCOUNTANTS, REFUSAL)
        found = await self._rows("day = {day} AND provider = {provider}", day)
        return found[0] if found else None

    async def _rows(self, where: str, day: date) -> list[Reconciled]:
        house = self._house
        return await read(house.database, house.dialect, Reconciled, where, day=day, provider=house.provider.name)

    async def _first_day(self) -> date | None:
        """Of the first order of this provider."""
        house = self._house
        where = "provider = {provider} ORDER BY ordered_at LIMIT 1"
        found = await read(house.database, house.dialect, Payment, where, provider=house.provider.name)
        return china_day(found[0].ordered_at) if found else None

    async def _heal(self, theirs: Sequence[Line]) -> None:
        """What the statement has and we still wait for is asked about first: its callback was lost."""
        house = self._house
        for line in theirs:
            if line.line == "pay":
                where = "number = {number} AND provider = {provider} AND state = 'pending'"
                named = {"number": line.number, "provider": house.provider.name}
                for payment in await read(house.database, house.dialect, Payment, where, **named):
                    await self._settling.ask(payment)

    async def _ours(self, tx: Transaction, day: date) -> Mapping[tuple[Moved, str], tuple[int, str | None]]:
        house, (since, until) = self._house, _ends(day)
        where = "provider = {provider} AND paid_at >= {since:paid_at} AND paid_at < {until:paid_at}"
        paid = await read(tx, house.dialect, Payment, where, provider=house.provider.name, since=since, until=until)
        # Refunds are done by whoever took the payment.
        where = "state = 'done' AND done_at >= {since:done_at} AND done_at < {until:done_at} AND "
        where += "payment_id IN (SELECT id FROM tb_payment WHERE provider = {provider:number})"
        named = {"since": since, "until": until, "provider": house.provider.name}
        back = await read(tx, house.dialect, RefundRow, where, **named)
        found: dict[tuple[Moved, str], tuple[int, str | None]] = {}
        found.update({("pay", row.number): (row.amount_fen, row.provider_ref) for row in paid})
        found.update({("refund", row.number): (row.amount_fen, row.provider_ref) for row in back})
        return found

    async def _compare(self, tx: Transaction, line: Line, day: date) -> None:
        found = await self._known(tx, line)
        ours = found[0].amount_fen if found else None
        if not found:
            fault: Kind = "missing_here"
        elif ours != line.amount_fen:
            fault = "amount"
        elif not _is_moved(found[0]):
            fault = "state"
        else:
            return
        await self._differences.note(
            tx, line.line, line.number, fault, ours=ours, theirs=line.amount_fen, ref=line.provider_ref, day=day
        )

    async def _known(self, tx: Transaction, line: Line) -> Sequence[Payment | RefundRow]:
        where, dialect = "number = {number}", self._house.dialect
        if line.line == "pay":
            return await read(tx, dialect, Payment, where, number=line.number)
        return await read(tx, dialect, RefundRow, where, number=line.number)


def _is_moved(row: Payment | RefundRow) -> bool:
    return row.paid_at is not None if isinstance(row, Payment) else row.state == "done"


def _ends(day: date) -> tuple[datetime, datetime]:
    since = datetime.combine(day, time(), CHINA).astimezone(UTC)
    return since, since + timedelta(days=1)


async def _upsert(tx: Transaction, house: House, row: Reconciled) -> None:
    values = values_of(row)
    text = (
        f"INSERT INTO tb_reconciliation ({', '.join(map(quote, values))}) "
        f"VALUES ({', '.join(f'{{{name}}}' for name in values)}) ON CONFLICT (day, provider) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in values if name not in ("id", "day", "provider"))
    )
    await tx.execute(*statement(house.dialect, RECONCILIATION, text, **values))
