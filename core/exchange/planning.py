"""Rows of a file as changes of rows: refs found, rows that are there already, values that others have, rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tongban_sdk.errors import RequestError

from core.access import me_of
from core.exchange.faults import Faults
from core.exchange.lookup import Fetches, Found, Lookup, Values, unique_sets
from core.exchange.reading import FileRow, Source
from core.fields import all_fields
from core.fields.base import Field, FieldError
from core.fields.refs import Ref, parse_uuid
from core.fields.times import utc_now
from core.manifest.model import Entity
from core.write.rights import decide, rule_groups

BATCH_ROWS = 200


@dataclass(slots=True)
class Planned:
    """One row of the file: what the write pipeline is to be asked. `found` is the row that is there already."""

    file_row: FileRow
    #: As a client would send them, refs as ids.
    values: dict[str, Any]
    #: Canonical.
    parsed: dict[str, Any]
    found: Found | None = None
    division: str | None = None
    #: Refs to rows of this very file: field → natural key.
    waiting: dict[str, tuple[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """What one pass over the file remembers: of each row only the values that must not come twice."""

    #: By the names of the fields: values → line.
    lines: dict[tuple[str, ...], dict[int, int]] = field(default_factory=dict)
    #: Rows of this file that refs of later rows may name: natural key → id ("" while nothing is written).
    made: dict[tuple[str, Any], str] = field(default_factory=dict)


class Planner:
    def __init__(self, source: Source, lookup: Lookup, faults: Faults) -> None:
        self.source, self.lookup, self.faults = source, lookup, faults
        self.memory = Memory()
        fields = all_fields(source.entity)
        self._key = tuple(fields[name] for name in source.key)
        self._own_keys = lookup.natural_keys(source.entity) if self._refers_to_itself() else []

    async def plan(self, rows: Iterable[FileRow], database: Fetches) -> AsyncIterator[list[Planned]]:
        """Batches in the order of the file, without the rows that have faults."""
        iterator = iter(rows)
        while batch := list(islice(iterator, BATCH_ROWS)):
            yield await self._batch(batch, database)

    async def _batch(self, rows: list[FileRow], database: Fetches) -> list[Planned]:
        refs = await self._refs(rows, database)
        planned = [made for row in rows if (made := self._planned(row, refs)) is not None]
        if self._key:
            found = await self.lookup.find(
                database, self.source.entity, self._key, {_values(row, self._key) for row in planned}
            )
            for row in planned:
                row.found = found.get(_values(row, self._key))
                if row.found is not None and not row.found.is_seen:
                    self._clash(row, self._key, "已被使用")
            planned = [row for row in planned if row.found is None or row.found.is_seen]
        clashing = await self._clashes(planned, database)
        return [row for row in planned if row.file_row.line not in clashing and self._is_allowed(row)]

    def _planned(self, row: FileRow, refs: Mapping[tuple[str, str], Found | None]) -> Planned | None:
        made = Planned(row, dict(row.values), {})
        ok = True
        for column in row.columns:
            name, value = column.field.name, row.values.get(column.field.name)
            if value is None:
                continue
            if isinstance(column.field, Ref):
                target = refs[(name, value)] or self._of_this_file(made, column.field, value)
                if target is None:
                    message = f"找不到所选的{column.field.title}"
                    self.faults.add(row.line, "ref.not-found", message, column.number, column.heading)
                    ok = False
                    continue
                made.values[name] = made.parsed[name] = target.id
                if name == self.source.entity.division_from:
                    made.division = target.division
            else:
                made.parsed[name] = column.field.parse(value)
        self._remember(made)
        return made if ok else None

    def _of_this_file(self, row: Planned, ref: Ref, text: str) -> Found | None:
        """A row above in the file, by its natural key; it has no id before it is written."""
        if ref.to != self.source.entity.key:
            return None
        for own in self._own_keys:
            if (own.name, (value := _parsed(own, text))) in self.memory.made:
                row.waiting[ref.name] = (own.name, value)
                return Found("", None, True)
        return None

    def _remember(self, row: Planned) -> None:
        for own in self._own_keys:
            if (value := row.parsed.get(own.name)) is not None:
                self.memory.made.setdefault((own.name, value), "")

    async def _refs(self, rows: list[FileRow], database: Fetches) -> dict[tuple[str, str], Found | None]:
        """What each ref cell names: (field, text) → the row."""
        found: dict[tuple[str, str], Found | None] = {}
        for column in rows[0].columns:
            if isinstance(column.field, Ref):
                name = column.field.name
                texts = {row.values[name] for row in rows if name in row.values}
                target = self.source.world.entities[column.field.to]
                named = await self._named(target, texts, database)
                found |= {(name, text): named.get(text) for text in texts}
        return found

    async def _named(self, target: Entity, texts: set[str], database: Fetches) -> dict[str, Found]:
        by_id = {text: parse_uuid(text) for text in texts if _is_uuid(text)}
        rows = await self.lookup.find(database, target, (all_fields(target)["id"],), {(id,) for id in by_id.values()})
        found = {text: rows[(id,)] for text, id in by_id.items() if (id,) in rows}
        for key in self.lookup.natural_keys(target):
            values = {text: value for text in texts - found.keys() if (value := _parsed(key, text)) is not None}
            rows = await self.lookup.find(database, target, (key,), {(value,) for value in values.values()})
            found |= {text: rows[(value,)] for text, value in values.items() if (value,) in rows}
        # A row the actor may not see is not there for him.
        return {text: row for text, row in found.items() if row.is_seen}

    async def _clashes(self, rows: list[Planned], database: Fetches) -> set[int]:
        """Lines whose values another row has, here or in the database."""
        clashing: set[int] = set()
        for fields in unique_sets(self.source.entity):
            whole = [row for row in rows if all(f.name in row.parsed for f in fields)]
            taken = await self.lookup.find(
                database, self.source.entity, fields, {_values(row, fields) for row in whole}
            )
            for row in whole:
                values = _values(row, fields)
                owner, other_line = taken.get(values), self._earlier(fields, values, row.file_row.line)
                if owner is not None and (row.found is None or row.found.id != owner.id):
                    self._clash(row, fields, "已被使用")
                elif other_line:
                    self._clash(row, fields, f"与第 {other_line} 行重复")
                else:
                    continue
                clashing.add(row.file_row.line)
        return clashing

    def _earlier(self, fields: tuple[Field, ...], values: Values, line: int) -> int:
        """The line that had the same values before; hashes are kept, for a file may be long."""
        lines = self.memory.lines.setdefault(tuple(f.name for f in fields), {})
        earlier = lines.setdefault(hash(values), line)
        return 0 if earlier == line else earlier

    def _clash(self, row: Planned, fields: tuple[Field, ...], message: str) -> None:
        column = row.file_row.column(fields[0].name)
        number, heading = (column.number, column.heading) if column and len(fields) == 1 else (0, "")
        titles = "、".join(field.title for field in fields)
        self.faults.add(row.file_row.line, "import.taken", f"{titles}{message}", number, heading)

    def _is_allowed(self, row: Planned) -> bool:
        """Whether the rules admit a new row as far as that can be told beforehand; the pipeline has the last word."""
        if row.found is not None:
            return True
        actor, entity = self.lookup.actor, self.source.entity
        me = me_of(actor)
        blank: dict[str, Any] = dict.fromkeys(all_fields(entity))
        defaults = {f.name: f.default for f in entity.fields.values() if f.default is not None}
        whole = {**blank, **defaults, **row.parsed, "created_by": actor.id, "updated_by": actor.id}
        whole["division"] = row.parsed.get("division") or row.division or actor.division
        whole["org"] = row.parsed.get("org") or me["org"]
        try:
            groups = rule_groups(self.lookup.access, actor, entity, "create", row.values.keys())
        except RequestError as error:
            self.faults.add(row.file_row.line, "import.denied", error.message)
            return False
        if decide(groups, whole, me, utc_now())[0] is False:
            self.faults.add(row.file_row.line, "import.denied", f"没有权限新建这条“{entity.title}”")
            return False
        return True

    def _refers_to_itself(self) -> bool:
        entity = self.source.entity
        return any(isinstance(f, Ref) and f.to == entity.key for f in entity.fields.values())

    def values(self, row: Planned) -> dict[str, Any]:
        """What is to be written, now that the rows above are."""
        return row.values | {name: self.memory.made[key] for name, key in row.waiting.items()}

    def written(self, row: Planned, id: str) -> None:
        """Refs of later rows may name it now."""
        for own in self._own_keys:
            if (value := row.parsed.get(own.name)) is not None:
                self.memory.made[(own.name, value)] = id


def _values(row: Planned, fields: Iterable[Field]) -> Values:
    return tuple(_hashable(row.parsed.get(field.name)) for field in fields)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_uuid(text: str) -> bool:
    try:
        parse_uuid(text)
    except FieldError:
        return False
    return True


def _parsed(field: Field, text: str) -> Any:
    try:
        return field.parse(text)
    except FieldError:
        return None
