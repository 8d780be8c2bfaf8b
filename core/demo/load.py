"""Carry out the demo declarations of a world: the same seed gives the same rows, ids included."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.crypto import Vault
from core.demo.build import Block, build_rows, select
from core.demo.convert import Counters, canonical
from core.demo.generators import DemoError, Run
from core.demo.resting import Resting
from core.demo.row import Group, Row
from core.demo.slots import demo_slots
from core.fields import all_fields
from core.fields.refs import Ref
from core.fields.sealed import is_sealed
from core.identity.admins import admin_roles_in
from core.manifest.model import Entity, World
from core.store.database import Database, Insert
from core.store.dialect import quote
from core.store.engine import SEQUENCE
from core.store.rows import insert
from core.store.tables import table_of

#: Rows per statement batch: small enough for Postgres' statement time limit.
BATCH_ROWS = 2000
Report = Callable[[str, int], None]


class NotEmptyError(DemoError):
    """The database holds rows of these entities already; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was written."""

    #: Rows by entity key.
    rows: Mapping[str, int]
    #: First row of each declared persona: entity, id, division.
    personas: Mapping[str, Mapping[str, str]]
    #: sha256 over all rows in order: equal for equal (world, division, people, seed).
    digest: str


async def load_demo(
    database: Database,
    world: World,
    *,
    county: str,
    people: int,
    seed: int,
    vault: Vault | None = None,
    report: Report = lambda name, rows: None,
) -> Loaded:
    """Generate and write everything in one transaction. `county` has 6 digits; without L4 fields no vault is needed."""
    run = Run(county=county, people=people, seed=seed)
    blocks = list(_blocks(world, run))
    await _refuse_filled(database, world, blocks)
    counters, digest, resting = Counters(), hashlib.sha256(), Resting(world, vault)
    made: list[tuple[Entity, list[Row]]] = []
    for block in blocks:
        entity = _entity(world, block.entity)
        if "existing" in block.spec:
            found = select(await _stored(database, entity), block, run)
            if not found.rows:
                raise DemoError(
                    f"库里没有 {county} 的{entity.title}（{block.name}）：请核对区划代码，或先迁移并装入参考数据"
                )
            run.groups[block.name] = found
            continue
        rows = build_rows(block, run, sum(len(rows) for _, rows in made))
        if any(admin_roles_in(entity.key, row.values) for row in rows):
            raise DemoError(f"演示数据 {block.name} 把管理员角色给了{entity.title}：管理员只由 setup 产生")
        counters.give(entity, rows)
        run.groups[block.name] = Group(rows)
        made.append((entity, rows))
    for entity, rows in made:
        resting.see(entity, rows)
    totals: dict[str, int] = {}
    async with database.transaction() as transaction:
        for entity, rows in made:
            values = [canonical(entity, row) for row in rows]
            # Of what was made: what is sealed is never the same twice.
            digest.update(orjson.dumps(values, default=str))
            inserts = [Insert(table_of(entity), resting.columns(entity, row)) for row in values]
            for start in range(0, len(inserts), BATCH_ROWS):
                await transaction.insert(inserts[start : start + BATCH_ROWS])
            totals[entity.key] = totals.get(entity.key, 0) + len(inserts)
            report(entity.title, totals[entity.key])
        await transaction.insert([insert(slot) for slot in demo_slots(world, run.groups)])
        await transaction.insert([Insert(SEQUENCE, {"id": id, "value": last}) for id, last in counters.last.items()])
    return Loaded(totals, _personas(world, blocks, run), digest.hexdigest())


def _documents(world: World) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for plugin in world.plugins.values():
        for document in plugin.parts.get("demo", ()):
            yield plugin.id, document


def _blocks(world: World, run: Run) -> Iterator[Block]:
    for plugin_id, document in _documents(world):
        run.lists |= document.get("lists", {})
        run.boxes |= document.get("boxes", {})
        for spec in document["rows"]:
            key = spec.get("entity") or spec["existing"]
            entity = _entity(world, key if "." in key else f"{plugin_id}.{key}")
            yield Block(spec["as"], entity.key, spec, entity.division_from)


def _entity(world: World, key: str) -> Entity:
    entity = world.entity(key)
    if entity is None:
        raise DemoError(f"演示数据引用了不存在的实体 {key}")
    return entity


async def _refuse_filled(database: Database, world: World, blocks: list[Block]) -> None:
    for key in dict.fromkeys(block.entity for block in blocks if "entity" in block.spec):
        entity = _entity(world, key)
        if await database.fetch(f"SELECT 1 FROM {quote(entity.table)} LIMIT 1", []):
            raise NotEmptyError(f"{entity.title}（{key}）已有数据，没有写入任何内容：演示数据只装入空库")


async def _stored(database: Database, entity: Entity) -> list[Row]:
    """Rows that are there already, by id, their refs as ids."""
    names, columns = [], []
    for name, field in all_fields(entity).items():
        # What is sealed cannot be selected by.
        if not is_sealed(field) and len(found := field.columns()) == 1:
            names.append(name)
            columns.append(found[0])
    listed = ", ".join(quote(column.name) for column in columns)
    sql = f"SELECT {listed} FROM {quote(entity.table)} WHERE deleted_at IS NULL"
    load = database.dialect.load
    rows = [
        Row(None, {n: load(c, raw) for n, c, raw in zip(names, columns, record, strict=True)})
        for record in await database.fetch(sql, [])
    ]
    # Ids of reference rows may differ from one database to the next: order by what they say.
    plain = [name for name in names if name in entity.fields and not isinstance(entity.fields[name], Ref)]
    return sorted(rows, key=lambda row: [str(row.values[name]) for name in plain])


def _personas(world: World, blocks: list[Block], run: Run) -> dict[str, Mapping[str, str]]:
    entities = {block.name: block.entity for block in blocks}
    found: dict[str, Mapping[str, str]] = {}
    for _, document in _documents(world):
        for name, group in document.get("personas", {}).items():
            group, _, number = group.partition("#")
            if rows := run.groups[group].rows[int(number or 0) :]:
                values = rows[0].values
                found[name] = {"entity": entities[group], "id": values["id"], "division": values["division"]}
    return found
