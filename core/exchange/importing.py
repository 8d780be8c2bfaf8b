"""A CSV file into an entity: checked as a whole, then written as a whole, through the one write pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, RequestError, TooLargeError

from core.access import AccessModel
from core.crypto import Vault
from core.crypto.stream import Stored
from core.exchange.columns import key_of
from core.exchange.faults import Fault, Faults
from core.exchange.lookup import Lookup, unique_sets
from core.exchange.planning import Planned, Planner
from core.exchange.reading import Source, read_rows
from core.fields.masks import is_sensitive
from core.fields.refs import Ref
from core.manifest.model import Action, Entity, World
from core.store.database import Database, Transaction
from core.store.dialect import quote
from core.store.statement import statement
from core.store.tables import table_of
from core.write import Writer
from core.write.rights import denied
from core.write.values import from_columns

WHY = "import"


@dataclass(frozen=True, slots=True)
class Parts:
    """What an import needs of a running host."""

    database: Database
    world: World
    access: AccessModel
    writer: Writer
    vault: Vault


@dataclass(slots=True)
class Report:
    """What happened to a file. With faults nothing was written, and with `check` nothing is."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)
    #: Found beyond those listed.
    more_faults: int = 0
    is_written: bool = False


class _UndoError(Exception):
    """Nothing of the transaction is to stay."""


async def import_rows(
    parts: Parts, actor: Actor, entity: Entity, stored: Stored, *, key: Sequence[str] = (), check: bool = False,
    max_bytes: int, max_rows: int | None = None,
) -> Report:  # fmt: skip
    """Write all rows of the file or none. `key` names fields by which rows that are there already are updated; with it
    the right to update is enough for a file that brings nothing new.

    RequestError when the file is not read at all: no right, no such key, too large.
    """
    key = key_of(entity, key)
    _require(parts, actor, entity, key)
    source = Source(stored, entity, parts.world, key, max_bytes)
    report, faults = Report(), Faults()
    report.rows = await asyncio.to_thread(_count, source, faults, max_rows)
    if not faults:
        await _plan_all(parts, actor, source, faults)
    if not faults:
        await _write_all(parts, actor, source, faults, report, check)
    if faults:
        report.created = report.updated = report.unchanged = 0
    report.faults, report.more_faults = faults.listed, faults.more
    return report


def _require(parts: Parts, actor: Actor, entity: Entity, key: Sequence[str]) -> None:
    actions: tuple[Action, ...] = ("create", "update") if key else ("create",)
    if not any(parts.access.rules(actor.roles, entity.key, action) for action in actions):
        raise denied(actor, entity)
    keys = [tuple(field.name for field in fields) for fields in unique_sets(entity)]
    if key and tuple(key) not in keys:
        known = "；".join(",".join(names) for names in keys) or "没有"
        raise InvalidInputError(f"{','.join(key)} 不能认出“{entity.title}”的一行", hint=f"不重复的字段：{known}")


def _count(source: Source, faults: Faults, max_rows: int | None) -> int:
    """Runs in a thread: every cell is looked at before the database is asked anything."""
    rows = 0
    for _ in read_rows(source, faults):
        rows += 1
        if max_rows is not None and rows > max_rows:
            raise TooLargeError(f"一次至多导入 {max_rows} 行", hint="请分成几个文件，或由管理员用 import 命令导入")
    return rows


def _planner(parts: Parts, actor: Actor, source: Source, faults: Faults) -> Planner:
    lookup = Lookup(parts.world, parts.access, parts.vault, parts.database.dialect, actor)
    return Planner(source, lookup, faults)


async def _plan_all(parts: Parts, actor: Actor, source: Source, faults: Faults) -> None:
    planner = _planner(parts, actor, source, faults)
    async for _ in planner.plan(read_rows(source, faults), parts.database):
        pass


async def _write_all(parts: Parts, actor: Actor, source: Source, faults: Faults, report: Report, check: bool) -> None:
    planner = _planner(parts, actor, source, faults)
    try:
        async with parts.database.transaction() as tx:
            writing = _Writing(parts, actor, source.entity, tx, planner, report)
            async for batch in planner.plan(read_rows(source, faults), tx):
                for row in batch:
                    await writing.write(row, faults)
                if faults:
                    raise _UndoError
            if check or faults:
                raise _UndoError
    except _UndoError:
        return
    report.is_written = True


class _Writing:
    """Rows into one transaction; the first that fails ends it."""

    def __init__(
        self, parts: Parts, actor: Actor, entity: Entity, tx: Transaction, planner: Planner, report: Report
    ) -> None:
        self._parts, self._actor, self._entity, self._tx = parts, actor, entity, tx
        self._planner, self._report = planner, report
        self._writer = parts.writer.within(tx)
        self._unseen = _unseen(parts, actor, entity)

    async def write(self, row: Planned, faults: Faults) -> None:
        try:
            await self._write(row, self._planner.values(row))
        except InvalidInputError as error:
            _tell(row, error, faults)
            raise _UndoError from error
        except RequestError as error:
            faults.add(row.file_row.line, f"import.{error.code.lower().replace('_', '-')}", error.message)
            raise _UndoError from error

    async def _write(self, row: Planned, values: Mapping[str, Any]) -> None:
        if row.found is None:
            written = await self._writer.create(self._actor, self._entity, values, why=WHY)
            self._planner.written(row, written.id)
            self._report.created += 1
            return
        before = await self._read(row.found.id)
        parsed = row.parsed | {name: values[name] for name in row.waiting}
        patch = {name: value for name, value in values.items() if before[name] != parsed[name]}
        if patch:
            await self._writer.update(self._actor, self._entity, row.found.id, before["version"], patch, why=WHY)
        # Whether a value he does not see is the one he brings along is not for the importer to learn.
        if patch or self._unseen & (values.keys() - set(self._planner.source.key)):
            self._report.updated += 1
        else:
            self._report.unchanged += 1
        self._planner.written(row, row.found.id)

    async def _read(self, id: str) -> dict[str, Any]:
        dialect, table = self._parts.database.dialect, table_of(self._entity)
        names = [column.name for column in table.columns]
        text = f"SELECT {', '.join(map(quote, names))} FROM {quote(table.name)} WHERE id = {{id}}"
        rows = await self._tx.fetch(*statement(dialect, table, text, id=id))
        return from_columns(dialect, self._entity, dict(zip(names, rows[0], strict=True)), self._parts.vault)


def _unseen(parts: Parts, actor: Actor, entity: Entity) -> set[str]:
    """Personal fields whose values the actor does not read in clear in every row."""
    rules = parts.access.rules(actor.roles, entity.key, "read")
    personal = [found for found in entity.fields.values() if is_sensitive(found)]
    return {found.name for found in personal if not parts.access.field_view(rules, found, entity).is_comparable}


def _tell(row: Planned, error: InvalidInputError, faults: Faults) -> None:
    """Problems of an input by the columns they came from."""
    columns = {_input_name(column.field): column for column in row.file_row.columns}
    for problem in error.problems:
        column = columns.get(str(problem.path[-1]))
        number, heading = (column.number, column.heading) if column else (0, "")
        faults.add(row.file_row.line, problem.id, problem.message, number, heading)
    if not error.problems:
        faults.add(row.file_row.line, "import.invalid", error.message)


def _input_name(found: Any) -> str:
    return f"{found.graphql_name}Id" if isinstance(found, Ref) else found.graphql_name
