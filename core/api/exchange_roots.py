"""Root fields that take a table in and give one out, as files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import NotFoundError, PermissionDeniedError

from core.access.files import FILE
from core.api.compose import Roots
from core.api.files import register, unreadable
from core.api.ids import known_id
from core.api.upload import Received
from core.crypto import SealError
from core.crypto.stream import Stored
from core.exchange.exporting import Sources, export_csv
from core.exchange.faults import Fault
from core.exchange.importing import Parts, Report, import_rows
from core.identity.required import require_login
from core.manifest.model import Entity
from core.store.dialect import quote
from core.store.statement import statement
from core.store.tables import table_of

#: What fits into the deadline of a request; the commands `import` and `export` have no such limit.
IMPORT_ROWS_MAX = 2000
EXPORT_ROWS_MAX = 10_000


@strawberry.type(description="文件里的一处问题。")
class ImportFault:
    line: int = strawberry.field(description="行号，从 1 起；一行数据占多行时是它的第一行。")
    column: int = strawberry.field(description="第几列，从 1 起；0 表示整行。")
    heading: str = strawberry.field(description="列名；整行的问题为空。")
    message: str = strawberry.field(description="哪里不对。")
    id: str = strawberry.field(description="问题的标识，不随文字改变。")


@strawberry.type(description="一次导入的结果。有问题时什么也没有写入。")
class ImportReport:
    written: bool = strawberry.field(description="是否已写入。")
    rows: int = strawberry.field(description="文件的数据行数。")
    created: int = strawberry.field(description="新建的行数；只检查时是将会新建的行数。")
    updated: int = strawberry.field(description="更新的行数。")
    unchanged: int = strawberry.field(description="与已有数据相同的行数。")
    faults: list[ImportFault] = strawberry.field(description="问题，至多 1000 条。")
    more_faults: int = strawberry.field(description="没有列出的问题数。")


@strawberry.type(description="一次导出的文件；只有导出人能下载。")
class ExportedFile:
    file: strawberry.ID = strawberry.field(description="core.file 的标识，经 GET /files/{id} 下载。")
    name: str = strawberry.field(description="文件名。")
    rows: int = strawberry.field(description="数据行数。")


async def _import(
    info: strawberry.Info, entity: str, file: strawberry.ID, key: list[str] | None = None, check: bool = False
) -> ImportReport:
    host, generation, actor = info.context.host, info.context.generation, info.context.actor
    target = _entity(info, entity)
    stored = await _own(info, file)
    parts = Parts(host.database, generation.world, generation.access, generation.writer, host.vault)
    report = await import_rows(
        parts, actor, target, stored, key=key or (), check=check, max_bytes=host.settings.import_max_bytes,
        max_rows=IMPORT_ROWS_MAX,
    )  # fmt: skip
    return _report(report)


async def _export(
    info: strawberry.Info, entity: str, fields: list[str] | None = None, where: JSON | None = None
) -> ExportedFile:
    generation, actor, target = info.context.generation, info.context.actor, _entity(info, entity)
    if generation.world.entity(FILE) is None or not generation.access.rules(actor.roles, FILE, "create"):
        raise PermissionDeniedError("没有保存文件的权限")
    host = info.context.host
    content = host.contents.begin()
    try:
        sources = Sources(host.database, generation.world, generation.access, generation.reader)
        rows = await export_csv(
            sources,
            actor,
            target,
            cast(BinaryIO, content),
            fields=fields or (),
            where=cast(Mapping[str, Any] | None, where),
            max_rows=EXPORT_ROWS_MAX,
        )
        received = Received(content, f"{target.title}.csv", "text/csv")
        written = await register(host.database, generation, host.contents, actor, received, "export")
    finally:
        await asyncio.to_thread(content.discard)
    return ExportedFile(file=strawberry.ID(written["id"]), name=received.name, rows=rows)


@strawberry.type
class Mutation:
    import_rows: ImportReport = strawberry.mutation(
        resolver=_import,
        description=f"导入自己上传的 CSV 文件，至多 {IMPORT_ROWS_MAX} 行：全部写入或全部不写。key 是认出已有行的字段；"
        "check 只检查。",
    )
    export_rows: ExportedFile = strawberry.mutation(
        resolver=_export,
        description=f"把看得到的行导出为 CSV 文件，至多 {EXPORT_ROWS_MAX} 行；脱敏与列表相同，L4 不导出。",
    )


def exchange_roots() -> Roots:
    return Roots(None, Mutation)


def _entity(info: Any, key: str) -> Entity:
    require_login(info.context.actor)
    found: Entity | None = info.context.generation.world.entity(key)
    if found is None:
        raise NotFoundError("没有这种数据", hint="写成 插件.实体，如 core.person")
    return found


async def _own(info: Any, id: str) -> Stored:
    """A file of the caller; others' files and no files look alike."""
    host, files = info.context.host, info.context.generation.world.entity(FILE)
    table, id = table_of(files), known_id(id, "没有这个文件")
    text = f"SELECT sha256, created_by FROM {quote(table.name)} WHERE id = {{id}} AND deleted_at IS NULL"
    rows = await host.database.fetch(*statement(host.database.dialect, table, text, id=id))
    if not rows or rows[0][1] != info.context.actor.id:
        raise NotFoundError("没有这个文件", hint="先用 POST /files 上传")
    try:
        found: Stored | None = await host.contents.find(id, rows[0][0])
    except SealError as error:
        raise unreadable() from error
    if found is None:
        raise NotFoundError("没有这个文件", hint="重新上传")
    return found


def _report(report: Report) -> ImportReport:
    return ImportReport(
        written=report.is_written, rows=report.rows, created=report.created, updated=report.updated,
        unchanged=report.unchanged, more_faults=report.more_faults,
        faults=[_fault(fault) for fault in report.faults],
    )  # fmt: skip


def _fault(fault: Fault) -> ImportFault:
    return ImportFault(line=fault.line, column=fault.column, heading=fault.heading, message=fault.message, id=fault.id)
