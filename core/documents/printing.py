"""What was issued is printed after the commit: rendered, sealed, kept as a file and put into its row.

A document is printed once however often it is tried: each of the two transactions changes the row only as it was found.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.access.files import FILE
from core.access.service import service_actor
from core.audit import Audit
from core.crypto import Vault
from core.crypto.contents import Contents
from core.documents.rows import DIGEST, Content, Document, in_groups, line, title_of
from core.documents.seals import Seals
from core.documents.sheet import Renderer, Sheet
from core.fields.times import utc_now
from core.manifest.sections.plugin import FOUNDATION
from core.privacy.rows import Lying
from core.store.database import Database, Transaction
from core.store.document_tables import DOCUMENT
from core.store.rows import read
from core.store.statement import statement
from core.write.live import Live

log = logging.getLogger("tongban.documents")
#: Documents of one turn; the next turn takes the rest.
TURN_MAX = 200
WHY = "document.print"


def _pdf() -> Renderer:
    """Imported when something is printed: fonts and drawing are a third of a second of every other start."""
    from core.documents.pdf import PdfRenderer

    return PdfRenderer()


class TakenError(Exception):
    """Another process has printed it meanwhile."""


@dataclass(frozen=True, slots=True)
class Printing:
    """Of one generation. `address` is where citizens reach this host ("https://tb.example.gov.cn")."""

    database: Database
    vault: Vault
    audit: Audit
    contents: Contents
    live: Live
    address: str
    make_renderer: Callable[[], Renderer] = _pdf

    async def print_waiting(self) -> int:
        """Print what waits, the oldest first; how many. One that fails waits for the next turn and holds up none."""
        where = f"status = 'waiting' ORDER BY made_at, id LIMIT {TURN_MAX}"
        printed = 0
        for document in await read(self.database, self.database.dialect, Document, where):
            try:
                await self._print(document)
                printed += 1
            except TakenError:
                continue
            except Exception as error:
                log.exception("document %s not printed", document.id)
                await self._change(document, "status = 'waiting'", trouble=type(error).__name__)
        return printed

    async def _print(self, document: Document) -> None:
        if document.file is None:
            document = await self._keep_file(document)
        await self._hand_over(document)

    async def _keep_file(self, document: Document) -> Document:
        """The file first: a field takes only a file that is there."""
        actor = service_actor(FOUNDATION)
        seals, renderer = Seals(self.database, self.vault, self.audit), self.make_renderer()
        seal = await seals.of(actor, document.uscc, document.unit)
        data = await asyncio.to_thread(renderer.render, self._sheet(document))
        data = await seals.sign(seal, data, document.title)
        sha256 = hashlib.sha256(data).hexdigest()
        digest = self.vault.lookup(sha256, DIGEST)
        entity, content = self.live.world.entities[FILE], self.contents.begin()
        try:
            await asyncio.to_thread(content.write, data)
            await asyncio.to_thread(content.close)
            values = {
                "name": f"{document.title}{document.number}{renderer.suffix}", "mime": renderer.mime,
                "sha256": self.contents.fingerprint(sha256), "size_bytes": len(data),
            }  # fmt: skip
            async with self.database.transaction() as tx:
                file = await self.live.writer.within(tx).create(actor, entity, values, why=WHY)
                await self.contents.keep(tx, file.id, content)
                kept = replace(document, seal=seal.id, file=file.id, digest=digest)
                await self._take(tx, kept, "file IS NULL", seal=seal.id, file=file.id, digest=digest)
                # 用章: which seal was put under what.
                detail = f"{kept.unit}：{title_of(kept)}，印章 {kept.seal}"
                await self.audit.within(tx, line(actor, "seal.use", kept, detail))
        finally:
            content.discard()
        return kept

    async def _hand_over(self, document: Document) -> None:
        signature = await self.vault.sign(document.signed)
        async with self.database.transaction() as tx:
            await self._take(
                tx, document, "status = 'waiting'", status="issued", signature=signature, printed_at=utc_now(),
                trouble=None,
            )  # fmt: skip
            if document.file_field:
                await self._put_into_row(tx, document)

    async def _put_into_row(self, tx: Transaction, document: Document) -> None:
        world, actor = self.live.world, service_actor(document.plugin_id)
        entity = world.entities[document.entity]
        rows = await Lying(self.database, self.vault).rows(entity, "id = {id}", tx=tx, lock=True, id=document.row_id)
        if rows:
            patch = {document.file_field: document.file}
            writer = self.live.writer.within(tx)
            await writer.update(actor, entity, document.row_id, rows[0]["version"], patch, why=WHY)

    def _sheet(self, document: Document) -> Sheet:
        content = Content.of(self.vault, document)
        return Sheet(
            title=document.title, paragraphs=content.paragraphs, number=document.number, unit=document.unit,
            issued_on=document.issued_on, valid_to=document.valid_to, code=in_groups(content.code),
            address=f"{self.address}/verify/{content.code}",
        )  # fmt: skip

    async def _take(self, tx: Transaction, document: Document, where: str, **values: object) -> None:
        if await self._set(tx, document, where, values) != 1:
            raise TakenError(document.id)

    async def _change(self, document: Document, where: str, **values: object) -> None:
        async with self.database.transaction() as tx:
            await self._set(tx, document, where, values)

    async def _set(self, tx: Transaction, document: Document, where: str, values: dict[str, object]) -> int:
        changes = ", ".join(f"{name} = {{{name}}}" for name in values)
        text = f"UPDATE tb_document SET {changes} WHERE id = {{id}} AND {where}"
        return await tx.execute(*statement(self.database.dialect, DOCUMENT, text, id=document.id, **values))
