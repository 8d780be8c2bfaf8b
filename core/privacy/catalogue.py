"""What every table with data about people holds, kept beyond the life of the plugin that brought it.

The manifest of a removed plugin is gone, its tables are not. The catalogue keeps enough of it to read them again:
titles, fields with their options, purposes, and how a row leads to a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import pairwise
from typing import Any

import orjson
from tongban_sdk.problems import Place

from core.fields import Field, make_field
from core.fields.refs import Ref
from core.fields.times import utc_now
from core.manifest.model import Entity, Plugin, Purpose, World
from core.store.catalog import read_catalog
from core.store.database import Database, Insert, Transaction
from core.store.ddl import column_ddl
from core.store.dialect import quote
from core.store.migrate import lock_schema
from core.store.privacy_tables import DATA_CATALOGUE
from core.store.statement import statement
from core.store.tables import table_of

#: Options that say nothing about what lies in the column.
_LEFT_OUT = frozenset({"default", "codes", "unique", "index", "required"})
Row = tuple[str, str, Mapping[str, Any]]
_NAMES = {"as_type": "as", "code_set": "set"}


#: Columns from a row to a person, each with the table it leads to: (("house_id", "community_house"), ("owner_id",
#: "core_person")); the row itself is the person: ().
Way = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """One table that holds data about people."""

    entity: Entity
    plugin_title: str
    department: str
    purposes: Mapping[str, Purpose]
    #: The ways to the persons a row is about.
    ways: tuple[Way, ...]

    def about(self) -> str:
        """SQL condition on a row: it is about the person bound as {person:id}, whoever else it is about."""
        return f"({' OR '.join(map(_leads_to_person, self.ways))})"

    def whom(self, alias: str) -> list[str]:
        """SQL of the ids of the persons a row is about, one or null for each way."""
        return [_person(alias, way) for way in self.ways]

    def purpose(self, field: Field) -> Purpose | None:
        return self.purposes.get(field.purpose)

    @property
    def personal(self) -> tuple[Field, ...]:
        """Stored fields that hold personal data."""
        return tuple(f for f in self.entity.fields.values() if f.level in ("L3", "L4") and f.columns())


def holdings_of(world: World) -> dict[str, Holding]:
    """Those of a world, by entity key."""
    return {
        entity.key: _holding(world, plugin, entity)
        for plugin in world.plugins.values()
        for entity in plugin.entities.values()
        if entity.subject_paths
    }


def _leads_to_person(way: Way) -> str:
    condition = "= {person:id}"
    for (_, table), (column, _) in reversed(list(pairwise(way))):
        condition = f"IN (SELECT id FROM {quote(table)} WHERE {quote(column)} {condition})"
    return f"{quote(way[0][0] if way else 'id')} {condition}"


def _person(alias: str, way: Way) -> str:
    found = f"{alias}.{quote(way[0][0] if way else 'id')}"
    for i, ((_, next_table), (column, _)) in enumerate(pairwise(way)):
        found = f"(SELECT w{i}.{quote(column)} FROM {quote(next_table)} w{i} WHERE w{i}.id = {found})"
    return found


def _holding(world: World, plugin: Plugin, entity: Entity) -> Holding:
    ways = tuple(_way(world, entity, path) for path in entity.subject_paths)
    return Holding(entity, plugin.title, plugin.department.get("name", ""), plugin.purposes, ways)


def _way(world: World, entity: Entity, path: tuple[str, ...]) -> Way:
    way, here = [], entity
    for name in () if path == ("id",) else path:
        ref = here.fields[name]
        assert isinstance(ref, Ref)
        target = world.entity(ref.to)
        assert target is not None
        way.append((ref.column_name, target.table))
        here = target
    return tuple(way)


class Catalogue:
    """tb_data_catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, tuple[str, Holding]] = {}

    async def refresh(self, world: World) -> int:
        """Write down what has changed; returns how many rows. Fields no longer declared keep their entry: their
        columns keep their data."""
        await self._complete(world)
        live = holdings_of(world)
        if not _changes(live, await self._rows(self._database)):
            return 0
        async with self._database.transaction() as tx:
            # Nodes that start together write one after the other.
            await lock_schema(self._database, tx)
            changes = _changes(live, await self._rows(tx))
            for change in changes:
                for id in change.gone:
                    text = "DELETE FROM tb_data_catalogue WHERE id = {id}"
                    await tx.execute(*statement(self._database.dialect, DATA_CATALOGUE, text, id=id))
                await tx.insert([Insert(DATA_CATALOGUE, change.values)])
        return len(changes)

    async def _complete(self, world: World) -> None:
        """A newer version may keep a declared field in more columns: tables of what is gone get them, too."""
        tables = {h.entity.table: table_of(h.entity) for h in await self.holdings(world)}
        dialect = self._database.dialect
        async with self._database.transaction() as tx:
            await lock_schema(self._database, tx)
            for name, live in (await read_catalog(tx, dialect.name, tables)).items():
                for column in tables[name].columns:
                    if column.name not in live.columns:
                        await tx.execute(f"ALTER TABLE {quote(name)} ADD COLUMN {column_ddl(dialect, column)}")

    async def holdings(self, world: World) -> list[Holding]:
        """All tables there ever were, those of running plugins as they run, ordered by entity key."""
        live, found = holdings_of(world), []
        for key, digest, document in await self._rows(self._database):
            kept = self._kept.get(key)
            if kept is None or kept[0] != digest:
                kept = self._kept[key] = (digest, _revived(document))
            now = live.get(key)
            is_whole = now is not None and kept[1].entity.fields.keys() <= now.entity.fields.keys()
            found.append(now if now is not None and is_whole else kept[1])
        return found

    async def _rows(self, source: Database | Transaction) -> list[Row]:
        column = DATA_CATALOGUE.column("document")
        rows = await source.fetch("SELECT id, hash, document FROM tb_data_catalogue ORDER BY id")
        return [(id, digest, self._database.dialect.load(column, document)) for id, digest, document in rows]


