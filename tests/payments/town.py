"""The small plugin of tests/cases with fees, on a real server whose provider is the simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.cases import Case
from core.payments import Payments
from core.payments.rows import Bill, Payment, change
from core.payments.simulator import Posted, Simulator
from core.store.rows import read
from tests.api.case_town import Hall, hall
from tests.cases.conftest import COUNTY, ELSEWHERE
from tests.cases.folders import SERVICE

FEES = """fees:
  repair:
    title: 维修费
    kind: 服务
    entity: report
    amount: 'kind == "tree" ? 0.00 : 12.34'
    due: {value: 3, unit: D}
    roles: {see: [works_desk], waive: [works_chief], void: [works_chief], refund: [works_chief, works_desk]}
  sweeping:
    title: 保洁费
    kind: 服务
    entity: report
    payer: reporter
    amount: "10"
    due: {value: 1, unit: D}
    late_fee: {percent_per_day: 1, max_percent: 3}
    run: {cycle: month, where: 'note == "按月"'}
    roles: {see: [works_desk], void: [works_desk]}
"""
PAID = """workflow: paid
version: 1
title: 收费维修
entity: report
mirror: state
start: new
states:
  new: {title: 待办, roles: [works_desk]}
  paying: {title: 待缴费, assign: applicant, on_paid: settle}
  closed: {title: 已办结, end: done}
  refused: {title: 不予办理, end: refused}
  withdrawn: {title: 已撤回, end: withdrawn}
actions:
  bill: {title: 出账, from: [new], to: paying, roles: [works_desk], effects: [{payment: {fee: repair}}]}
  settle: {title: 缴清, from: [paying], to: closed, roles: [system]}
  refuse: {title: 不予办理, from: [paying], to: refused, roles: [works_desk], kind: refuse, needs_reason: true}
  withdraw: {title: 撤回, from: [new, paying], to: withdrawn, roles: [applicant], kind: withdraw}
"""


class Till(Hall):
    @property
    def room(self) -> Payments:
        return self.office.host.payments

    @property
    def simulator(self) -> Simulator:
        provider = self.room.house.provider
        assert isinstance(provider, Simulator)
        return provider

    def billed(self, who: str = "马大妈", kind: str = "cover") -> tuple[Case, str]:
        """A case of somebody's that waits for payment, and the number of its bill; "" when nothing is owed."""
        case = self.run(self.office.report, who, "paid", kind=kind)
        self.run(self.office.act, "派遣员", case, "bill")
        found = self.rows(f"SELECT number FROM tb_bill WHERE case_number = '{case.number}' AND state = 'unpaid'")
        return case, found[0][0] if found else ""

    def ordered(self, bill: str, who: str = "马大妈", key: str = "") -> str:
        return str(self.data("pay_bills", who, numbers=[bill], key=key or f"key {bill}")["number"])

    def callback(self, posted: Posted, provider: str = "simulator") -> int:
        path = f"/payments/callback/{provider}"
        return int(self.server.client.post(path, content=posted.body, headers=dict(posted.headers)).status_code)

    def paid(self, bill: str, who: str = "马大妈") -> str:
        """The number of the payment."""
        number = self.ordered(bill, who)
        assert self.callback(self.simulator.pay(number)) == 200
        return number

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.run(self.office.fetch, sql)

    def bill(self, number: str) -> tuple[Any, ...]:
        """State and fen paid."""
        return self.rows(f"SELECT state, paid_fen FROM tb_bill WHERE number = '{number}'")[0]

    def state(self, payment: str) -> str:
        return str(self.rows(f"SELECT state FROM tb_payment WHERE number = '{payment}'")[0][0])

    def phase(self, case: Case) -> str:
        """After everything that is due has been done."""
        waits = f"SELECT 1 FROM tb_timer WHERE case_id = '{case.id}' AND kind = 'paid'"
        for _ in range(200):
            self.run(self.office.cases.firing.run_all)
            # The loop of the server may be at it.
            if not self.rows(waits):
                break
            time.sleep(0.02)
        return str(self.rows(f"SELECT phase FROM tb_case WHERE number = '{case.number}'")[0][0])

    def differences(self, number: str) -> list[tuple[Any, ...]]:
        where = f"WHERE number = '{number}' ORDER BY id"
        return self.rows(f"SELECT line, kind, ours_fen, theirs_fen FROM tb_payment_difference {where}")

    def events(self, bill: str) -> list[str]:
        """What was told of the row of a bill, handed on or not."""
        row = f"(SELECT row_id FROM tb_bill WHERE number = '{bill}') AND topic LIKE 'bill.%'"
        both = " UNION ALL ".join(f"SELECT id, topic FROM {t} WHERE row_id = {row}" for t in ("tb_outbox", "tb_recent"))
        return [topic for (topic,) in self.rows(f"SELECT topic FROM ({both}) e ORDER BY id")]

    def late(self, table: str, number: str, seconds: int) -> None:
        """As if so much time had passed for a row: everything in it lies earlier."""
        self.run(_shift, self, table, number, seconds)


@contextmanager
def till(backend: str, folder: Path) -> Iterator[Till]:
    texts = {
        "fees": FEES, "workflows__paid": PAID,
        "services__paid": SERVICE.format(id="paid", title="收费维修", workflow="paid").replace(
            "audience: [person]", "audience: [person, legal]"
        ),
    }  # fmt: skip
    with hall(backend, folder, **texts) as found:
        made = Till(found.server, found.office)
        made.run(_more, made)
        yield made


def rush(town: Till) -> None:
    """Fifty callbacks and five looks of one payment at the same time count once."""
    case, bill = town.billed()
    number = town.ordered(bill)
    posted = town.simulator.pay(number)
    told = town.simulator.read_callback(posted.headers, posted.body)

    async def all_at_once() -> None:
        payment = await town.room.orders.get(town.office["马大妈"], number)
        looks = [town.room.settling.ask(payment) for _ in range(5)]
        await asyncio.gather(*(town.room.settling.settle(told) for _ in range(50)), *looks)

    town.run(all_at_once)
    assert (town.state(number), town.bill(bill)) == ("paid", ("paid", 1234))
    assert town.events(bill) == ["bill.opened", "bill.paid"]
    lines = town.rows(f"SELECT count(*) FROM tb_audit WHERE action = 'payment.paid' AND detail LIKE '{number}%'")
    assert (lines, town.differences(number)) == ([(1,)], [])
    assert town.phase(case) == "done"


async def _more(made: Till) -> None:
    office = made.office
    # Tests say when the loop's turn comes.
    await made.room.loop.stop()
    await office.member("会计", "finance_officer", COUNTY, "财政局")
    await office.member("外村派遣员", "works_desk", ELSEWHERE)
    await office.member("又一负责人", "works_chief")
    office.people["代办人"] = replace(office["马大妈"], id="agent", agent=office["王大爷"].person, scopes=("works",))
    office.people["别处代办人"] = replace(office["代办人"], id="agent2", scopes=("grid",))


async def _shift(made: Till, table: str, number: str, seconds: int) -> None:
    kind: Any = {"tb_bill": Bill, "tb_payment": Payment}[table]
    database = made.office.host.database
    (row,) = await read(database, database.dialect, kind, "number = {number}", number=number)
    times = [c.name for c in kind.TABLE.columns if c.kind == "datetime" and getattr(row, c.name, None) is not None]
    async with database.transaction() as tx:
        earlier = {name: getattr(row, name) - timedelta(seconds=seconds) for name in times}
        await change(tx, database.dialect, kind, row.id, **earlier)
