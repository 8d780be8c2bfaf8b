"""Bill runs: one bill per row and period, however often and on however many nodes they run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError

from core.access.scope import EntityScope
from core.expr import typed_sql
from core.expr.clock import china_day
from core.fields.column import Column
from core.fields.refs import Ref
from core.manifest.fees import Cycle, Fee
from core.payments.bills import Bills, Debtor
from core.payments.house import TILL, House
from core.payments.rows import Bill, add_once, fen_of
from core.store.dialect import quote
from core.store.rows import read
from core.store.sql import Arg, Const, Env, Params
from core.write.live import Live, check_runs

log = logging.getLogger("tongban.payments")

#: Bills written in one transaction.
BATCH = 200
_TEXT, _UUID = Column("value", "text"), Column("value", "uuid")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a fee has done. `skipped` rows have no payer, or owe nothing."""

    period: str
    billed: int
    skipped: int


def period_of(cycle: Cycle, day: date) -> str:
    """ "2026-11", "2026-Q4" or "2026"."""
    match cycle:
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return f"{day.year}"


class Runs:
    def __init__(self, house: House, bills: Bills) -> None:
        self._house, self._bills = house, bills

    async def turn(self) -> int:
        """Every fee of the period that has begun; how many bills were written."""
        live = self._house.live()
        fees = [fee for plugin in live.world.plugins.values() for fee in plugin.fees.values() if fee.run]
        return sum([await self._tried(live, fee) for fee in fees])

    async def _tried(self, live: Live, fee: Fee) -> int:
        """One fee that cannot be worked out keeps no other from being billed."""
        try:
            return (await self.run(live, fee)).billed
        except Exception as error:
            # The kind only: texts of errors may hold what people wrote.
            log.error("the bill run of %s failed: %s", fee.key, type(error).__name__)
            return 0

    async def run(self, live: Live, fee: Fee) -> Run:
        """Bills of this period for rows that have none yet."""
        assert fee.run is not None
        now = self._house.clock()
        period, billed, skipped, after = period_of(fee.run.cycle, china_day(now)), 0, 0, ""
        while rows := await self._rows(live, fee, period, now, after=after):
            after = rows[-1][0]
            debtors = [_debtor(live, fee, period, row) for row in rows]
            owing = [d for d in debtors if d and live.choice(fee.plugin_id, d.division) == "on"]
            billed += await self._write(fee, owing, now)
            skipped += len(rows) - len(owing)
        return Run(period, billed, skipped)

    async def bill(self, live: Live, fee: Fee, row_id: str, period: str) -> Bill:
        """One row for a period of the caller's naming, whatever the run says; the same bill when there is one."""
        house, now = self._house, self._house.clock()
        if not fee.payer:
            raise InvalidInputError(f"“{fee.title}”没有写谁缴，只能由办件的流程开账单")
        for row in await self._rows(live, fee, period, now, only=row_id):
            debtor = _debtor(live, fee, period, row)
            if debtor is None:
                raise ConflictError(f"“{fee.title}”没有人缴，或金额为零，没有开账单")
            check_runs(live, fee.plugin_id, debtor.division)
            await self._write(fee, [debtor], now)
        where = "fee = {fee} AND row_id = {row:row_id} AND period = {period}"
        found = await read(house.database, house.dialect, Bill, where, fee=fee.key, row=row_id, period=period)
        if not found:
            raise NotFoundError("找不到要出账的那一行")
        return found[0]

    async def _write(self, fee: Fee, debtors: Sequence[Debtor], now: datetime) -> int:
        house, count = self._house, 0
        made = [await self._bills.made(fee, debtor, now) for debtor in debtors]
        if not made:
            return 0
        async with house.database.transaction() as tx:
            for bill in made:
                if await add_once(tx, house.dialect, bill):
                    await tx.insert([house.event("bill.opened", bill, now)])
                    await house.tell(tx, TILL, "bill.open", bill)
                    count += 1
        return count

    async def _rows(
        self, live: Live, fee: Fee, period: str, now: datetime, *, after: str = "", only: str = ""
    ) -> list[tuple[str, str, str | None, Any]]:
        """(id, division, payer, amount) of rows without a bill, by id: those of the run, or one."""
        params, entity = Params(self._house.dialect), live.world.entities[fee.entity]
        scope = EntityScope(live.world, entity, "r", params)
        payer = entity.fields[fee.payer]
        assert isinstance(payer, Ref)
        amount, kind = typed_sql(fee.amount, scope)
        where = [f"r.{quote('deleted_at')} IS NULL"]
        where += [f"r.id = {params.add(Const(only), _UUID)}"] if only else []
        where += [f"({scope.sql(fee.run.where)})"] if fee.run and fee.run.where is not None and not only else []
        where += [f"r.id > {params.add(Arg(('after',)), _UUID)}"] if after else []
        mine = f"b.fee = {params.add(Const(fee.key), _TEXT)} AND b.period = {params.add(Const(period), _TEXT)}"
        where.append(f"NOT EXISTS (SELECT 1 FROM tb_bill b WHERE {mine} AND b.row_id = r.id)")
        text = (
            f"SELECT r.id, r.division, r.{quote(payer.column_name)}, {amount} FROM {quote(entity.table)} r "
            f"WHERE {' AND '.join(where)} ORDER BY r.id LIMIT {BATCH}"
        )
        rows = await self._house.database.fetch(text, params.bind(Env({}, {"after": after}, now)))
        load, value = self._house.dialect.load, Column("value", kind.kind, kind.scale)  # type: ignore[arg-type]
        return [(load(_UUID, id), division, load(_UUID, who), load(value, raw)) for id, division, who, raw in rows]


def _debtor(live: Live, fee: Fee, period: str, row: tuple[str, str, str | None, Any]) -> Debtor | None:
    id, division, payer, amount = row
    if payer is None or amount is None or amount <= 0:
        return None
    field = live.world.entities[fee.entity].fields[fee.payer]
    whom = "person" if isinstance(field, Ref) and field.to == "core.person" else "legal_entity"
    return Debtor(id, division or "", fen_of(Decimal(amount)), period, **{whom: payer})
