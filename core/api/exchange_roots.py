"""Root fields that take a table in and give one out, as files."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON
from tongban_sdk import NotFoundError, PermissionDeniedError

from core.access.files import FILE
from core.api.compose import Roots
from core.api.ids import known_id
from core.api.upload import Received, keep, place_of
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
    path = place_of(_folder(info), await _sha256_of_own(info, file))
    parts = Parts(host.database, generation.world, generation.access, generation.writer, host.vault)
    report = await import_rows(
        parts, actor, target, path, key=key or (), check=check, max_bytes=host.settings.import_max_bytes,
        max_rows=IMPORT_ROWS_MAX,
    )  # fmt: skip
    return _report(report)


async def _export(
    info: strawberry.Info, entity: str, fields: list[str] | None = None, where: JSON | None = None
) -> ExportedFile:
    generation, actor, target = info.context.generation, info.context.actor, _entity(info, entity)
    folder, files = _folder(info), generation.world.entity(FILE)
    if files is None or not generation.access.rules(actor.roles, FILE, "create"):
        raise PermissionDeniedError("没有保存文件的权限")
    (folder / "incoming").mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=folder / "incoming", prefix="export-", delete=False) as made:
        place = Path(made.name)
    try:
        sources = Sources(info.context.host.database, generation.world, generation.access, generation.reader)
        rows = await export_csv(
            sources,
            actor,
            target,
            place,
            fields=fields or (),
            where=cast(Mapping[str, Any] | None, where),
            max_rows=EXPORT_ROWS_MAX,
        )
        received = await asyncio.to_thread(_received, place, f"{target.title}.csv")
        keep(received, folder)
        values = {"sha256": received.sha256, "name": received.name, "mime": received.mime}
        written = await generation.writer.create(
            actor, files, values | {"size_bytes": received.size_bytes}, why="export"
        )
    finally:
        await asyncio.to_thread(place.unlink, missing_ok=True)
    return ExportedFile(file=strawberry.ID(written.id), name=received.name, rows=rows)


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


def _folder(info: Any) -> Path:
    folder: Path = info.context.host.settings.data_dir / "files"
    return folder


async def _sha256_of_own(info: Any, id: str) -> str:
    """Of a file of the caller; others' files and no files look alike."""
    database, files = info.context.host.database, info.context.generation.world.entity(FILE)
    table = table_of(files)
    text = f"SELECT sha256, created_by FROM {quote(table.name)} WHERE id = {{id}} AND deleted_at IS NULL"
    rows = await database.fetch(*statement(database.dialect, table, text, id=known_id(id, "没有这个文件")))
    if not rows or rows[0][1] != info.context.actor.id:
        raise NotFoundError("没有这个文件", hint="先用 POST /files 上传")
    return str(rows[0][0])


def _received(place: Path, name: str) -> Received:
    with place.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return Received(place, digest, name, "text/csv", place.stat().st_size)


def _report(report: Report) -> ImportReport:
    return ImportReport(
        written=report.is_written, rows=report.rows, created=report.created, updated=report.updated,
        unchanged=report.unchanged, more_faults=report.more_faults,
        faults=[_fault(fault) for fault in report.faults],
    )  # fmt: skip


def _fault(fault: Fault) -> ImportFault:
    return ImportFault(line=fault.line, column=fault.column, heading=fault.heading, message=fault.message, id=fault.id)
