"""Rows of the engine's tables as typed values, and the few statements that read and change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from core.fields.column import Table
from core.store.case_tables import CASE, CASE_PAUSE, CASE_STEP, TASK
from core.store.database import Insert, Transaction
from core.store.dialect import Dialect
from core.store.insert import one_statement

#: `ranked_at` of a task without a limit.
END_OF_TIME = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of tb_case; see core/store/case_tables.py."""

    TABLE: ClassVar[Table] = CASE

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

    TABLE: ClassVar[Table] = TASK

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

    TABLE: ClassVar[Table] = CASE_STEP

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

    TABLE: ClassVar[Table] = CASE_PAUSE

    id: str
    case_id: str
    reason: str
    asked_by: str
    approved_by: str | None
    from_at: datetime | None
    until_at: datetime | None
    status: str


async def write(tx: Transaction, dialect: Dialect, rows: Sequence[Insert]) -> None:
    """New rows: on Postgres in one round trip, whatever their tables."""
    if not rows:
        return
    if dialect.name == "postgres":
        await tx.fetch(*one_statement(dialect, rows))
    else:
        await tx.insert(rows)
