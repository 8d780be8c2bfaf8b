"""Rows of the tables of messages as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from core.fields.column import Table
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect, quote
from core.store.ids import uuid7
from core.store.message_tables import DELIVERY, MESSAGE
from core.store.statement import load_row, statement


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of core.staff, or a core.person; with a legal entity as its operator."""

    person: str | None = None
    legal_entity: str | None = None
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One row of tb_message; see core/store/message_tables.py."""

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
    """One row of tb_delivery, without the claim."""

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


T = TypeVar("T", Message, Delivery)
TABLES: Mapping[type[Any], Table] = {Message: MESSAGE, Delivery: DELIVERY}


def columns(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


def load(dialect: Dialect, kind: type[T], row: Sequence[Any]) -> T:
    """A driver row of `columns(kind)`."""
    return kind(**load_row(dialect, TABLES[kind], columns(kind), row))


async def read(source: Database | Transaction, dialect: Dialect, kind: type[T], where: str, **values: Any) -> list[T]:
    """Rows of a type; `where` may go on with ORDER BY and LIMIT."""
    table = TABLES[kind]
    text = f"SELECT {', '.join(map(quote, columns(kind)))} FROM {table.name} WHERE {where}"
    return [load(dialect, kind, row) for row in await source.fetch(*statement(dialect, table, text, **values))]


async def change(tx: Transaction, dialect: Dialect, table: Table, new: Mapping[str, Any], where: str, **by: Any) -> int:
    """UPDATE with typed values; the number of rows changed."""
    sets = ", ".join(f"{quote(name)} = {{new_{name}:{name}}}" for name in new)
    values = {f"new_{name}": value for name, value in new.items()}
    return await tx.execute(*statement(dialect, table, f"UPDATE {table.name} SET {sets} WHERE {where}", **values, **by))


def delivery_row(message_id: str, channels: Sequence[str], place: int, at: datetime) -> Insert:
    """The next try to reach somebody, not before `at`."""
    values = {"id": uuid7(), "message_id": message_id, "place": place, "channel": channels[place]}
    return Insert(DELIVERY, {**values, "status": "waiting", "at": at, "tries": 0})
