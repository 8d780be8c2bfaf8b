"""Rows of a tree: their paths follow from the rows above, whatever moves."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields import all_fields
from core.fields.base import Field, FieldError
from core.fields.refs import Ref
from core.fields.tree import PATH_MAX_CHARS, Path
from core.manifest.model import Entity
from core.store.database import Transaction
from core.store.dialect import Dialect, quote
from core.store.statement import statement
from core.store.tables import table_of
from core.write.shape import shape_of

Row = dict[str, Any]


def moved_by(entity: Entity, fields: Collection[str]) -> bool:
    """Whether writing these fields may change where a row stands."""
    return any(path.parent in fields or path.segment in fields for path in shape_of(entity).paths)


async def lock_tree(tx: Transaction, dialect: Dialect, entity: Entity, *, to_move: bool) -> None:
    """New rows share the lock, moves have it alone: else a row made below a moving one would keep the old path,
    and two moves could close a circle. On SQLite the transaction itself is the lock."""
    await lock_table(tx, dialect, entity, "tree", shared=not to_move)


async def lock_table(tx: Transaction, dialect: Dialect, entity: Entity, why: str, *, shared: bool = False) -> None:
    """Until the end of the transaction, against others with the same reason."""
    if dialect.name == "postgres":
        schema = await tx.fetch_value("SELECT current_schema()::text")
        name = f"tongban-{why}:{schema}:{entity.table}"
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        await tx.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}($1)", [number])


async def place(tx: Transaction, dialect: Dialect, entity: Entity, row: Row) -> None:
    """Give a new row its paths."""
    await lock_tree(tx, dialect, entity, to_move=False)
    for path in shape_of(entity).paths:
        above = await _above(tx, dialect, entity, path, row, "input")
        row[path.name] = _under(entity, path, above, row, "input")


async def replace(tx: Transaction, dialect: Dialect, entity: Entity, before: Row, after: Row) -> None:
    """Give a changed row its paths. Call with the lock held, before the row is stored; then `follow`."""
    for path in shape_of(entity).paths:
        if before[path.parent] == after[path.parent] and before[path.segment] == after[path.segment]:
            continue
        above = await _above(tx, dialect, entity, path, after)
        if above is not None and above.startswith(before[path.name]):
            raise _refused(entity.fields[path.parent], "path.circle", "不能放到自己或自己的下级之下")
        after[path.name] = _under(entity, path, above, after, "patch")


async def follow(tx: Transaction, dialect: Dialect, entity: Entity, before: Row, after: Row) -> int:
    """All rows below get the new way in one statement; returns how many.

    A path is worked out, not entered: versions and histories of these rows stay as they are.
    """
    paths = shape_of(entity).paths
    return sum([await _follow(tx, dialect, entity, path, before[path.name], after[path.name]) for path in paths])


async def _follow(tx: Transaction, dialect: Dialect, entity: Entity, path: Path, old: str, new: str) -> int:
    if old == new:
        return 0
    table, column = table_of(entity), quote(path.name)
    # "0" comes right after "/": all that begins with `old`, as a range of the index.
    below = f"{column} > {{old:{path.name}}} AND {column} < {{end:{path.name}}}"
    bounds = {"old": old, "end": f"{old[:-1]}0"}
    if len(new) > len(old):
        text = f"SELECT max(length({column})) FROM {quote(table.name)} WHERE {below}"
        longest = await tx.fetch_value(*statement(dialect, table, text, **bounds)) or 0
        if longest - len(old) + len(new) > PATH_MAX_CHARS:
            message = f"层级太深：下级的路径会超过 {PATH_MAX_CHARS} 个字"
            raise _refused(entity.fields[path.parent], "path.too-long", message)
    moved = f"{{new:{path.name}}} || substr({column}, {len(old) + 1})"
    text = f"UPDATE {quote(table.name)} SET {column} = {moved} WHERE {below}"
    return await tx.execute(*statement(dialect, table, text, new=new, **bounds))


async def _above(
    tx: Transaction, dialect: Dialect, entity: Entity, path: Path, row: Row, root: str = "patch"
) -> str | None:
    if row[path.parent] is None:
        return None
    table = table_of(entity)
    text = f"SELECT {quote(path.name)} FROM {quote(table.name)} WHERE id = {{id}} AND deleted_at IS NULL"
    found: str | None = await tx.fetch_value(*statement(dialect, table, text, id=row[path.parent]))
    if found is None:
        ref = entity.fields[path.parent]
        raise _refused(ref, "ref.not-found", f"找不到所选的{ref.title}", root)
    return found


def _under(entity: Entity, path: Path, above: str | None, row: Row, root: str) -> str:
    try:
        return path.under(above, row[path.segment])
    except FieldError as error:
        name = path.segment if error.id == "path.segment" else path.parent
        raise _refused(all_fields(entity)[name], error.id, error.message, root) from error


def _refused(field: Field, id: str, message: str, root: str = "patch") -> InvalidInputError:
    name = f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name
    return InvalidInputError("填写的内容有误", [InputProblem((root, name), message, id)])