@dataclass(frozen=True, slots=True)
class _Change:
    values: Mapping[str, Any]
    #: Rows this one replaces: its own, and that of the entity's former name.
    gone: tuple[str, ...]


def _changes(live: Mapping[str, Holding], rows: Sequence[Row]) -> list[_Change]:
    known = {id: (digest, document) for id, digest, document in rows}
    return [change for key, holding in live.items() if (change := _change(key, holding, known)) is not None]


def _change(key: str, holding: Holding, known: Mapping[str, tuple[str, Mapping[str, Any]]]) -> _Change | None:
    entity = holding.entity
    former = f"{entity.plugin_id}.{entity.renamed_from}" if entity.renamed_from else key
    gone = tuple(id for id in dict.fromkeys((key, former)) if id in known)
    document = _document(holding, known[gone[0]][1] if gone else {})
    digest = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if gone == (key,) and known[key][0] == digest:
        return None
    values = {
        "id": key, "plugin_id": entity.plugin_id, "hash": digest, "document": document, "changed_at": utc_now(),
    }  # fmt: skip
    return _Change(values, gone)


def _document(holding: Holding, old: Mapping[str, Any]) -> dict[str, Any]:
    entity = holding.entity
    specs = {name: _spec(field) for name, field in entity.fields.items()}
    renamed = {field.renamed_from for field in entity.fields.values()}
    former, words = dict(old.get("fields", ())), dict(old.get("purposes", ()))
    gone = {name: spec for name, spec in former.items() if name not in specs and name not in renamed}
    purposes = {
        p.id: {"title": p.title, "basis": p.basis, "retention": p.retention, "text": p.text}
        for p in holding.purposes.values()
    }
    return {
        "plugin": {"id": entity.plugin_id, "title": holding.plugin_title, "department": holding.department},
        "entity": {
            "name": entity.name, "title": entity.title, "history": entity.history, "display": entity.display,
            "subjects": list(entity.subjects), "case": entity.case, "renamed_from": entity.renamed_from,
        },
        "ways": [[list(step) for step in way] for way in holding.ways],
        # Pairs: Postgres keeps no order of keys.
        "fields": [[name, spec] for name, spec in (specs | gone).items()],
        "purposes": [[id, text] for id, text in (words | purposes).items()],
    }  # fmt: skip


def _with_ways(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an earlier version wrote of a plugin that is gone since: one way."""
    if "ways" in document:
        return document
    head = document["entity"]
    return {**document, "entity": {**head, "subjects": [head["subject"]]}, "ways": [document["path"]]}


def _spec(field: Field) -> dict[str, Any]:
    """A field as its manifest could have written it."""
    spec: dict[str, Any] = {"type": field.type}
    for option in fields(field):
        value = getattr(field, option.name)
        default = option.default_factory() if option.default_factory is not MISSING else option.default
        if option.name in _LEFT_OUT or option.name == "name" or value == default:
            continue
        plain = dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        spec[_NAMES.get(option.name, option.name)] = plain
    return spec


def _revived(document: Mapping[str, Any]) -> Holding:
    document = _with_ways(document)
    plugin, head = document["plugin"], document["entity"]
    entity = Entity(
        plugin_id=plugin["id"], name=head["name"], title=head["title"], description="",
        fields={name: make_field(name, spec, plugin_id=plugin["id"]) for name, spec in document["fields"]},
        indexes=(), unique=(), history=head["history"], display=head["display"], place=Place("tb_data_catalogue"),
        subjects=tuple(head["subjects"]), case=head["case"], renamed_from=head["renamed_from"],
    )  # fmt: skip
    purposes = {id: Purpose(id=id, **words) for id, words in document["purposes"]}
    ways = tuple(tuple((column, table) for column, table in way) for way in document["ways"])
    return Holding(entity, plugin["title"], plugin["department"], purposes, ways)
