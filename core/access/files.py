"""A file goes into a row only by somebody who may read it: whoever reads the row will read the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import Change
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.access.visibility import Visibility
from core.fields.refs import File
from core.store.statement import statement
from core.store.tables import table_of

FILE = "core.file"


async def check_files(visibility: Visibility, change: Change) -> None:
    """Refuse files that are unknown, somebody else's, too large or of a kind the field does not take."""
    entity = visibility.world.entity(change.entity)
    if entity is None:
        return
    fields = [field for field in entity.fields.values() if isinstance(field, File)]
    new = [f for f in fields if change.after.get(f.name) not in (None, change.before.get(f.name))]
    if not new:
        return
    rows = await _files(visibility, {str(change.after[field.name]) for field in new})
    found = [await _problem(visibility, change, field, rows) for field in new]
    if problems := [problem for problem in found if problem is not None]:
        raise InvalidInputError("填写的内容有误", problems)


async def _problem(
    visibility: Visibility, change: Change, field: File, rows: Mapping[str, Any]
) -> InputProblem | None:  # fmt: skip
    id = str(change.after[field.name])
    row = rows.get(id)
    path = ("input" if change.action == "create" else "patch", field.graphql_name)
    # Another's file and no file look alike: nobody learns which ids exist.
    if row is None or not await _may_use(visibility, change.actor, id, row[2]):
        return InputProblem(path, f"{field.title}：没有这个文件", "file.unknown")
    if field.accept and row[0] not in field.accept:
        return InputProblem(path, f"{field.title}：不接受 {row[0]}，可用 {'、'.join(field.accept)}", "file.type")
    if field.max_bytes is not None and row[1] > field.max_bytes:
        return InputProblem(path, f"{field.title}：文件超过 {field.max_bytes} 字节", "file.size")
    return None


async def _files(visibility: Visibility, ids: Collection[str]) -> Mapping[str, Any]:
    """Media type, size and uploader by id."""
    entity = visibility.world.entity(FILE)
    if entity is None:
        return {}
    table, database = table_of(entity), visibility.database
    named = {f"id{number}": id for number, id in enumerate(sorted(ids))}
    listed = ", ".join(f"{{{name}:id}}" for name in named)
    text = f'SELECT mime, size_bytes, created_by, id FROM "{table.name}" WHERE id IN ({listed}) AND deleted_at IS NULL'
    rows = await database.source.fetch(*statement(database.dialect, table, text, **named))
    return {str(row[3]): row for row in rows}


async def _may_use(visibility: Visibility, actor: Actor, id: str, created_by: str | None) -> bool:
    if actor.kind == "system" or (actor.id and actor.id == created_by):
        return True
    return await visibility.sees_file(actor, id)
