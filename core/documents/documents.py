"""The door of this room: issue a document in somebody's transaction, print it afterwards, verify it, revoke it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InputProblem, InvalidInputError, NotFoundError, UnreadableError

from core.audit import Audit
from core.clock import Calendars, due
from core.crypto import SealError, Vault
from core.documents.rows import CODE, DIGEST, WHY, Content, Document, in_groups, line, new_code, typed_code
from core.documents.seals import Seals
from core.documents.wording import Wording, printed
from core.expr.clock import china_day
from core.fields.masks import MASKS
from core.fields.times import utc_now
from core.jobs.queue import JobQueue, NewJob
from core.manifest.model import World
from core.manifest.outputs import DocumentTemplate
from core.manifest.sections.plugin import FOUNDATION
from core.privacy.rows import Lying
from core.store.database import Database, Insert, Transaction
from core.store.document_tables import DOCUMENT
from core.store.ids import uuid7
from core.store.rows import read, values_of
from core.store.statement import statement

Validity = Literal["valid", "expired", "revoked"]
#: Entities a document may be about, and the field that names them.
HOLDERS = ("core.person", "core.legal_entity")
REASON_MAX_CHARS = 500
#: Printed by this job of the foundation.
PRINT_JOB = "print_documents"
UNKNOWN = "没有这份文书"


@dataclass(frozen=True, slots=True)
class Order:
    """What to write out: a template, the row it tells of as it lies now, and for whom."""

    template: DocumentTemplate
    row: Mapping[str, Any]
    case_number: str
    division: str
    #: core.person or core.legal_entity; None = nobody's.
    person: str | None = None
    legal_entity: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What anybody who holds a document may know of it."""

    state: Validity
    title: str
    number: str
    unit: str
    #: "马**"; "" = it is nobody's.
    holder: str
    issued_on: date
    valid_to: date | None
    revoked_at: datetime | None
    #: Serial number of the seal's certificate, hexadecimal.
    seal: str


