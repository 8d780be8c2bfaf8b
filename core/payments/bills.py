"""Bills: opened by a step of a case or by a run, seen by who owes them and by staff, waived or voided with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, PermissionDeniedError

from core.access import me_of
from core.clock import due
from core.fields.column import Column
from core.fields.places import division_range
from core.identity.required import require_login
from core.manifest.fees import Fee, fee_of
from core.payments.house import BILL_REASON, House, checked_reason, no_bill
from core.payments.rows import OWED, Bill, change, new_number
from core.payments.sight import own, staffs
from core.store.database import Database, Transaction
from core.store.ids import uuid7
from core.store.payment_tables import BILL
from core.store.rows import columns, insert, load, lock, read
from core.store.sql import Const, Env, Params
from core.write.live import Live, check_runs

_TEXT = Column("value", "text")
TITLES = {"unpaid": "未缴", "partial": "部分缴纳", "paid": "已缴", "waived": "减免", "void": "作废"}


@dataclass(frozen=True, slots=True)
class Debtor:
    """Who owes, and about what."""

    row_id: str
    division: str
    amount_fen: int
    period: str
    person: str | None = None
    legal_entity: str | None = None
    case_id: str | None = None
    case_number: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bills staff ask for; None and "" = any."""

    state: str = ""
    division: str = ""
    period: str = ""
    overdue: bool = False


