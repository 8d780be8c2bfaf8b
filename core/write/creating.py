"""Creating one row."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotAuthenticatedError, RequestError

from core.expr.evaluate import CHINA
from core.fields.made import Sequence as SequenceField
from core.fields.refs import Ref
from core.store.database import Transaction
from core.store.engine import HISTORY, IDEMPOTENCY, OUTBOX, SEQUENCE
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.sql import Env
from core.store.sqlite import SqliteEngine
from core.store.statement import statement
from core.write.events import Written
from core.write.records import history_row, idempotency_row, outbox_row
from core.write.shape import shape_of
from core.write.statements import CreatePlan
from core.write.task import Task, missing_ref
from core.write.values import Row, parse_input, to_columns

KEY_MAX_CHARS = 200


class GuardError(Exception):
    """A ref points to nothing the actor may use."""

    def __init__(self, ref: Ref) -> None:
        self.ref = ref


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
        if self._key is not None:
            _check_key(task.actor, self._key)
        given = parse_input(task.entity, self._values, is_new=True, root="input")
        self._idempotency = idempotency_row(task.actor, self._key, task.entity, given) if self._key else None
        try:
            row = await self._write(given)
        except GuardError as error:
            return await self._replay_or(missing_ref(error.ref, "input"))
        except UniqueError as error:
            return await self._replay_or(task.taken(error))
        except RequestError as error:
            return await self._replay_or(error)
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
        if rows[0][1] != self._idempotency["input"]:
            raise ConflictError("同一个幂等键已用于另一个请求", hint="请为新的请求使用新的幂等键") from error
        return Written(self._task.entity.key, str(rows[0][0]), 1, "create", {}, replayed=True)

    async def _write(self, given: Row) -> Row:
        task = self._task
        row = await self._complete(given)
        decided = task.decide(self._groups, row)
        uncomputed = task.compute(row)
        sequences = shape_of(task.entity).sequences
        await task.check("create", self._id, 1, {}, row)
        plan = self._plan(row)
        if decided and not uncomputed and not sequences:
            await self._in_one(plan, self._env(row))
            return row
        async with task.shared.database.transaction() as tx:
            for field in sequences:
                row[field.name] = await self._number(tx, field, row)
            await self._in_transaction(tx, plan, self._env(row))
            await task.compute_in(tx, uncomputed, row)
            if not decided:
                await task.require(tx, self._groups, self._id)
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
        rows = await task.shared.database.fetch(sql.text, sql.bind(env))
        if not rows:
            raise GuardError(ref)
        value: str | None = rows[0][0]
        return value

    def _plan(self, row: Row) -> CreatePlan:
        task = self._task
        refs = tuple(f for f in shape_of(task.entity).refs if row[f.name] is not None)
        return task.shared.statements.create(
            task.entity, refs, task.actor.roles, has_history=task.entity.history, has_key=self._key is not None
        )

    def _env(self, row: Row) -> Env:
        task = self._task
        args: dict[str, Any] = {"row": to_columns(task.entity, row)}
        args[OUTBOX.name] = outbox_row(task.entity, self._id, 1, "create", task.now)
        if task.entity.history:
            declared = {n: row[n] for n in task.entity.fields if row.get(n) is not None}
            after = {"division": row["division"], **declared}
            args[HISTORY.name] = history_row(
                task.entity, self._id, 1, "create", task.actor, task.now, task.why, None, after
            )
        if self._idempotency:
            args[IDEMPOTENCY.name] = {**self._idempotency, "row_id": self._id, "at": task.now}
        return task.env(args)

    async def _in_one(self, plan: CreatePlan, env: Env) -> None:
        engine = self._task.shared.database.engine
        if isinstance(engine, SqliteEngine):
            guards = [(ref, sql.text, sql.bind(env)) for ref, sql in plan.guards]
            inserts = [(sql.text, sql.bind(env)) for sql in plan.inserts]
            await engine.atomic(lambda connection: _run(connection, guards, inserts))
            return
        assert plan.whole is not None
        if not await engine.fetch_value(plan.whole.text, plan.whole.bind(env)):
            raise GuardError(await self._failed_guard(plan, env))

    async def _in_transaction(self, tx: Transaction, plan: CreatePlan, env: Env) -> None:
        for ref, sql in plan.guards:
            if not await tx.fetch(sql.text, sql.bind(env)):
                raise GuardError(ref)
        for sql in plan.inserts:
            await tx.execute(sql.text, sql.bind(env))

    async def _failed_guard(self, plan: CreatePlan, env: Env) -> Ref:
        for ref, sql in plan.guards:
            if not await self._task.shared.database.fetch(sql.text, sql.bind(env)):
                return ref
        return plan.guards[0][0]

    async def _number(self, tx: Transaction, field: SequenceField, row: Row) -> str:
        """The next number. The counter's row is locked until the commit, so no number is given twice."""
        task = self._task
        division = row["division"] or ""
        day = task.now.astimezone(CHINA).date()
        text = (
            "INSERT INTO tb_sequence (id, value) VALUES ({id}, 1) "
            "ON CONFLICT (id) DO UPDATE SET value = tb_sequence.value + 1 RETURNING value"
        )
        counter = field.counter(task.entity.key, division, day)
        rows = await tx.fetch(*statement(task.shared.database.dialect, SEQUENCE, text, id=counter))
        return field.render(division, day, int(rows[0][0]))


def _check_key(actor: Actor, key: str) -> None:
    """Strangers have no name that could keep their keys apart."""
    if not 0 < len(key) <= KEY_MAX_CHARS:
        raise InvalidInputError(f"幂等键应为 1 到 {KEY_MAX_CHARS} 个字符")
    if not actor.id:
        raise NotAuthenticatedError("请先登录再使用幂等键")


def _run(connection: sqlite3.Connection, guards: list[tuple[Ref, str, list[Any]]], inserts: list[Any]) -> None:
    for ref, sql, args in guards:
        if connection.execute(sql, args).fetchone() is None:
            raise GuardError(ref)
    for sql, args in inserts:
        connection.execute(sql, args)
