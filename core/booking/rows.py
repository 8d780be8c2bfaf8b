"""Rows of tb_slot and tb_booking as typed values, and the number of a booking."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from core.documents.rows import ALPHABET
from core.fields.column import Table
from core.store.booking_tables import BOOKING, SLOT
from core.store.database import Transaction
from core.store.dialect import Dialect
from core.store.rows import lock, read
from core.store.statement import statement

#: 60 bits of chance: with the rate limits of the API beyond guessing.
GROUPS, GROUP_CHARS = 3, 4
#: What people type for the letters that Crockford leaves out.
_TYPED = str.maketrans("OIL", "011", "- ")
#: States in which somebody still wants his places.
OPEN = ("held", "confirmed")
_OPEN_SQL = "('held', 'confirmed')"


@dataclass(frozen=True, slots=True)
class Slot:
    """One row of tb_slot; see core/store/booking_tables.py."""

    TABLE: ClassVar[Table] = SLOT

    id: str
    kind: str
    plugin_id: str
    entity: str
    resource: str
    division: str
    starts_at: datetime | None
    ends_at: datetime | None
    opens_at: datetime
    quota: int
    taken: int
    arrived: int
    batch: str
    published_at: datetime
    published_by: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_why: str | None = None

    @property
    def free(self) -> int:
        """Without what an expired hold gives back."""
        return self.quota - self.taken


@dataclass(frozen=True, slots=True)
class Booking:
    """One row of tb_booking."""

    TABLE: ClassVar[Table] = BOOKING

    id: str
    number: str
    slot: str
    kind: str
    plugin_id: str
    person: str | None
    legal_entity: str | None
    agent: str | None
    account: str
    quantity: int
    state: str
    case_number: str | None
    held_at: datetime
    due_at: datetime | None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    queue: int | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


async def change(tx: Transaction, dialect: Dialect, text: str, table: Table = BOOKING, **values: Any) -> int:
    """The number of rows changed."""
    return await tx.execute(*statement(dialect, table, text, **values))


async def hold_slots(tx: Transaction, dialect: Dialect, ids: Sequence[str]) -> list[Slot]:
    """The slots, in the order of their ids; nobody else changes them before the transaction ends."""
    marks = ", ".join(f"{{s{i}:id}}" for i in range(len(ids)))
    where = f"id IN ({marks}) ORDER BY id{lock(dialect, 'FOR NO KEY UPDATE')}"
    return await read(tx, dialect, Slot, where, **{f"s{i}": id for i, id in enumerate(ids)})


def new_number() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARS)) for _ in range(GROUPS))


def typed_number(text: str) -> str:
    """As it lies in the table, whatever dashes and letters somebody typed; "" for what is none."""
    code = text.strip().upper().translate(_TYPED)
    if len(code) != GROUPS * GROUP_CHARS or not set(code) <= set(ALPHABET):
        return ""
    return "-".join(code[i : i + GROUP_CHARS] for i in range(0, len(code), GROUP_CHARS))
