"""Rows of the tables of payments as typed values, and the few statements that read and change them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from core.expr.clock import china_day
from core.fields.column import Table
from core.store import rows
from core.store.database import Transaction
from core.store.dialect import Dialect
from core.store.payment_tables import BILL, DIFFERENCE, PAYMENT, PAYMENT_BILL, RECONCILIATION, REFUND
from core.store.statement import statement

#: Bills that are still owed.
OWED = ("unpaid", "partial")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_NUMBER_CHARS = 12


@dataclass(frozen=True, slots=True)
class Bill:
    """One row of tb_bill; see core/store/payment_tables.py."""

    TABLE: ClassVar[Table] = BILL

    id: str
    number: str
    fee: str
    plugin_id: str
    title: str
    kind: str
    entity: str
    row_id: str
    period: str
    case_id: str | None
    case_number: str | None
    division: str
    person: str | None
    legal_entity: str | None
    amount_fen: int
    late_ppm: int
    late_max_percent: int
    late_fen: int
    paid_fen: int
    state: str
    due_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    paying: str | None

    @property
    def is_owed(self) -> bool:
        return self.state in OWED

    @property
    def open_fen(self) -> int:
        """What is left of the amount itself."""
        return self.amount_fen - self.paid_fen if self.is_owed else 0

    def late_at(self, now: datetime) -> int:
        """What has come due beside it by now, in fen: by whole days (+08:00), rounded down."""
        days = (china_day(now) - china_day(self.due_at)).days
        if not self.is_owed or days <= 0:
            return 0
        grown = self.open_fen * self.late_ppm * days // 1_000_000
        return min(grown, self.open_fen * self.late_max_percent // 100)


@dataclass(frozen=True, slots=True)
class Payment:
    """One row of tb_payment, without the claim."""

    TABLE: ClassVar[Table] = PAYMENT

    id: str
    number: str
    provider: str
    provider_ref: str | None
    division: str
    person: str | None
    legal_entity: str | None
    account: str
    amount_fen: int
    refunded_fen: int
    state: str
    link: Mapping[str, Any] | None
    ordered_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    receipt: str | None
    at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Part:
    """One row of tb_payment_bill."""

    TABLE: ClassVar[Table] = PAYMENT_BILL

    id: str
    payment_id: str
    bill_id: str
    amount_fen: int
    late_fen: int


@dataclass(frozen=True, slots=True)
class RefundRow:
    """One row of tb_refund, without the claim."""

    TABLE: ClassVar[Table] = REFUND

    id: str
    number: str
    payment_id: str
    amount_fen: int
    state: str
    reason: str
    asked_by: str
    asked_person: str | None
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    done_at: datetime | None
    provider_ref: str | None
    error: str | None
    at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One row of tb_reconciliation."""

    TABLE: ClassVar[Table] = RECONCILIATION

    id: str
    day: date
    provider: str
    ours_fen: int
    ours_lines: int
    theirs_fen: int
    theirs_lines: int
    done_at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One row of tb_payment_difference."""

    TABLE: ClassVar[Table] = DIFFERENCE

    id: str
    day: date
    provider: str
    line: str
    number: str
    kind: str
    ours_fen: int | None
    theirs_fen: int | None
    provider_ref: str
    found_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    reason: str | None


async def change(tx: Transaction, dialect: Dialect, kind: type[Any], id: str, **new: Any) -> None:
    """UPDATE of a row that the transaction holds."""
    await rows.change(tx, dialect, kind.TABLE, new, "id = {id}", id=id)


async def add_once(tx: Transaction, dialect: Dialect, row: Any) -> bool:
    """A new row, unless its unique index knows one like it already."""
    values = rows.values_of(row)
    marks = ", ".join(f"{{{name}}}" for name in values)
    text = f"INSERT INTO {row.TABLE.name} ({rows.columns(row)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    return await tx.execute(*statement(dialect, row.TABLE, text, **values)) == 1


def new_number(prefix: str, now: datetime) -> str:
    """ "ZD20261123…": the day, and what nobody can guess."""
    return f"{prefix}{china_day(now):%Y%m%d}{''.join(secrets.choice(_ALPHABET) for _ in range(_NUMBER_CHARS))}"


def fen_of(yuan: Decimal | int) -> int:
    """Rounded to the fen, half away from zero."""
    return int((Decimal(yuan) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def yuan_of(fen: int) -> Decimal:
    """With two digits after the point."""
    return Decimal(fen).scaleb(-2)
