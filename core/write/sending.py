"""A whole creation as the database takes it: one statement on Postgres, one hop on SQLite, all of it or nothing."""

from __future__ import annotations

import sqlite3
from typing import Any

from core.audit.audit import LaneLostError, NothingWrittenError
from core.fields.refs import Ref
from core.store.database import Database, Transaction
from core.store.sql import Env
from core.store.sqlite import SqliteEngine
from core.write.statements import LANE_LOST, CreatePlan


class GuardError(NothingWrittenError):
    """A ref points to nothing the actor may use."""

    def __init__(self, ref: Ref) -> None:
        self.ref = ref


async def send(database: Database, plan: CreatePlan, env: Env) -> None:
    """GuardError or LaneLostError: nothing was written."""
    engine = database.engine
    if isinstance(engine, SqliteEngine):
        guards = [(ref, sql.text, sql.bind(env)) for ref, sql in plan.guards]
        lane = [(sql.text, sql.bind(env)) for sql in plan.lane]
        inserts = [(sql.text, sql.bind(env)) for sql in plan.inserts]
        await engine.atomic(lambda connection: _run(connection, guards, lane, inserts))
        return
    assert plan.whole is not None
    made = await engine.fetch_value(plan.whole.text, plan.whole.bind(env))
    if made == LANE_LOST:
        raise LaneLostError
    if not made:
        raise GuardError(await _failed_guard(database, plan, env))


async def send_in(tx: Transaction, plan: CreatePlan, env: Env) -> None:
    """The same as a part of a transaction, whose audit lines come by themselves; GuardError: nothing was written."""
    if plan.whole is not None:
        if not await tx.fetch_value(plan.whole.text, plan.whole.bind(env)):
            raise GuardError(await _failed_guard(tx, plan, env))
        return
    for ref, sql in plan.guards:
        if not await tx.fetch(sql.text, sql.bind(env)):
            raise GuardError(ref)
    for sql in plan.inserts:
        await tx.execute(sql.text, sql.bind(env))


async def _failed_guard(source: Database | Transaction, plan: CreatePlan, env: Env) -> Ref:
    for ref, sql in plan.guards:
        if not await source.fetch(sql.text, sql.bind(env)):
            return ref
    return plan.guards[0][0]


def _run(
    connection: sqlite3.Connection, guards: list[tuple[Ref, str, list[Any]]], lane: list[Any], inserts: list[Any]
) -> None:
    for ref, sql, args in guards:
        if connection.execute(sql, args).fetchone() is None:
            raise GuardError(ref)
    # Not RETURNING: SQLite takes twice as long for an UPDATE that answers.
    if lane and not any(connection.execute(*move).rowcount for move in lane):
        raise LaneLostError
    for sql, args in inserts:
        connection.execute(sql, args)