class Documents:
    """One per process, over whichever generation stands now."""

    def __init__(
        self, database: Database, vault: Vault, audit: Audit, calendars: Calendars, world: Callable[[], World]
    ) -> None:
        self._database, self._vault, self._audit = database, vault, audit
        self._calendars, self._world = calendars, world
        self.seals = Seals(database, vault, audit)

    async def issue(self, tx: Transaction, actor: Actor, order: Order, now: datetime) -> Document:
        """Write down what the document says, in the transaction of the step; it is printed after the commit.

        InvalidInputError when a field of the text is empty: then the step does not happen either.
        """
        template, world = order.template, self._world()
        department = world.plugins[template.plugin_id].department
        valid_to = await self._valid_to(template, order.division, now)
        number, code = await self._number(tx, order.case_number), new_code()
        facts = {
            "case_no": order.case_number, "issued_on": printed(china_day(now)), "unit": department["name"],
            "valid_to": printed(valid_to) if valid_to else "长期", "verify_code": in_groups(code),
        }  # fmt: skip
        lying = Lying(self._database, self._vault)
        paragraphs = await Wording(world, lying).paragraphs(tx, template, order.row, facts)
        holder, name = await self._holder(tx, world, lying, order)
        id = uuid7()
        document = Document(
            id=id, code=self._vault.lookup(code, CODE), number=number, case_number=order.case_number,
            plugin_id=template.plugin_id, template=template.key, title=template.title, entity=template.entity,
            row_id=str(order.row["id"]), file_field=template.file_field, licence=template.licence,
            uscc=department["uscc"], unit=department["name"], holder=holder,
            content=Content(code, paragraphs, name).sealed(self._vault, id),
            issued_on=china_day(now), valid_to=valid_to, status="waiting", made_at=now, printed_at=None, seal=None,
            file=None, digest=None, signature=None, revoked_at=None, revoked_by=None, revoked_why=None, trouble=None,
        )  # fmt: skip
        await tx.insert([Insert(DOCUMENT, values_of(document))])
        await JobQueue(self._database).add_in(tx, [NewJob(plugin_id=FOUNDATION, name=PRINT_JOB)])
        await self._audit.within(tx, line(actor, "document.issue", document))
        return document

    async def verify(self, code: str) -> Verdict:
        """What the verification page says. NotFoundError for a code that is none, UnreadableError for a changed row."""
        typed = typed_code(code)
        if typed is None:
            raise _unknown()
        return await self._verdict("code", self._vault.lookups(typed, CODE))

    async def verify_file(self, sha256: str) -> Verdict:
        """The same for a file somebody holds, by its SHA-256. NotFoundError: not ours, or changed by a single bit."""
        return await self._verdict("digest", self._vault.lookups(sha256.lower(), DIGEST))

    async def revoke(self, actor: Actor, number: str, reason: str) -> Document:
        """Take a document back; whoever verifies it sees so at once. The caller asks who may."""
        if not 0 < len(reason.strip()) <= REASON_MAX_CHARS:
            problem = InputProblem(("reason",), f"请写明撤销的理由，至多 {REASON_MAX_CHARS} 个字", "document.reason")
            raise InvalidInputError("填写的内容有误", [problem])
        now = utc_now()
        text = (
            "UPDATE tb_document SET status = 'revoked', revoked_at = {now:revoked_at}, revoked_by = {by:revoked_by}, "
            "revoked_why = {why:revoked_why} WHERE id = {id} AND status <> 'revoked'"
        )
        async with self._database.transaction() as tx:
            document = await self.get(number, tx)
            why = self._vault.seal(reason.strip(), WHY + document.id)
            values = {"now": now, "by": actor.id, "why": why, "id": document.id}
            if await tx.execute(*statement(self._database.dialect, DOCUMENT, text, **values)) != 1:
                raise ConflictError("这份文书已经撤销")
            await self._audit.within(tx, line(actor, "document.revoke", document))
        return await self.get(number)

    async def get(self, number: str, tx: Transaction | None = None) -> Document:
        """By its number; NotFoundError."""
        found = await read(tx or self._database, self._database.dialect, Document, "number = {number}", number=number)
        if not found:
            raise NotFoundError(UNKNOWN)
        return found[0]

    async def of_case(self, case_number: str) -> list[Document]:
        where = "case_number = {case_number} ORDER BY made_at, number"
        return list(await read(self._database, self._database.dialect, Document, where, case_number=case_number))

    async def stuck(self, limit: int = 100) -> list[Document]:
        """Those the printer has failed at, the oldest first: it tries again every few minutes."""
        where = f"status = 'waiting' AND trouble IS NOT NULL ORDER BY made_at, id LIMIT {int(limit)}"
        return list(await read(self._database, self._database.dialect, Document, where))

    async def reprint(self, actor: Actor, number: str) -> None:
        """Try one of them now. ConflictError for one that does not wait."""
        async with self._database.transaction() as tx:
            document = await self.get(number, tx)
            if document.status != "waiting":
                raise ConflictError("这份文书不在等待印制")
            await JobQueue(self._database).add_in(tx, [NewJob(plugin_id=FOUNDATION, name=PRINT_JOB)])
            await self._audit.within(tx, line(actor, "document.reprint", document))

    async def check(self) -> str | None:
        """For the status page."""
        text = "SELECT count(*) FROM tb_document WHERE status = 'waiting' AND trouble IS NOT NULL"
        count = await self._database.fetch_value(text, [])
        return f"{count} 份文书印制失败，见 stuckDocuments" if count else None

    async def _verdict(self, column: str, hashes: Sequence[str]) -> Verdict:
        places = ", ".join(f"{{h{i}:{column}}}" for i in range(len(hashes)))
        where = f"{column} IN ({places}) AND signature IS NOT NULL"
        found = await read(
            self._database, self._database.dialect, Document, where, **{f"h{i}": hash for i, hash in enumerate(hashes)}
        )
        if not found:
            raise _unknown()
        (document,) = found
        content = await self.opened(document)
        (seal,) = await self.seals.all("id = {id}", id=document.seal)
        return Verdict(
            validity(document), document.title, document.number, document.unit, content.holder, document.issued_on,
            document.valid_to, document.revoked_at, seal.serial,
        )  # fmt: skip

    async def opened(self, document: Document) -> Content:
        """What a printed document says; UnreadableError when its row is not as it was signed."""
        try:
            if await self._vault.has_signature(document.signed, document.signature or ""):
                return Content.of(self._vault, document)
        except SealError:
            pass
        raise UnreadableError("这份文书的登记被改动过，不能作为凭据", hint="请联系出具单位核实")

    async def _valid_to(self, template: DocumentTemplate, division: str, now: datetime) -> date | None:
        if template.valid_for is None:
            return None
        # To the day it is counted to: good papers are not put off over rest days like deeds.
        return date.fromordinal(due(await self._calendars.of(division), now, template.valid_for).last)

    async def _number(self, tx: Transaction, case_number: str) -> str:
        """The step holds the row of the case: nobody counts at the same time."""
        text = "SELECT count(*) FROM tb_document WHERE case_number = {case_number}"
        count = await tx.fetch_value(*statement(self._database.dialect, DOCUMENT, text, case_number=case_number))
        return f"{case_number}-{int(count) + 1}"

    async def _holder(self, tx: Transaction, world: World, lying: Lying, order: Order) -> tuple[str | None, str]:
        """Id and name as strangers see it: of a person the first letter, of a company all of it."""
        for key, id in zip(HOLDERS, (order.person, order.legal_entity), strict=True):
            entity = world.entity(key)
            if id is not None and entity is not None:
                rows = await lying.rows(entity, "id = {id}", tx=tx, id=id)
                name = str(rows[0]["name"]) if rows else ""
                return id, MASKS["name"].apply(name) if key == HOLDERS[0] else name
        return None, ""


def _unknown() -> NotFoundError:
    return NotFoundError(UNKNOWN, hint="请核对验证码；文件被改动过，也查不到")


def validity(document: Document) -> Validity:
    if document.status == "revoked":
        return "revoked"
    is_over = document.valid_to is not None and document.valid_to < china_day(utc_now())
    return "expired" if is_over else "valid"
