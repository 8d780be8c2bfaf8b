"""The doors POST /files and GET /files/{id}. A file is read by whoever may read the row that holds it."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from tongban_sdk import Actor, NotAuthenticatedError, NotFoundError, PermissionDeniedError, UnreadableError

from core.access.files import FILE
from core.access.visibility import Visibility
from core.api.download import answer
from core.api.errors import Refusal
from core.api.execution import encode_errors, refusal_of
from core.api.ids import known_id
from core.api.limits import RateLimits
from core.api.refusals import CANCELLED, code_of, tell_refusal
from core.api.upload import Received, receive, too_large
from core.audit import Entry
from core.crypto import SealError
from core.crypto.contents import Contents
from core.fields.masks import is_sensitive
from core.identity.tokens import Tokens, caller_from_request
from core.manifest.model import Entity
from core.ops import metrics
from core.store.database import Database
from core.store.statement import statement
from core.store.tables import table_of

if TYPE_CHECKING:
    from core.host import Host

log = structlog.get_logger("tongban.api")

MISSING = "没有这个文件"
COLUMNS = ("sha256", "name", "mime", "created_by")
#: Whatever a file contains, a browser saves it and runs nothing of it.
SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, no-store",
    "cross-origin-resource-policy": "same-origin",
}


class Files:
    """Keeps contents sealed under `<data>/files`, rows in core.file."""

    def __init__(self, host: Host, tokens: Tokens, limits: RateLimits, folder: Path, max_bytes: int) -> None:
        self.host, self.tokens, self.limits = host, tokens, limits
        self.contents, self.max_bytes = Contents(host.database, host.vault, folder), max_bytes

    async def post(self, request: Request) -> Response:
        """Take one file; answers 201 {id, sha256, name, mime, sizeBytes}."""
        try:
            actor = await self._admit(request)
            return _json(201, await self._take(request, actor))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            return _refused(refusal_of(error))

    async def get(self, request: Request) -> Response:
        """Give a file to its uploader, or to a reader of a row that holds it. Unknown and forbidden look alike."""
        try:
            actor = await self._admit(request)
            return await self._open(request, actor, request.path_params["id"])
        except Exception as error:
            return _refused(refusal_of(error))

    async def _admit(self, request: Request) -> Actor:
        await self.limits.check("files", address=request.client.host if request.client else "unknown")
        actor = caller_from_request(request.headers, self.tokens).actor
        if actor.id:
            await self.limits.check("files", actor=actor.id)
        return actor

    def _entity(self, generation: Any) -> Entity:
        entity: Entity | None = generation.world.entity(FILE)
        if entity is None:
            raise NotFoundError("文件功能没有启用")
        return entity

    async def _take(self, request: Request, actor: Actor) -> dict[str, Any]:
        try:
            return await self._store(request, actor)
        except (Exception, CancelledError) as error:
            result = CANCELLED if isinstance(error, ClientDisconnect) else code_of(error)
            await tell_refusal(self.host, Entry(actor, "create", FILE, result=result))
            raise

    async def _store(self, request: Request, actor: Actor) -> dict[str, Any]:
        if not actor.id:
            raise NotAuthenticatedError("请先登录再上传")
        generation = self.host.generation
        entity = self._entity(generation)
        # Asked before a byte is read: who may not upload may not fill the disk either.
        if not generation.access.rules(actor.roles, entity.key, "create"):
            raise PermissionDeniedError("没有上传文件的权限")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_bytes + 64 * 1024:
            raise too_large(self.max_bytes)
        kind = request.headers.get("content-type", "")
        received = await receive(kind, request.stream(), self.contents, self.max_bytes)
        return await register(self.host.database, generation, self.contents, actor, received, "upload")

    async def _open(self, request: Request, actor: Actor, id: str) -> Response:
        generation, database, id = self.host.generation, self.host.database, known_id(id, MISSING)
        table = table_of(self._entity(generation))
        columns = ", ".join(COLUMNS)
        text = f'SELECT {columns} FROM "{table.name}" WHERE id = {{id}} AND deleted_at IS NULL'
        rows = await database.fetch(*statement(database.dialect, table, text, id=id))
        if not rows:
            raise _missing()
        digest, name, mime, created_by = rows[0]
        await self._read_through(generation, actor, id, is_uploader=bool(actor.id) and created_by == actor.id)
        try:
            stored = await self.contents.find(id, digest)
            if stored is None:
                raise _missing()
            response = await answer(request, await asyncio.to_thread(stored.open, "rb"), name, mime, SAFE)
        except SealError as error:
            log.error("file_unreadable", file=id, error=type(error).__name__)
            raise unreadable() from error
        metrics.RESPONSES.counts["files", str(response.status_code)] += 1
        return response

    async def _read_through(self, generation: Any, actor: Actor, id: str, *, is_uploader: bool = False) -> None:
        """The row that opens the file to this reader. What a sensitive field holds is told to the audit first, of its
        uploader, too."""
        visibility = Visibility.of(generation, self.host.database)
        holder = await (visibility.sensitive_holder(id) if is_uploader else visibility.holder(actor, id))
        if holder is None:
            if is_uploader:
                return
            raise _missing()
        entity = generation.world.entities[holder.entity]
        field = entity.fields[holder.field]
        if is_sensitive(field):
            purpose = f"{entity.plugin_id}.{field.purpose}" if field.purpose else ""
            entry = Entry(actor, "read", entity.key, holder.row_id, subjects=holder.subjects, fields=(field.name,))
            await self.host.audit.record(replace(entry, purpose=purpose, rule=holder.rule or "", detail="下载文件"))


async def register(
    database: Database, generation: Any, contents: Contents, actor: Actor, received: Received, why: str
) -> dict[str, Any]:
    """The row of a received content, and the content for the row: both or nothing. Answers what the row tells."""
    content, entity = received.content, generation.world.entities[FILE]
    told = {"name": received.name, "mime": received.mime}
    values = {**told, "sha256": contents.fingerprint(content.sha256), "size_bytes": content.size_bytes}
    try:
        async with database.transaction() as tx:
            written = await generation.writer.within(tx).create(actor, entity, values, why=why)
            await contents.keep(tx, written.id, content)
    finally:
        content.discard()
    return {"id": written.id, "sha256": content.sha256, **told, "sizeBytes": content.size_bytes}


def unreadable() -> UnreadableError:
    return UnreadableError("文件打不开：密钥不在了，或者内容被改动过", hint="请联系系统管理员")


def _missing() -> NotFoundError:
    return NotFoundError(MISSING)


def _json(status: int, body: Any) -> Response:
    metrics.RESPONSES.counts["files", str(status)] += 1
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")


def _refused(refusal: Refusal) -> Response:
    metrics.RESPONSES.counts["files", str(refusal.status)] += 1
    return Response(encode_errors(refusal.entries), refusal.status, refusal.headers, "application/json")
