"""Half-filled forms: sealed whole, of one account alone, gone when the case is filed or after 30 days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotAuthenticatedError, NotFoundError

from core.crypto import Vault
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.fields.structured import JSON_MAX_DEPTH
from core.fields.times import utc_now
from core.jobs.housekeeping import DRAFT_KEPT
from core.store.case_tables import DRAFT
from core.store.database import Database, Insert, Transaction
from core.store.ids import uuid7
from core.store.statement import load_row, statement

#: Of one account; people finish what they begin, programs do not.
DRAFTS_MAX = 50
DRAFT_MAX_BYTES = 256 * 1024
_COLUMNS = ("id", "service", "service_version", "values", "updated_at")


@dataclass(frozen=True, slots=True)
class Draft:
    id: str
    #: Full code and version of the service item it is for.
    service: str
    version: int
    #: As the form had them: nothing is checked before it is sent.
    values: Mapping[str, Any]
    updated_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.updated_at + DRAFT_KEPT


class Drafts:
    """One per process."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    async def save(
        self, actor: Actor, service: str, version: int, values: Mapping[str, Any], *, id: str | None = None
    ) -> Draft:
        """A new draft, or with `id` the new state of one of the account's own."""
        text = _text(values)
        new = id is None
        draft = Draft(uuid7() if id is None else _id(id), service, version, values, utc_now())
        row = {"id": draft.id, "service": service, "service_version": version, "updated_at": draft.updated_at}
        row["values"] = self._vault.seal(text, _context(draft.id))
        async with self._database.transaction() as tx:
            if new:
                await self._make_room(tx, actor)
                await tx.insert([Insert(DRAFT, {**row, **_owner(actor)})])
            elif not await self._overwrite(tx, actor, row):
                raise _gone()
        return draft

    async def _make_room(self, tx: Transaction, actor: Actor) -> None:
        found = await tx.fetch(*self._statement(f"SELECT count(*) FROM tb_draft WHERE {_own(actor)}", actor))
        if found[0][0] >= DRAFTS_MAX:
            raise ConflictError(f"草稿已有 {DRAFTS_MAX} 份", hint="请先提交或删去一些")

    async def _overwrite(self, tx: Transaction, actor: Actor, row: Mapping[str, Any]) -> int:
        text = (
            'UPDATE tb_draft SET "values" = {values}, service_version = {service_version}, updated_at = {updated_at} '
            f"WHERE id = {{id}} AND service = {{service}} AND {_own(actor)}"
        )
        return await tx.execute(*self._statement(text, actor, **row))

    async def of(self, actor: Actor, service: str = "") -> list[Draft]:
        """The account's own, the last one touched first; of one service item, or of all."""
        only = " AND service = {service}" if service else ""
        where = f"{_own(actor)} AND updated_at >= {{since:updated_at}}{only}"
        return await self._read(actor, f"{where} ORDER BY updated_at DESC, id DESC", service=service)

    async def get(self, actor: Actor, id: str) -> Draft:
        """NotFoundError for what is not the account's own, or is over."""
        found = await self._read(
            actor, f"id = {{id}} AND {_own(actor)} AND updated_at >= {{since:updated_at}}", id=_id(id)
        )
        if not found:
            raise _gone()
        return found[0]

    async def delete(self, actor: Actor, id: str) -> None:
        async with self._database.transaction() as tx:
            if not await self.delete_in(tx, actor, id):
                raise _gone()

    async def delete_in(self, tx: Transaction, actor: Actor, id: str) -> bool:
        """The same in the transaction that files the case; False = there is none."""
        text = f"DELETE FROM tb_draft WHERE id = {{id}} AND {_own(actor)}"
        return await tx.execute(*self._statement(text, actor, id=_id(id))) > 0

    async def _read(self, actor: Actor, where: str, **values: Any) -> list[Draft]:
        names = ", ".join(f'"{name}"' for name in _COLUMNS)
        text = f"SELECT {names} FROM tb_draft WHERE {where}"
        rows = await self._database.fetch(*self._statement(text, actor, since=utc_now() - DRAFT_KEPT, **values))
        return [self._draft(load_row(self._database.dialect, DRAFT, _COLUMNS, row)) for row in rows]

    def _draft(self, row: Mapping[str, Any]) -> Draft:
        values = orjson.loads(self._vault.unseal(row["values"], _context(row["id"])))
        return Draft(row["id"], row["service"], row["service_version"], values, row["updated_at"])

    def _statement(self, text: str, actor: Actor, **values: Any) -> tuple[str, list[Any]]:
        return statement(self._database.dialect, DRAFT, text, **_owner(actor), **values)


def _own(actor: Actor) -> str:
    """Of the account, and of the person it acts for now: whoever acts for two people does not mix them."""
    return f"account = {{account}} AND person {'IS NULL' if actor.person is None else '= {person}'}"


def _owner(actor: Actor) -> dict[str, str | None]:
    if not actor.id:
        raise NotAuthenticatedError("请先登录")
    return {"account": actor.id, "person": actor.person}


def _context(id: str) -> str:
    return f"tb_draft.values:{id}"


def _id(id: str) -> str:
    try:
        return parse_uuid(id)
    except FieldError:
        raise _gone() from None


def _gone() -> NotFoundError:
    return NotFoundError("没有这份草稿", hint="它可能已经提交、删去，或放了 30 天以上")


def _text(values: Mapping[str, Any]) -> str:
    try:
        text = orjson.dumps(values)
    except (TypeError, ValueError):
        raise InvalidInputError("草稿里有无法保存的内容") from None
    if len(text) > DRAFT_MAX_BYTES or _depth(values) > JSON_MAX_DEPTH:
        raise InvalidInputError(f"草稿太大：至多 {DRAFT_MAX_BYTES // 1024} KB、{JSON_MAX_DEPTH} 层")
    return text.decode()


def _depth(value: Any) -> int:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0)
