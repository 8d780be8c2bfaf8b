"""Creating one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tongban_sdk.errors import RequestError

from core.audit import Entry
from core.expr.clock import china_day
from core.fields.made import Sequence as SequenceField
from core.fields.refs import Ref
from core.store.audit_tables import AUDIT, AUDIT_SUBJECT
from core.store.database import Database, Transaction
from core.store.engine import HISTORY, IDEMPOTENCY, OUTBOX, SEQUENCE
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.statement import statement
from core.write.consent import consent_fields, require_consent
from core.write.events import Written
from core.write.idempotency import inputs_of, key_id, used_otherwise
from core.write.periods import refuse_overlaps
from core.write.records import history_row, json_row, outbox_row
from core.write.sending import GuardError, send, send_in
from core.write.shape import shape_of
from core.write.sources import tell_sources, tells_sources
from core.write.statements import CreatePlan
from core.write.task import Task, missing_ref
from core.write.tree import place
from core.write.values import Row, parse_input, to_columns

#: In the order they are written.
BESIDE = (OUTBOX, HISTORY, IDEMPOTENCY, AUDIT, AUDIT_SUBJECT)


class Creating:
    """Usually one statement (Postgres) or one hop (SQLite); a transaction when something must be read first."""

    def __init__(self, task: Task, values: Mapping[str, Any], key: str | None) -> None:
        self._task = task
        self._values = values
        self._key = key
        self._id = uuid7()

    async def run(self) -> Written:
        task = self._task
        self._groups = task.groups("create", self._values.keys())
        key = None if self._key is None else key_id(task.actor, self._key)
        given = parse_input(task.entity, self._values, is_new=True, root="input")
        self._given = given
        self._idempotency = {"id": key, "input": self._inputs()[0]} if key else None
        try:
            row = await self._write(given)
        except GuardError as error:
            return await self._replay_or(missing_ref(error.ref, "input"))
        except UniqueError as error:
            return await self._replay_or(task.taken(error))
        except RequestError as error:
            return await self._replay_or(error)
        except Exception as error:
            await task.judge(error)
            raise
        written = Written(task.entity.key, self._id, 1, "create", row)
        task.tell(written)
        return written

    async def _replay_or(self, error: RequestError) -> Written:
        """Every repetition of a request that once succeeded has its result, whatever would refuse it today."""
        if self._idempotency is None:
            raise error
        database = self._task.shared.database
        text = "SELECT row_id, input FROM tb_idempotency WHERE id = {id}"
        rows = await database.fetch(*statement(database.dialect, IDEMPOTENCY, text, id=self._idempotency["id"]))
        if not rows:
            raise error
        if rows[0][1] not in self._inputs():
            raise used_otherwise() from error
        await self._tell_replay(str(rows[0][0]))
        return Written(self._task.entity.key, str(rows[0][0]), 1, "create", {}, replayed=True)

    def _inputs(self) -> list[str]:
        task = self._task
        return inputs_of(task.actor, [task.entity.key, json_row(self._given)], task.shared.vault)

    async def _tell_replay(self, id: str) -> None:
        if audit := self._task.shared.audit:
            await audit.record(Entry(self._task.actor, "create", self._task.entity.key, id, detail="replayed"))

    async def _write(self, given: Row) -> Row:
        task = self._task
        row = await self._complete(given)
        if not shape_of(task.entity).paths:
            return await self._settle(row)
        async with task.transaction() as tx:
            await place(tx, task.shared.database.dialect, task.entity, row)
            return await self._settle(row)

    async def _settle(self, row: Row) -> Row:
        task = self._task
        decided, rule = task.decide(self._groups, row)
        uncomputed = task.compute(row)
        shape = shape_of(task.entity)
        await task.check("create", self._id, 1, {}, row)
        self._rest = await task.rest(task.source, row)
        consents = consent_fields(task.shared.world, task.entity, self._values.keys(), row)
        # One statement writes one subject of the audit.
        is_alone = task.tx is None and not (shape.paths or consents) and len(task.entity.subjects) < 2
        is_alone = is_alone and not (task.entity.no_overlap or (task.origin and tells_sources(task)))
        if is_alone and decided and not uncomputed and not shape.sequences:
            await self._in_one(row, rule)
            return row
        async with task.transaction() as tx:
            for field in shape.sequences:
                row[field.name] = await self._number(tx, field, row)
            await self._in_transaction(tx, row)
            await task.compute_in(tx, uncomputed, row, self._rest)
            await tell_sources(tx, task, row, self._values.keys() & task.entity.fields.keys(), is_new=True)
            if not decided:
                await task.require(tx, self._groups, self._id)
            await refuse_overlaps(tx, task.shared.database.dialect, task.entity, row, "input")
            await require_consent(task, tx, "create", consents, row)
            if task.shared.audit:
                await task.shared.audit.within(tx, await self._entry(tx, row, rule))
        return row

    async def _complete(self, given: Row) -> Row:
        task = self._task
        row: Row = {**shape_of(task.entity).blank, **given}
        row |= {
            "id": self._id,
            "version": 1,
            "created_at": task.now,
            "updated_at": task.now,
            "created_by": task.actor.id or None,
            "updated_by": task.actor.id or None,
        }
        row["division"] = given.get("division") or await self._division_from(row) or task.actor.division
        row["org"] = given.get("org") or task.me["org"]
        return row

    async def _division_from(self, row: Row) -> str | None:
        """A row lies where the row it belongs to lies. One the actor may not use must not even tell that."""
        task = self._task
        ref = task.entity.fields.get(task.entity.division_from)
        if not isinstance(ref, Ref) or row.get(ref.name) is None:
            return None
        sql = task.shared.statements.division(ref, task.actor.roles)
        env = task.env({"row": {ref.column_name: row[ref.name]}})
        rows = await task.source.fetch(sql.text, sql.bind(env))
        if not rows:
            raise GuardError(ref)
        value: str | None = rows[0][0]
        return value

    async def _entry(self, source: Database | Transaction, row: Row, rule: str) -> Entry:
        return self._task.entry("create", row, rule, self._values, *await self._task.subjects(source, row))

    def _plan(self, row: Row, args: Mapping[str, Any]) -> CreatePlan:
        task = self._task
        refs = tuple([f for f in shape_of(task.entity).refs if row[f.name] is not None])
        beside = tuple([(table, tuple(args[table.name])) for table in BESIDE if table.name in args])
        return task.shared.statements.create(task.entity, refs, task.actor.roles, beside)

    def _args(self, row: Row) -> dict[str, Any]:
        """Column values by table; "row" is the entity's own."""
        task = self._task
        args: dict[str, Any] = {"row": to_columns(self._rest, row)}
        args[OUTBOX.name] = outbox_row(task.entity, self._id, 1, "create", task.now)
        if task.entity.history:
            declared = {n: row[n] for n in task.entity.fields if row.get(n) is not None}
            after = {"division": row["division"], **declared}
            args[HISTORY.name] = history_row(self._rest, 1, "create", task.actor, task.now, task.why, None, after)
        if self._idempotency:
            args[IDEMPOTENCY.name] = {**self._idempotency, "row_id": self._id, "at": task.now}
        return args

    async def _in_one(self, row: Row, rule: str) -> None:
        task, args = self._task, self._args(row)
        audit, database = task.shared.audit, task.shared.database
        if audit is None:
            await send(database, self._plan(row, args), task.env(args))
            return
        entry = await self._entry(database, row, rule)

        async def attempt(rows: Mapping[str, Any]) -> None:
            whole = {**args, **rows}
            await send(database, self._plan(row, whole), task.env(whole))

        await audit.beside(entry, task.now, attempt)

    async def _in_transaction(self, tx: Transaction, row: Row) -> None:
        args = self._args(row)
        await send_in(tx, self._plan(row, args), self._task.env(args))

    async def _number(self, tx: Transaction, field: SequenceField, row: Row) -> str:
        """The next number. The counter's row is locked until the commit, so no number is given twice."""
        task = self._task
        division = row["division"] or ""
        day = china_day(task.now)
        text = (
            "INSERT INTO tb_sequence (id, value) VALUES ({id}, 1) "
            "ON CONFLICT (id) DO UPDATE SET value = tb_sequence.value + 1 RETURNING value"
        )
        counter = field.counter(task.entity.key, division, day)
        rows = await tx.fetch(*statement(task.shared.database.dialect, SEQUENCE, text, id=counter))
        return field.render(division, day, int(rows[0][0]))
