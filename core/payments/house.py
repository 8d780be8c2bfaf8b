"""What every module of this room works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InputProblem, InvalidInputError, NotFoundError, UnavailableError

from core.audit import Audit, Entry
from core.clock import Calendars
from core.crypto import Vault
from core.fields.times import utc_now
from core.payments.provider import NoPayments, PaymentProvider
from core.payments.rows import Bill, Payment
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect
from core.store.engine import OUTBOX
from core.store.ids import uuid7
from core.write.live import Live

#: Whoever acts when nobody does: a callback, the loop.
TILL = Actor(id="system:payments", kind="system")
REASON_MAX_CHARS = 500
#: Keeps sealed words of different columns apart.
BILL_REASON, REFUND_REASON, DIFFERENCE_REASON = "tb_bill.reason:", "tb_refund.reason:", "tb_payment_difference.reason:"


@dataclass(frozen=True)
class House:
    database: Database
    vault: Vault
    audit: Audit
    calendars: Calendars
    #: The generation that stands now; taken once per request.
    live: Callable[[], Live]
    provider: PaymentProvider
    clock: Callable[[], datetime] = utc_now
    #: Told in the transaction in which a bill of a case (tb_case) stops being owed.
    settled: list[Callable[[Transaction, str], Awaitable[None]]] = field(default_factory=list)

    @property
    def dialect(self) -> Dialect:
        return self.database.dialect

    def require_provider(self) -> None:
        if isinstance(self.provider, NoPayments):
            raise UnavailableError("这里还没有开通网上缴费", retry_after_s=3600)

    async def tell(self, tx: Transaction, actor: Actor, action: str, about: Bill | Payment, detail: str = "") -> None:
        """The audit line, in the transaction of what it tells of."""
        subjects = (about.person,) if about.person else ()
        entry = Entry(actor, action, subjects=subjects, detail=f"{about.number} {detail}".strip())
        if isinstance(about, Bill):
            entry = replace(entry, entity=about.entity, row_id=about.row_id, case=about.case_number or "")
        await self.audit.within(tx, entry)

    async def tell_case(self, tx: Transaction, case_id: str) -> None:
        for told in self.settled:
            await told(tx, case_id)

    def event(self, topic: str, bill: Bill, now: datetime) -> Insert:
        """Ids only: events travel further than rights do."""
        values = {"topic": topic, "entity": bill.entity, "row_id": bill.row_id, "version": 1, "at": now}
        return Insert(OUTBOX, {"id": uuid7(), **values})


def checked_reason(reason: str) -> str:
    """InvalidInputError for none, or one that is too long."""
    found = reason.strip()
    if not 0 < len(found) <= REASON_MAX_CHARS:
        problem = InputProblem(("reason",), f"请写明理由，至多 {REASON_MAX_CHARS} 个字", "payment.reason")
        raise InvalidInputError("填写的内容有误", [problem])
    return found


def no_bill() -> NotFoundError:
    return NotFoundError("找不到这张账单")


def no_payment() -> NotFoundError:
    return NotFoundError("找不到这笔缴费")
