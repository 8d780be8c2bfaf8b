"""E-licences: documents with a licence type, in the wallet of their holder, who shows them or lets a unit look.

Whoever looks leaves a line that the holder finds among those who looked at his data.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError, PermissionDeniedError

from core.audit import Audit
from core.crypto import Vault
from core.documents.documents import Documents, Validity, validity
from core.documents.rows import Document, line
from core.fields.base import FieldError
from core.fields.refs import parse_uuid
from core.fields.times import utc_now
from core.identity.required import require_login
from core.manifest.model import World
from core.privacy.rows import Lying
from core.store.database import Database, Insert, Transaction
from core.store.document_tables import LICENCE_GRANT, LICENCE_SHOW
from core.store.ids import uuid7
from core.store.rows import read
from core.store.statement import load_row, statement

#: A code held out is good for this long, for one scan.
SHOWN_FOR = timedelta(seconds=60)
GRANT_MAX = timedelta(days=366)
PURPOSE_MAX_CHARS = 100
#: Begins what the QR code says, so that a scanner knows what it sees.
SCHEME = "tongban-licence:"
TOKEN, PURPOSE = "tb_licence_show.id", "tb_licence_grant.purpose:"
MISSING = "没有这份证照"
_NAMES = tuple(column.name for column in LICENCE_GRANT.columns)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the holder's screen shows as a QR code."""

    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as whoever may look at it sees it."""

    document: Document
    state: Validity
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of tb_licence_grant; the purpose opened."""

    id: str
    document: str
    holder: str
    org: str
    purpose: str
    granted_at: datetime
    until: datetime
    revoked_at: datetime | None