class Bills:
    def __init__(self, house: House) -> None:
        self._house = house

    async def made(self, fee: Fee, debtor: Debtor, now: datetime) -> Bill:
        """A bill that is not written yet. Of nothing at all: it is paid at once."""
        end = due(await self._house.calendars.of(debtor.division), now, fee.due).at
        is_free = debtor.amount_fen <= 0
        late = fee.late_fee
        return Bill(
            id=uuid7(), number=new_number("ZD", now), fee=fee.key, plugin_id=fee.plugin_id, title=fee.title,
            kind=fee.kind, entity=fee.entity, row_id=debtor.row_id, period=debtor.period, case_id=debtor.case_id,
            case_number=debtor.case_number, division=debtor.division, person=debtor.person,
            legal_entity=debtor.legal_entity, amount_fen=max(0, debtor.amount_fen),
            late_ppm=int(late.percent_per_day * 10_000) if late else 0,
            late_max_percent=late.max_percent if late else 0, late_fen=0, paid_fen=0,
            state="paid" if is_free else "unpaid", due_at=end.replace(microsecond=end.microsecond // 1000 * 1000),
            opened_at=now, closed_at=now if is_free else None, closed_by=None, reason=None, paying=None,
        )  # fmt: skip

    async def open_in(self, tx: Transaction, actor: Actor, fee: Fee, debtor: Debtor, now: datetime) -> Bill:
        """In the transaction of the step that opens it; the n-th of its case."""
        found = await read(tx, self._house.dialect, Bill, "case_id = {case_id}", case_id=debtor.case_id)
        bill = await self.made(fee, replace(debtor, period=f"{debtor.case_number}-{len(found) + 1}"), now)
        await tx.insert([insert(bill), self._house.event("bill.opened", bill, now)])
        await self._house.tell(tx, actor, "bill.open", bill)
        return bill

    async def owed_in(self, tx: Transaction, case_id: str) -> list[Bill]:
        """What a case still owes; held to the end of the transaction."""
        where = f"case_id = {{case_id}} AND state IN ('unpaid', 'partial') ORDER BY id{lock(self._house.dialect)}"
        return await read(tx, self._house.dialect, Bill, where, case_id=case_id)

    async def void_in(self, tx: Transaction, actor: Actor, case_id: str, now: datetime) -> None:
        """The case is withdrawn or refused: nothing is owed any more. What was paid stays paid."""
        for bill in await self.owed_in(tx, case_id):
            await self._close(tx, actor, bill, "void", "办件已撤回或不予办理", now, tells=False)

    async def mine(self, actor: Actor, *, only_owed: bool, first: int, after: str | None) -> list[Bill]:
        """The newest first; `after`: number of the last one seen. Those of an application that is off are hidden."""
        house, live = self._house, self._house.live()
        require_login(actor)

        async def ask(last: str | None) -> list[Bill]:
            params = Params(house.dialect)
            where = [own(house, live, actor, params, "b"), _in(params, "b.plugin_id", tuple(live.world.plugins))]
            where += [_in(params, "b.state", OWED)] if only_owed else []
            where += [_older(params, last)] if last is not None else []
            order = f"b.opened_at DESC, b.id DESC LIMIT {first:d}"
            return await self._fetch(house.database, actor, params, where, order)

        return await _shown(live, ask, first, after)

    async def of_staff(self, actor: Actor, key: str, wanted: Wanted, *, first: int, after: str | None) -> list[Bill]:
        """Bills of one fee, what was due first first; PermissionDeniedError for who has nothing to do with it."""
        house, live = self._house, self._house.live()
        fee = fee_of(live.world, key)

        async def ask(last: str | None) -> list[Bill]:
            params = Params(house.dialect)
            sight = staffs(live, actor, fee, params, "b") if fee else None
            if sight is None:
                raise PermissionDeniedError("您不管这项收费", hint="收费由 fees.yaml 里写的角色管理")
            where = [sight, *_wanted(params, wanted, house.clock())]
            where += [_later(params, last)] if last is not None else []
            return await self._fetch(house.database, actor, params, where, f"b.due_at, b.id LIMIT {first:d}")

        return await _shown(live, ask, first, after)

    async def seen(self, actor: Actor, numbers: Sequence[str], *, tx: Transaction | None = None) -> list[Bill]:
        """The caller's own among them; held when there is a transaction."""
        house, params = self._house, Params(self._house.dialect)
        where = [own(house, house.live(), actor, params, "b"), _in(params, "b.number", tuple(numbers))]
        tail = f"b.id{' FOR UPDATE OF b' if tx and house.dialect.name == 'postgres' else ''}"
        return await self._fetch(tx or house.database, actor, params, where, tail)

    async def waive(self, actor: Actor, number: str, reason: str) -> Bill:
        """减免: what is left is not asked for."""
        return await self._end(actor, number, "waived", reason)

    async def void(self, actor: Actor, number: str, reason: str) -> Bill:
        """作废: it should never have been; not when something was paid."""
        return await self._end(actor, number, "void", reason)

    async def held_by_staff(self, tx: Transaction | Database, actor: Actor, number: str) -> tuple[Bill, Fee]:
        """A bill that the caller may see in his office; NotFoundError for another's as for none."""
        house, live, params = self._house, self._house.live(), Params(self._house.dialect)
        known = await read(tx, house.dialect, Bill, "number = {number}", number=number)
        fee = fee_of(live.world, known[0].fee) if known else None
        sight = staffs(live, actor, fee, params, "b") if fee else None
        if fee is None or sight is None:
            raise no_bill()
        is_held = house.dialect.name == "postgres" and not isinstance(tx, Database)
        where = [sight, f"b.number = {params.add(Const(number), _TEXT)}"]
        found = await self._fetch(tx, actor, params, where, f"b.id{' FOR UPDATE OF b' if is_held else ''}")
        if not found:
            raise no_bill()
        check_runs(live, found[0].plugin_id, found[0].division)
        return found[0], fee

    async def _end(self, actor: Actor, number: str, state: Literal["waived", "void"], reason: str) -> Bill:
        words, title = checked_reason(reason), TITLES[state]
        async with self._house.database.transaction() as tx:
            bill, fee = await self.held_by_staff(tx, actor, number)
            if not actor.roles & (fee.roles.waive if state == "waived" else fee.roles.void):
                raise PermissionDeniedError(f"您不能{title}这项收费的账单")
            if not bill.is_owed or (state == "void" and bill.paid_fen):
                raise ConflictError(f"账单是“{TITLES[bill.state]}”，不能{title}", hint="已缴的可以退款")
            if actor.person is not None and actor.person == bill.person:
                raise PermissionDeniedError(f"不能{title}自己的账单", hint="请另一位工作人员办理")
            return await self._close(tx, actor, bill, state, words, self._house.clock())

    async def _close(
        self, tx: Transaction, actor: Actor, bill: Bill, state: str, reason: str, now: datetime, *, tells: bool = True
    ) -> Bill:
        house = self._house
        sealed = house.vault.seal(reason, BILL_REASON + bill.id)
        await change(tx, house.dialect, Bill, bill.id, state=state, closed_at=now, closed_by=actor.id, reason=sealed)
        await tx.insert([house.event(f"bill.{state}", bill, now)])
        await house.tell(tx, actor, f"bill.{state}", bill)
        if tells and bill.case_id is not None:
            await house.tell_case(tx, bill.case_id)
        return replace(bill, state=state, closed_at=now, closed_by=actor.id, reason=sealed)

    async def _fetch(
        self, source: Transaction | Database, actor: Actor, params: Params, where: Sequence[str], tail: str
    ) -> list[Bill]:
        house = self._house
        text = f"SELECT {columns(Bill, 'b')} FROM tb_bill b WHERE {' AND '.join(where)} ORDER BY {tail}"
        rows = await source.fetch(text, params.bind(Env(me_of(actor), {}, house.clock())))
        return [load(house.dialect, Bill, row) for row in rows]


async def _shown(
    live: Live, ask: Callable[[str | None], Awaitable[list[Bill]]], first: int, after: str | None
) -> list[Bill]:
    """Pages until so many are found that are not of an application that is off in their division."""
    found: list[Bill] = []
    while True:
        rows = await ask(after)
        found += [bill for bill in rows if live.choice(bill.plugin_id, bill.division) != "off"]
        if len(rows) < first or len(found) >= first:
            return found[:first]
        after = rows[-1].number


def _in(params: Params, sql: str, values: tuple[str, ...]) -> str:
    return params.dialect.in_list(sql, params.add(Const(values), _TEXT, many=True), _TEXT)


def _older(params: Params, number: str) -> str:
    mark = params.add(Const(number), _TEXT)
    place = "SELECT {} FROM tb_bill a WHERE a.number = " + mark
    at, id = place.format("a.opened_at"), place.format("a.id")
    return f"(b.opened_at < ({at}) OR (b.opened_at = ({at}) AND b.id < ({id})))"


def _later(params: Params, number: str) -> str:
    mark = params.add(Const(number), _TEXT)
    place = "SELECT {} FROM tb_bill a WHERE a.number = " + mark
    at, id = place.format("a.due_at"), place.format("a.id")
    return f"(b.due_at > ({at}) OR (b.due_at = ({at}) AND b.id > ({id})))"


def _wanted(params: Params, wanted: Wanted, now: datetime) -> list[str]:
    found: list[str] = []
    if wanted.state:
        found.append(f"b.state = {params.add(Const(wanted.state), _TEXT)}")
    if wanted.period:
        found.append(f"b.period = {params.add(Const(wanted.period), _TEXT)}")
    if wanted.division:
        first, last = (params.add(Const(end), _TEXT) for end in division_range(wanted.division))
        found.append(f"b.division BETWEEN {first} AND {last}")
    if wanted.overdue:
        found += [_in(params, "b.state", OWED), f"b.due_at < {params.add(Const(now), BILL.by_name['due_at'])}"]
    return found
