"""Rows of the tables of messages as typed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from core.fields.column import Table
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.message_tables import DELIVERY, MESSAGE


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of core.staff, or a core.person; with a legal entity as its operator."""

    person: str | None = None
    legal_entity: str | None = None
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One row of tb_message; see core/store/message_tables.py."""

    TABLE: ClassVar[Table] = MESSAGE

    id: str
    plugin_id: str
    template: str
    case_number: str | None
    division: str
    person: str | None
    legal_entity: str | None
    staff: str | None
    title: str
    text: str
    channels: list[str]
    is_urgent: bool
    limit: list[Any] | None
    sent_at: datetime
    read_at: datetime | None
    reached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of tb_delivery; `claim` is of the worker that has it."""

    TABLE: ClassVar[Table] = DELIVERY

    id: str
    message_id: str
    place: int
    channel: str
    status: str
    at: datetime
    tries: int
    error: str | None
    sent_at: datetime | None
    receipt_at: datetime | None
    claim: str | None = None


def delivery_row(message_id: str, channels: Sequence[str], place: int, at: datetime) -> Insert:
    """The next try to reach somebody, not before `at`."""
    values = {"id": uuid7(), "message_id": message_id, "place": place, "channel": channels[place]}
    return Insert(DELIVERY, {**values, "status": "waiting", "at": at, "tries": 0})
