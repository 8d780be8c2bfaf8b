"""The door of the room: bills, orders, refunds, reconciliation, and the loop that keeps all of them going."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field

from core.audit import Audit
from core.clock import Calendars
from core.crypto import Vault
from core.jobs.claims import Claims
from core.jobs.loop import Loop
from core.payments.bills import Bills
from core.payments.differences import Differences
from core.payments.house import House
from core.payments.offering import offers
from core.payments.orders import Orders
from core.payments.provider import NoPayments, PaymentProvider
from core.payments.reconciling import Reconciling
from core.payments.refunds import Refunds
from core.payments.rows import Payment, RefundRow
from core.payments.runs import Runs
from core.payments.settling import Settling
from core.store.database import Database
from core.store.payment_tables import PAYMENT, REFUND
from core.store.rows import named
from core.write.live import Live
from core.write.offers import Offer

log = logging.getLogger("tongban.payments")

BATCH = 20
#: Longer than a batch may wait for its provider.
LEASE_S = 300.0
#: How often bill runs and the statements of days that are over are looked after.
DAILY_S = 600.0


@dataclass
class Payments:
    """One per process, over whichever generation stands now."""

    house: House
    bills: Bills
    runs: Runs
    orders: Orders
    settling: Settling
    refunds: Refunds
    reconciling: Reconciling
    differences: Differences
    loop: Loop = field(init=False)
    _looked_at: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("payments", self._work, batch=BATCH)

    def offers(self) -> Mapping[str, Offer]:
        """What Python of plugins may call."""
        return offers(self.house, self.runs)

    async def turn(self) -> int:
        """Orders nobody called back about, refunds that were approved: one batch; how many were claimed."""
        if isinstance(self.house.provider, NoPayments):
            return 0
        database, clock = self.house.database, self.house.clock
        pending = Claims(database, PAYMENT, LEASE_S, waits="state = 'pending'", clock=clock)
        approved = Claims(database, REFUND, LEASE_S, waits="state = 'approved'", clock=clock)
        orders, refunds = await pending.take(BATCH), await approved.take(BATCH)
        asked = [self.settling.ask(named(Payment, row)) for row in orders]
        done = [self.refunds.carry_out(named(RefundRow, row)) for row in refunds]
        await asyncio.gather(*map(_alone, [*asked, *done]))
        return len(orders) + len(refunds)

    async def check(self) -> str | None:
        """For the status page."""
        if isinstance(self.house.provider, NoPayments):
            return "没有设置 TONGBAN_PAYMENTS，不能网上缴费" if self._has_fees() else None
        count = await self.differences.open_count()
        return f"{count} 条对账差异等人处理" if count else None

    async def _work(self) -> int:
        if time.monotonic() - self._looked_at >= DAILY_S:
            self._looked_at = time.monotonic()
            await self.runs.turn()
            if not isinstance(self.house.provider, NoPayments):
                await self.reconciling.turn()
        return await self.turn()

    def _has_fees(self) -> bool:
        return any(plugin.fees for plugin in self.house.live().world.plugins.values())


async def _alone(work: Coroutine[None, None, None]) -> None:
    """One that fails keeps no other from its turn; it is tried again when its claim lapses."""
    try:
        await work
    except Exception as error:
        # The kind only: texts of errors may hold data.
        log.error("an order or refund was not looked after: %s", type(error).__name__)


def open_payments_room(
    database: Database, vault: Vault, audit: Audit, calendars: Calendars, live: Callable[[], Live],
    provider: PaymentProvider,
) -> Payments:  # fmt: skip
    house = House(database, vault, audit, calendars, live, provider)
    bills, differences = Bills(house), Differences(house)
    runs, settling = Runs(house, bills), Settling(house, differences)
    reconciling = Reconciling(house, settling, differences)
    orders, refunds = Orders(house, bills, settling), Refunds(house, bills)
    return Payments(house, bills, runs, orders, settling, refunds, reconciling, differences)
