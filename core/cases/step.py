"""One step of a case under way: what it knows, what it changes, and how all of that is written at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError

from core.access import me_of
from core.access.service import service_actor
from core.audit import Entry
from core.cases import participants
from core.cases.conditions import Conditions
from core.cases.live import Engine, entity_of
from core.cases.rows import END_OF_TIME, Case, Pause, StepRow, Task, write
from core.cases.timers import forget
from core.expr import Expr
from core.fields.column import Table
from core.fields.times import utc_now
from core.manifest.cases import CaseAction, Service, State, Workflow
from core.manifest.model import Entity
from core.privacy.rows import Lying
from core.store.case_tables import CASE, CASE_PAUSE, CASE_STEP, TASK
from core.store.database import Insert, Transaction
from core.store.dialect import quote
from core.store.ids import uuid7
from core.store.rows import change, changed, lock, read, values_of
from core.store.statement import statement
from core.store.tables import table_of
from core.write.live import Live
from core.write.values import Row

#: Keeps sealed words of different columns apart.
REASON = "tb_case_step.reason:"
#: What changes nothing that somebody else decides by: a version he has seen stays good.
QUIET = frozenset({"claim", "release", "comment", "task_done"})
#: Fact of a line: the action that a vote came to, where the last voice was another.
DECIDED = "decided"


@dataclass
class Step:
    """Change `case`, `tasks`, `pauses` and `patch`; `finish` writes what differs, in one transaction with all else."""

    engine: Engine
    live: Live
    tx: Transaction
    #: The same in all rows of the step.
    now: datetime
    actor: Actor
    case: Case
    service: Service
    workflow: Workflow
    entity: Entity
    #: Id of the action under way ("submit" when the case is filed), and the words given with it.
    action: str
    reason: str = ""
    #: Steps so far, the oldest first; tasks by id, those that are over too.
    trail: list[StepRow] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    #: Fields the engine itself sets in the entity's row, as the API writes values; `flush` writes them.
    patch: dict[str, Any] = field(default_factory=dict)
    #: New rows of any table, written at the end.
    rows: list[Insert] = field(default_factory=list)
    #: Done at the end, when it is clear who has the case now; they may add rows.
    later: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    #: Version of the entity's row, and the row if it was written or read in this step.
    row_version: int = 0
    row: Mapping[str, Any] = field(default_factory=dict)
    is_new: bool = False
    #: Whom core.case_participant names by now.
    synced: frozenset[str] = frozenset()
    #: What lies in the database.
    _stored: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def begin(
        cls,
        engine: Engine,
        live: Live,
        tx: Transaction,
        actor: Actor,
        case: Case,
        action: str,
        *,
        to_write: bool = True,
    ) -> Step:
        """Of a case whose row this transaction holds; see `held`."""
        definitions, dialect = engine.definitions, engine.database.dialect
        workflow = await definitions.workflow(live.world, case.workflow, case.workflow_version)
        service = await definitions.service(live.world, case.service, case.service_version)
        step = cls(
            engine,
            live,
            tx,
            _now(case),
            actor,
            case,
            service,
            workflow,
            entity_of(live, case.entity, case.division),
            action,
        )
        step.trail = await read(tx, dialect, StepRow, "case_id = {case_id} ORDER BY seq", case_id=case.id)
        tasks = await read(tx, dialect, Task, "case_id = {case_id} ORDER BY id", case_id=case.id)
        pauses = await read(tx, dialect, Pause, "case_id = {case_id} ORDER BY id", case_id=case.id)
        step.tasks, step.pauses = {task.id: task for task in tasks}, {pause.id: pause for pause in pauses}
        step.row_version = await step._hold_row() if to_write else 0
        step.synced = step.holders
        step._stored = {case.id: case, **step.tasks, **step.pauses}
        return step

    async def _hold_row(self) -> int:
        dialect = self.engine.database.dialect
        text = f"SELECT version FROM {quote(self.entity.table)} WHERE id = {{id}} AND deleted_at IS NULL"
        text += lock(dialect, "FOR NO KEY UPDATE")
        version = await self.tx.fetch_value(*statement(dialect, table_of(self.entity), text, id=self.case.row_id))
        if version is None:
            raise ConflictError("这件办件的数据已被删除，不能再办理")
        return int(version)

    @property
    def state(self) -> State:
        return self.workflow.states[self.case.state]

    @property
    def live_tasks(self) -> list[Task]:
        return [task for task in self.tasks.values() if task.is_live]

    @property
    def holders(self) -> frozenset[str]:
        """core.staff who hold or are offered a task."""
        return frozenset(task.assignee for task in self.live_tasks if task.assignee)

    @property
    def me(self) -> Mapping[str, Any]:
        """Whom expressions call `me`: who acts; where a member of staff files for somebody, that person."""
        if self.case.applicant and self.actor.person != self.case.applicant and self.is_new:
            return {**me_of(self.actor), "person": self.case.applicant}
        return me_of(self.actor)

    def change(self, **values: Any) -> None:
        self.case = changed(self.case, **values)

    def change_task(self, id: str, **values: Any) -> Task:
        self.tasks[id] = changed(self.tasks[id], **values)
        return self.tasks[id]

    def add_task(self, task: Task) -> None:
        self.tasks[task.id] = task

    def record(
        self, action: str, from_state: str, to_state: str, *, role: str, actor: Actor | None = None,
        task: str | None = None, reason: str = "", facts: Mapping[str, Any] | None = None, is_public: bool = True,
    ) -> StepRow:  # fmt: skip
        """One line of the trail."""
        by, id = actor or self.actor, uuid7()
        row = StepRow(
            id=id, case_id=self.case.id, seq=len(self.trail) + 1, at=self.now, actor=by.id or "system", staff=by.staff,
            org=by.org, role=role, action=action, from_state=from_state, to_state=to_state, task_id=task,
            reason=self.engine.vault.seal(reason, f"{REASON}{id}") if reason else None, facts=dict(facts or {}) or None,
            due_at=self.case.due_at, unit=self.case.limit[1] if self.case.limit else None, is_public=is_public,
        )  # fmt: skip
        self.trail.append(row)
        self.rows.append(Insert(CASE_STEP, values_of(row)))
        return row

    async def holds(self, exprs: Sequence[Expr]) -> list[bool]:
        """Whether conditions hold of the entity's row as it now stands; unknown does not hold."""
        return [value is True for value in await self.values(exprs)]

    async def values(self, exprs: Sequence[Expr]) -> list[Any]:
        if not exprs:
            return []
        await self.flush()
        asked = Conditions.of(self.live, self.engine.database.dialect)
        return await asked.values(self.tx, self.entity, self.case.row_id, exprs, self.me, self.now)

    async def read_row(self) -> Row:
        """The entity's row as it lies now, sealed values opened: for the engine's own questions."""
        await self.flush()
        lying = Lying(self.engine.database, self.engine.vault)
        rows = await lying.rows(self.entity, "id = {id}", tx=self.tx, id=self.case.row_id)
        if not rows:
            raise NotFoundError("找不到这件办件的数据")
        self.row = rows[0]
        return rows[0]

    async def flush(self) -> None:
        """Write what the engine sets in the entity's row, in the rights of its plugin."""
        new = {name: value for name, value in self.patch.items() if name not in self.row or self.row[name] != value}
        self.patch.clear()
        if new:
            await self.write_row(service_actor(self.case.plugin_id), new)

    async def write_row(self, actor: Actor, patch: Mapping[str, Any]) -> None:
        """Change the entity's row in the rights of `actor`."""
        writer = self.live.writer.within(self.tx)
        written = await writer.update(
            actor, self.entity, self.case.row_id, self.row_version, patch, why=f"case.{self.action}"
        )
        self.row_version, self.row = written.version, written.row

    async def finish(self) -> Case:
        """Write all of it. The case's version rises by one, however many automatic steps followed."""
        await self.flush()
        for do in self.later:
            await do()
        self.later.clear()
        await self._write_changes()
        await write(self.tx, self.engine.database.dialect, self.rows)
        self.rows.clear()
        await participants.sync(self)
        subjects = (self.case.applicant,) if self.case.applicant else ()
        line = Entry(
            self.actor, f"case.{self.action}", self.case.entity, self.case.row_id, subjects=subjects,
            case=self.case.number,
        )  # fmt: skip
        await self.engine.audit.within(self.tx, line)
        return self.case

    async def _write_changes(self) -> None:
        if not self.is_new:
            self.change(version=self.case.version + (self.action not in QUIET), updated_at=self.now)
        kinds: tuple[tuple[Table, Iterable[Any]], ...] = (
            (CASE, [self.case]), (TASK, self.tasks.values()), (CASE_PAUSE, self.pauses.values()),
        )  # fmt: skip
        for kind, found in kinds:
            for row in found:
                before = self._stored.get(row.id)
                if before is None:
                    self.rows.insert(0, Insert(kind, values_of(row)))
                elif before != row:
                    await self._update(kind, before, row)

    async def _update(self, table: Table, before: Any, row: Any) -> None:
        new = {name: value for name, value in values_of(row).items() if getattr(before, name) != value}
        if table is TASK:
            new["version"] = before.version + 1
            if before.is_live and not row.is_live:
                await forget(self.tx, self.engine, task_id=row.id)
        if await change(self.tx, self.engine.database.dialect, table, new, "id = {id}", id=row.id) != 1:
            raise ConflictError("办件已被他人办理", hint="请刷新后再试")


def ranked(due_at: datetime | None) -> datetime:
    return due_at or END_OF_TIME


def count_of(step: Step, action: CaseAction) -> int:
    """How often the case has taken an action; a single voice in a vote or quorum that goes on is none."""
    return sum((row.facts or {}).get(DECIDED, row.action) == action.id for row in step.trail if row.is_public)


def _now(case: Case) -> datetime:
    """Never before the step that came last: nodes' clocks differ."""
    return max(utc_now(), case.updated_at)
