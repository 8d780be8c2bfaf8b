"""Sealed values outside their own rows: in history, and in tables of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from core.crypto import SealError, Vault
from core.crypto.fields import context_of
from core.fields.column import Table
from core.fields.sealed import is_sealed_sql, is_sealed_text
from core.manifest.model import Entity
from core.store.database import Database, Transaction
from core.store.dialect import quote
from core.store.engine import ENGINE_TABLES, HISTORY
from core.store.statement import statement
from core.write.layout import Newest
from core.write.rest import Rest
from core.write.shape import Stored, shape_of
from core.write.upkeep_report import Upkeep

#: Rows per transaction: short enough never to hold up a writer.
BATCH = 200
#: Smaller than every id.
FIRST_ID = "00000000-0000-0000-0000-000000000000"


async def reseal_history(tx: Transaction, database: Database, rest: Rest, newest: Newest) -> None:
    """The past of one row, sealed as the row is now."""
    text = "SELECT id, before, after FROM tb_history WHERE row_id = {row_id}"
    rows = await tx.fetch(*statement(database.dialect, HISTORY, text, row_id=rest.row_id))
    for row in rows:
        await _rewrite(tx, database, rest, row, newest)


async def reseal_old_history(database: Database, vault: Vault, entity: Entity, newest: Newest, done: Upkeep) -> None:
    """Values that older keys sealed, in the past of all rows of an entity."""
    if not any(stored.is_sealed or stored.is_for_children for stored in shape_of(entity).stored):
        return
    last = FIRST_ID
    text = (
        "SELECT id, before, after, row_id FROM tb_history WHERE entity = {entity} AND id > {last:id} "
        f"AND ({_holds_sealed('before')} OR {_holds_sealed('after')}) ORDER BY id LIMIT {BATCH}"
    )
    while rows := await database.fetch(*statement(database.dialect, HISTORY, text, entity=entity.key, last=last)):
        last = str(rows[-1][0])
        async with database.transaction() as tx:
            for row in rows:
                rest = Rest(vault, entity, str(row[3]))
                done.rows[HISTORY.name] += await _rewrite(tx, database, rest, row[:3], newest)
        await asyncio.sleep(0)


def _holds_sealed(column: str) -> str:
    return f"CAST({quote(column)} AS text) LIKE '%\"tb1.%'"


async def _rewrite(tx: Transaction, database: Database, rest: Rest, row: Sequence[Any], newest: Newest) -> int:
    load = database.dialect.load
    before, after = (load(HISTORY.column(name), raw) for name, raw in zip(("before", "after"), row[1:], strict=True))
    new = [_sealed_again(rest, values, newest) for values in (before, after)]
    if new == [before, after]:
        return 0
    text = "UPDATE tb_history SET before = {before}, after = {after} WHERE id = {id}"
    values = {"id": str(row[0]), "before": new[0], "after": new[1]}
    await tx.execute(*statement(database.dialect, HISTORY, text, **values))
    return 1


def _sealed_again(rest: Rest, values: Mapping[str, Any] | None, newest: Newest) -> dict[str, Any] | None:
    if values is None:
        return None
    fields = {stored.field.name: stored for stored in shape_of(rest.entity).stored if not stored.is_plain}
    return {name: _again(rest, fields.get(name), name, value, newest) for name, value in values.items()}


def _again(rest: Rest, stored: Stored | None, name: str, value: Any, newest: Newest) -> Any:
    if stored is None or value is None or rest.vault is None:
        return value
    context = context_of(rest.entity.key, name, rest.row_id)
    if is_sealed_text(value):
        try:
            return (
                value if value.startswith(newest.data) else rest.vault.seal(rest.vault.unseal(value, context), context)
            )
        except SealError:
            return value
    if stored.is_sealed or (stored.is_for_children and rest.is_child):
        return rest.vault.seal(orjson.dumps(value).decode(), context)
    return value


async def reseal_engine(database: Database, vault: Vault, newest: Newest, done: Upkeep) -> None:
    """Columns of engine tables; the context of a value there is "<table>.<column>:<primary key>"."""
    for table in ENGINE_TABLES:
        if table is not HISTORY and any(column.primary for column in table.columns):
            await _reseal_table(database, vault, table, newest, done)


async def _reseal_table(database: Database, vault: Vault, table: Table, newest: Newest, done: Upkeep) -> None:
    primary = next(column.name for column in table.columns if column.primary)
    for column in table.columns:
        if column.kind != "text" or column.primary:
            continue
        name = quote(column.name)
        old = f"{is_sealed_sql(name)} AND substr({name}, 1, {len(newest.data)}) <> '{newest.data}'"
        # Unless somebody has written it anew meanwhile.
        update = (
            f"UPDATE {table.name} SET {name} = {{new:{column.name}}} "
            f"WHERE {quote(primary)} = {{id:{primary}}} AND {name} = {{sealed:{column.name}}}"
        )
        for id, sealed in await database.fetch(f"SELECT {quote(primary)}, {name} FROM {table.name} WHERE {old}", []):
            context = f"{table.name}.{column.name}:{id}"
            try:
                new = vault.seal(vault.unseal(sealed, context), context)
            except SealError:
                done.unreadable[sealed.split(".")[1]] += 1
                continue
            values = {"new": new, "id": id if isinstance(id, int) else str(id), "sealed": sealed}
            async with database.transaction() as tx:
                done.rows[table.name] += await tx.execute(*statement(database.dialect, table, update, **values))
