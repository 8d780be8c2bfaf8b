"""Rows of the engine's tables as typed values, and the few statements that read and change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from core.fields.column import Column, Table
from core.store.case_tables import CASE, CASE_PAUSE, CASE_STEP, TASK
from core.store.database import Database, Insert, Transaction
from core.store.dialect import Dialect, quote
from core.store.insert import one_statement
from core.store.statement import statement

#: `ranked_at` of a task without a limit.
END_OF_TIME = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of tb_case; see core/store/case_tables.py."""

    id: str
    number: str
    plugin_id: str
    service: str
    service_version: int
    workflow: str
    workflow_version: int
    entity: str
    row_id: str
    division: str
    grid: str | None
    org: str | None
    owner: str | None
    applicant: str | None
    legal_entity: str | None
    agent: str | None
    account: str
    channel: str
    state: str
    phase: str
    urgency: int
    parent: str | None
    child: str | None
    joined: str | None
    about: str | None
    filed_at: datetime
    started_at: datetime | None
    due_at: datetime | None
    yellow_at: datetime | None
    orange_at: datetime | None
    purple_at: datetime | None
    is_provisional: bool
    limit: list[Any] | None
    closed_at: datetime | None
    outcome: str | None
    version: int
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Task:
    """One row of tb_task."""

    id: str
    case_id: str
    number: str
    plugin_id: str
    service: str
    state: str
    part: str
    title: str
    role: str
    division: str
    org: str | None
    grid: str | None
    assignee: str | None
    candidates: list[dict[str, Any]] | None
    status: str
    urgency: int
    opened_at: datetime
    claimed_at: datetime | None
    done_at: datetime | None
    outcome: str | None
    due_at: datetime | None
    yellow_at: datetime | None
    orange_at: datetime | None
    purple_at: datetime | None
    is_provisional: bool
    ranked_at: datetime
    version: int

    @property
    def is_live(self) -> bool:
        return self.status in ("open", "claimed")

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.role.split("|"))


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of tb_case_step; `reason` is sealed."""

    id: str
    case_id: str
    seq: int
    at: datetime
    actor: str
    staff: str | None
    org: str | None
    role: str
    action: str
    from_state: str
    to_state: str
    task_id: str | None
    reason: str | None
    facts: dict[str, Any] | None
    due_at: datetime | None
    unit: str | None
    is_public: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """One row of tb_case_pause."""

    id: str
    case_id: str
    reason: str
    asked_by: str
    approved_by: str | None
    from_at: datetime | None
    until_at: datetime | None
    status: str


T = TypeVar("T", Case, Task, StepRow, Pause)
TABLES: Mapping[type[Any], Table] = {Case: CASE, Task: TASK, StepRow: CASE_STEP, Pause: CASE_PAUSE}


def columns(table: Table, alias: str = "") -> str:
    head = f"{alias}." if alias else ""
    return ", ".join(f"{head}{quote(column.name)}" for column in table.columns)


def load(dialect: Dialect, kind: type[T], row: Sequence[Any]) -> T:
    """A driver row of all columns in their order."""
    values = list(row)
    for place, column in _raw(dialect.name, TABLES[kind].name):
        if values[place] is not None:
            values[place] = dialect.load(column, values[place])
    return kind(*values)


@cache
def _raw(dialect: str, table: str) -> tuple[tuple[int, Column], ...]:
    """The columns whose driver values are no canonical ones."""
    # asyncpg gives instants in UTC.
    same = {"text", "int", *(("bool", "datetime") if dialect == "postgres" else ("uuid",))}
    (columns,) = (found.columns for found in TABLES.values() if found.name == table)
    return tuple((place, column) for place, column in enumerate(columns) if column.kind not in same)


async def read(source: Database | Transaction, dialect: Dialect, kind: type[T], where: str, **values: Any) -> list[T]:
    """Rows of a type; `where` may go on with ORDER BY, LIMIT and locks."""
    table = TABLES[kind]
    text = f"SELECT {columns(table)} FROM {table.name} WHERE {where}"
    return [load(dialect, kind, row) for row in await source.fetch(*statement(dialect, table, text, **values))]


async def change(
    tx: Transaction, dialect: Dialect, table: Table, values: Mapping[str, Any], where: str, **named: Any
) -> int:
    """UPDATE with typed values; the number of rows changed."""
    sets = ", ".join(f"{quote(name)} = {{set_{name}:{name}}}" for name in values)
    text = f"UPDATE {table.name} SET {sets} WHERE {where}"
    new = {f"set_{name}": value for name, value in values.items()}
    return await tx.execute(*statement(dialect, table, text, **new, **named))


async def write(tx: Transaction, dialect: Dialect, rows: Sequence[Insert]) -> None:
    """New rows: on Postgres in one round trip, whatever their tables."""
    if not rows:
        return
    if dialect.name == "postgres":
        await tx.fetch(*one_statement(dialect, rows))
    else:
        await tx.insert(rows)


def lock(dialect: Dialect, kind: str = "FOR UPDATE") -> str:
    """SQLite has one writer and needs none."""
    return f" {kind}" if dialect.name == "postgres" else ""
