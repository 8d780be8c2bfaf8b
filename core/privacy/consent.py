"""The consent ledger: rows are added, never changed; the newest of a person and a purpose says how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from tongban_sdk.actor import Actor

from core.audit.chain import holds
from core.crypto import Vault
from core.fields.times import utc_now
from core.store.database import Database, Insert, Transaction
from core.store.dialect import datetime_text
from core.store.ids import uuid7
from core.store.privacy_tables import CONSENT
from core.store.statement import load_row, statement

Act = Literal["grant", "withdraw"]
COLUMNS = tuple(column.name for column in CONSENT.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is said by whom about what."""

    person: str
    #: "<plugin>.<purpose>"
    purpose: str
    action: Act
    text_version: str
    fields: tuple[str, ...]
    #: core.person who speaks for `person`.
    guardian: str | None = None
    #: core.file of the signed paper.
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(Given):
    """One row of the ledger."""

    id: str
    #: Account that did it.
    actor: str
    at: datetime
    mac: str


class Ledger:
    """Adds and reads. There is no method that changes a row, and each row's MAC shows when somebody else did."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def add(self, tx: Transaction, actor: Actor, given: Given) -> ConsentEvent:
        """Write one event, later than all before it. The caller holds the person's row locked."""
        last = (await self._latest(tx, given.person)).get(given.purpose)
        now = utc_now()
        at = now if last is None else max(now, last.at + timedelta(milliseconds=1))
        values: dict[str, Any] = {**asdict(given), "id": uuid7(), "actor": actor.id, "at": at}
        values["fields"] = list(given.fields)
        values["mac"] = self._vault.mac(_signed(values))
        await tx.insert([Insert(CONSENT, values)])
        return _event(values)

    async def latest(self, person: str) -> Mapping[str, ConsentEvent]:
        """The newest event of each purpose."""
        return await self._latest(self._database, person)

    async def history(self, person: str) -> list[ConsentEvent]:
        """All events of a person, the newest first."""
        return await self._read(self._database, "WHERE person = {person} ORDER BY at DESC, id DESC", person=person)

    async def forged(self) -> list[str]:
        """Ids of rows of which nothing proves that they are as they were written."""
        rows = await self._read(self._database, "ORDER BY id")
        return [row.id for row in rows if not holds(self._vault, _signed(_values(row)), row.mac)]

    async def _latest(self, source: Database | Transaction, person: str) -> dict[str, ConsentEvent]:
        rows = await self._read(source, "WHERE person = {person} ORDER BY at, id", person=person)
        return {row.purpose: row for row in rows}

    async def _read(self, source: Database | Transaction, rest: str, **values: Any) -> list[ConsentEvent]:
        dialect = self._database.dialect
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        found = await source.fetch(*statement(dialect, CONSENT, f"SELECT {columns} FROM tb_consent {rest}", **values))
        return [_event(load_row(dialect, CONSENT, COLUMNS, row)) for row in found]


def _event(values: Mapping[str, Any]) -> ConsentEvent:
    return ConsentEvent(**{**values, "fields": tuple(values["fields"])})


def _values(event: ConsentEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in COLUMNS}


def _signed(values: Mapping[str, Any]) -> bytes:
    """What the MAC covers: every column but itself, in the order of the table."""
    parts: Sequence[Any] = [
        datetime_text(value) if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
        for name in COLUMNS
        if name != "mac"
        for value in (values[name],)
    ]
    return b"consent\0" + orjson.dumps(parts)