class Wallet:
    """One per process."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, documents: Documents, world: Callable[[], World]
    ) -> None:
        self._database, self._vault, self._audit, self._documents = database, vault, audit, documents
        self._world = world

    async def mine(self, actor: Actor) -> Sequence[Document]:
        """The licences of the person, or of the company the caller acts for; the newest first. A delegate has to do
        with those of the applications and entities in his scopes."""
        found = await self._of(_owner(actor))
        return [d for d in found if actor.agent is None or {d.plugin_id, d.entity} & {*actor.scopes}]

    async def licences_of(self, holder: str, types: Collection[str] = ()) -> list[Document]:
        """For forms and materials: what stands in for a paper today. The caller asks who may know."""
        return [d for d in await self._of(holder) if validity(d) == "valid" and (not types or d.licence in types)]

    async def show(self, actor: Actor, number: str) -> Shown:
        """A code for the screen; the one before is void. Nobody shows another's licence, delegates neither."""
        document = await self._own(actor, number)
        if actor.agent is not None:
            raise PermissionDeniedError("证照由本人出示", hint="代办请由本人授权给办理单位")
        if validity(document) != "valid":
            raise ConflictError("这份证照已经过期或撤销，不能出示")
        token, expires_at = secrets.token_urlsafe(24), utc_now() + SHOWN_FOR
        row = {"id": self._vault.lookup(token, TOKEN), "document": document.id, "expires_at": expires_at}
        async with self._database.transaction() as tx:
            await self._execute(tx, "DELETE FROM tb_licence_show WHERE document = {document}", document=document.id)
            await tx.insert([Insert(LICENCE_SHOW, row)])
        return Shown(f"{SCHEME}{token}", expires_at)

    async def scan(self, actor: Actor, code: str) -> Licence:
        """Look at what was held out, once. NotFoundError when it is no code, was scanned already or is too old."""
        _check_staff(actor)
        hashes = self._vault.lookups(code.removeprefix(SCHEME), TOKEN) if len(code) < 100 else []
        async with self._database.transaction() as tx:
            document_id = next(filter(None, [await self._take(tx, hash) for hash in hashes]), None)
            if document_id is None:
                raise NotFoundError("这个码已经用过或过了一分钟", hint="请对方重新出示")
            return await self._look(tx, actor, document_id, "licence.scan")

    async def _take(self, tx: Transaction, hash: str) -> str | None:
        text = "DELETE FROM tb_licence_show WHERE id = {id} AND expires_at > {now:expires_at} RETURNING document"
        rows = await tx.fetch(*statement(self._database.dialect, LICENCE_SHOW, text, id=hash, now=utc_now()))
        return str(rows[0][0]) if rows else None

    async def grant(self, actor: Actor, number: str, org: str, purpose: str, until: datetime) -> Grant:
        """Let a unit look for a purpose, until then; at most a year."""
        document, now = await self._own(actor, number), utc_now()
        problems = []
        if not 0 < len(purpose.strip()) <= PURPOSE_MAX_CHARS:
            problems.append(InputProblem(("purpose",), f"请写明用途，至多 {PURPOSE_MAX_CHARS} 个字", "licence.purpose"))
        if not now < until <= now + GRANT_MAX:
            problems.append(InputProblem(("until",), "应在现在以后、一年以内", "licence.until"))
        if not await self._is_unit(org):
            problems.append(InputProblem(("unit",), "没有这个单位", "licence.unit"))
        if problems:
            raise InvalidInputError("填写的内容有误", problems)
        given = Grant(uuid7(), document.id, str(document.holder), org, purpose.strip(), now, until, None)
        row = {name: getattr(given, name) for name in _NAMES}
        row["purpose"] = self._vault.seal(given.purpose, PURPOSE + given.id)
        async with self._database.transaction() as tx:
            await tx.insert([Insert(LICENCE_GRANT, row)])
            await self._audit.within(tx, line(actor, "licence.grant", document))
        return given

    async def _is_unit(self, id: str) -> bool:
        units = self._world().entity("core.org_unit")
        return units is not None and await Lying(self._database, self._vault).row(units, id) is not None

    async def grants(self, actor: Actor) -> list[Grant]:
        """What the caller has given, the newest first; a delegate's within his scopes."""
        given = await self._grants(None, "holder = {holder} ORDER BY granted_at DESC, id DESC", holder=_owner(actor))
        mine = {document.id for document in await self.mine(actor)} if actor.agent is not None else set()
        return [grant for grant in given if actor.agent is None or grant.document in mine]

    async def end_grant(self, actor: Actor, id: str) -> None:
        """Take it back; the next look is refused."""
        text = (
            "UPDATE tb_licence_grant SET revoked_at = {now:revoked_at} "
            "WHERE id = {id} AND holder = {holder} AND revoked_at IS NULL"
        )
        gone = NotFoundError("没有这项授权，或者已经撤回")
        if actor.agent is not None and _id(id) not in {grant.id for grant in await self.grants(actor)}:
            raise gone
        async with self._database.transaction() as tx:
            if await self._change(tx, text, id=_id(id), holder=_owner(actor), now=utc_now()) != 1:
                raise gone

    async def use(self, actor: Actor, id: str) -> Licence:
        """Staff of the unit look at what was granted to it."""
        _check_staff(actor)
        async with self._database.transaction() as tx:
            where = "id = {id} AND org = {org} AND revoked_at IS NULL AND until > {now:until}"
            found = await self._grants(tx, where, id=_id(id), org=actor.org, now=utc_now()) if actor.org else []
            if not found:
                raise NotFoundError("没有给本单位的这项授权，或者已经到期、撤回")
            return await self._look(tx, actor, found[0].document, "licence.use")

    async def granted(self, actor: Actor) -> list[Grant]:
        """What the caller's unit may look at now."""
        _check_staff(actor)
        where = "org = {org} AND revoked_at IS NULL AND until > {now:until} ORDER BY granted_at DESC, id DESC"
        return await self._grants(None, where, org=actor.org, now=utc_now()) if actor.org else []

    async def _look(self, tx: Transaction, actor: Actor, document_id: str, action: str) -> Licence:
        """The line is written with the look: no line, no look."""
        (document,) = await read(tx, self._database.dialect, Document, "id = {id}", id=document_id)
        content = await self._documents.opened(document)
        await self._audit.within(tx, line(actor, action, document))
        return Licence(document, validity(document), content.paragraphs)

    async def _of(self, holder: str) -> Sequence[Document]:
        where = "holder = {holder} AND licence <> '' AND signature IS NOT NULL ORDER BY made_at DESC, id DESC"
        return await read(self._database, self._database.dialect, Document, where, holder=holder)

    async def _own(self, actor: Actor, number: str) -> Document:
        found = [document for document in await self.mine(actor) if document.number == number]
        if not found:
            raise NotFoundError(MISSING)
        return found[0]

    async def _grants(self, tx: Transaction | None, where: str, **values: Any) -> list[Grant]:
        dialect = self._database.dialect
        text = f"SELECT {', '.join(_NAMES)} FROM tb_licence_grant WHERE {where}"
        rows = await (tx or self._database).fetch(*statement(dialect, LICENCE_GRANT, text, **values))
        return [self._grant(load_row(dialect, LICENCE_GRANT, _NAMES, row)) for row in rows]

    def _grant(self, row: Any) -> Grant:
        return Grant(**{**row, "purpose": self._vault.unseal(row["purpose"], PURPOSE + row["id"])})

    async def _execute(self, tx: Transaction, text: str, **values: Any) -> int:
        return await tx.execute(*statement(self._database.dialect, LICENCE_SHOW, text, **values))

    async def _change(self, tx: Transaction, text: str, **values: Any) -> int:
        return await tx.execute(*statement(self._database.dialect, LICENCE_GRANT, text, **values))


def _owner(actor: Actor) -> str:
    require_login(actor)
    owner = actor.legal_entity or actor.person
    if actor.kind != "citizen" or owner is None:
        raise PermissionDeniedError("证照夹是个人和单位的", hint="请用自己的账号登录")
    return owner


def _check_staff(actor: Actor) -> None:
    if require_login(actor).kind != "staff":
        raise PermissionDeniedError("只有工作人员可以查验证照")


def _id(id: str) -> str:
    try:
        return parse_uuid(id)
    except FieldError:
        raise NotFoundError("没有这项授权") from None
