"""Rows brought to how they should lie: sealed with the newest key, keyed with the newest hash, children's sealed.

What a manifest changes (a level raised or lowered, `keyed`, `subject`, a name) and what time changes (keys, birth dates
put right) comes to rows here, in batches, beside requests. A row's version does not move: its content does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.access import EntityScope
from core.access.protection import adult_expr
from core.crypto import Vault
from core.expr import to_sql
from core.fields.column import Column
from core.fields.sealed import SEALED_PREFIX, is_sealed_text
from core.fields.times import utc_now
from core.manifest.model import Entity, World
from core.store.catalog import read_catalog
from core.store.crypto_tables import AT_REST
from core.store.database import Database, Insert, Transaction
from core.store.dialect import bind, quote
from core.store.errors import UniqueError
from core.store.sql import Arg, Env, Params
from core.store.statement import statement
from core.store.tables import table_of
from core.write.layout import Layout, Newest, layouts_of
from core.write.past import BATCH, FIRST_ID, reseal_engine, reseal_history, reseal_old_history
from core.write.rest import Rest, Unreadable, opened
from core.write.upkeep_report import Upkeep

_TEXT = Column("value", "text")

#: Rows one statement looks through.
WINDOW = 5000
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


async def keep_up(
    database: Database, vault: Vault, world: World, entities: Sequence[Entity], *, only_new: bool = False
) -> Upkeep:
    """Bring the rows of these entities to rest. `only_new`: only where a manifest has changed how they lie, for a start
    that must not look at every row."""
    done = Upkeep()
    recorded = {row[0]: row[1] for row in await database.fetch(f"SELECT id, layout FROM {AT_REST.name}", [])}
    for entity in entities:
        layouts = layouts_of(entity, recorded, ())
        if layouts and (not only_new or any(layout.is_new for layout in layouts)):
            await _Table(database, vault, world, entity, await _live(database, entity, recorded), done).run()
    if not only_new and vault.has_old("data"):
        newest = _newest(vault)
        for entity in entities:
            await reseal_old_history(database, vault, entity, newest, done)
        await reseal_engine(database, vault, newest, done)
    return done


def _newest(vault: Vault) -> Newest:
    return Newest(f"{SEALED_PREFIX}{vault.current('data').id}.", f"{vault.current('lookup').id}.")


async def _live(database: Database, entity: Entity, recorded: Mapping[str, str]) -> list[Layout]:
    async with database.transaction() as tx:
        live = await read_catalog(tx, database.dialect.name, [entity.table])
    return layouts_of(entity, recorded, live[entity.table].columns.keys())


@dataclass(frozen=True, slots=True)
class _Table:
    """One entity's rows in one run."""

    database: Database
    vault: Vault
    world: World
    entity: Entity
    layouts: list[Layout]
    done: Upkeep

    async def run(self) -> None:
        before = self.done.troubles
        newest = _newest(self.vault)
        sql, params = self._select(newest)
        last = FIRST_ID
        while last != LAST_ID:
            end = await self._end_of_window(last)
            rows = await self.database.fetch(sql, params.bind(Env({}, {"last": last, "end": end}, utc_now())))
            for start in range(0, len(rows), BATCH):
                await self._batch(rows[start : start + BATCH], newest)
            last = end
            await asyncio.sleep(0)
        if self.done.troubles == before:
            await self._record()

    async def _end_of_window(self, last: str) -> str:
        """The last id of the next rows: no statement may take longer the more rows there are."""
        table = table_of(self.entity)
        text = f"SELECT id FROM {quote(table.name)} WHERE id > {{id}} ORDER BY id LIMIT 1 OFFSET {WINDOW - 1}"
        rows = await self.database.fetch(*statement(self.database.dialect, table, text, id=last))
        return str(rows[0][0]) if rows else LAST_ID

    def _select(self, newest: Newest) -> tuple[str, Params]:
        """Id, version, whether it is about a child, and the columns, of rows that may lie otherwise; by id."""
        params = Params(self.database.dialect)
        child = "FALSE"
        if any(layout.stored.is_for_children for layout in self.layouts):
            scope = EntityScope(self.world, self.entity, "t", params)
            child = f"(({to_sql(adult_expr(self.world, self.entity), scope)}) IS NOT TRUE)"
        id = table_of(self.entity).by_name["id"]
        last, end = (params.add(Arg((name,)), id) for name in ("last", "end"))
        names = ", ".join(f"t.{quote(name)}" for layout in self.layouts for name in layout.columns)
        needs = " OR ".join(layout.need_sql(newest, child) for layout in self.layouts)
        text = (
            f"SELECT t.id, t.version, {child}, {names} FROM {quote(self.entity.table)} t "
            f"WHERE t.id > {last} AND t.id <= {end} AND ({needs}) ORDER BY t.id"
        )
        return text, params

    async def _batch(self, rows: Sequence[Sequence[Any]], newest: Newest) -> None:
        try:
            async with self.database.transaction() as tx:
                for row in rows:
                    await self._rewrite(tx, row, newest)
        except UniqueError:
            # One of them holds what another row has, too: the others still get their due.
            for row in rows:
                try:
                    async with self.database.transaction() as tx:
                        await self._rewrite(tx, row, newest)
                except UniqueError:
                    self.done.left[self.entity.table] += 1

    async def _rewrite(self, tx: Transaction, row: Sequence[Any], newest: Newest) -> None:
        id, version, child, *parts = row
        names = (name for layout in self.layouts for name in layout.columns)
        raw = dict(zip(names, parts, strict=True))
        rest = Rest(self.vault, self.entity, str(id), bool(child))
        values: dict[str, Any] = {}
        is_bare = False
        for layout in self.layouts:
            if not layout.needs(raw, newest, is_child=rest.is_child):
                continue
            value = self._value(layout, raw, rest.row_id)
            if isinstance(value, Unreadable):
                self.done.unreadable[value.sealed.split(".")[1]] += 1
                continue
            values |= rest.columns(layout.stored, value) | dict.fromkeys(layout.former)
            is_bare = is_bare or layout.is_bare(raw, is_child=rest.is_child)
        if values and await self._store(tx, rest.row_id, version, values) and is_bare:
            await reseal_history(tx, self.database, rest, newest)

    def _value(self, layout: Layout, raw: Mapping[str, Any], id: str) -> Any:
        """The canonical value, from wherever it lies; what lies in the former form was written last."""
        stored, load = layout.stored, self.database.dialect.load
        former = [raw[name] for name in layout.former]
        if former and None not in former:
            if not stored.is_sealed:
                return opened(self.vault, self.entity, stored.field, id, former[0])
            columns = stored.field.columns()
        else:
            sealed = raw[stored.sealed]
            if is_sealed_text(sealed):
                return opened(self.vault, self.entity, stored.field, id, sealed)
            former = [raw[name] for name in stored.names]
            columns = tuple(table_of(self.entity).by_name[name] for name in stored.names)
        parts = tuple(load(column, value) for column, value in zip(columns, former, strict=True))
        return parts[0] if len(parts) == 1 else None if None in parts else parts

    async def _store(self, tx: Transaction, id: str, version: int, values: Mapping[str, Any]) -> bool:
        """False when somebody has changed the row meanwhile: what he wrote lies right."""
        dialect, columns = self.database.dialect, self._columns()
        arguments = [bind(dialect, columns[name], value) for name, value in values.items()]
        sets = ", ".join(f"{quote(name)} = {dialect.placeholder(i + 1)}" for i, name in enumerate(values))
        end = len(values)
        where = f"id = {dialect.placeholder(end + 1)} AND version = {dialect.placeholder(end + 2)}"
        text = f"UPDATE {quote(self.entity.table)} SET {sets} WHERE {where}"
        key = [bind(dialect, columns["id"], id), version]
        count = await tx.execute(text, [*arguments, *key])
        self.done.rows[self.entity.table] += count
        return count == 1

    def _columns(self) -> dict[str, Column]:
        plain = {column.name: column for layout in self.layouts for column in layout.stored.field.columns()}
        former = {name: plain.get(name, _TEXT) for layout in self.layouts for name in layout.former}
        return {**former, **table_of(self.entity).by_name}

    async def _record(self) -> None:
        async with self.database.transaction() as tx:
            for layout in self.layouts:
                if not layout.is_new:
                    continue
                text = f"DELETE FROM {AT_REST.name} WHERE id = {{id}}"
                await tx.execute(*statement(self.database.dialect, AT_REST, text, id=layout.id))
                if layout.wanted:
                    await tx.insert([Insert(AT_REST, {"id": layout.id, "layout": layout.wanted})])
