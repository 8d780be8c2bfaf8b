"""The limit of a create: entity, history, outbox and idempotency in one hand-written statement (four on SQLite)."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from tongban_sdk import Actor

from core.store.dialect import datetime_text

#: $1 id · $2 division · $3 actor · $4 now · $5… the input · $12, $13 ids of history and outbox · $14, $15 input as
#: JSON and its hash · $16 hash of actor and key.
_EVENT = """INSERT INTO bench_event (id, division, created_at, created_by, updated_at, updated_by, version,
    title, category, state, amount, happened_at, score, urgent)
    VALUES ($1, $2, $4, $3, $4, $3, 1, $5, $6, $7, $8, $9, $10, $11)"""
_HISTORY = """INSERT INTO tb_history (id, entity, row_id, version, action, actor, at, why, "after")
    VALUES ($12, 'bench.event', $1, 1, 'create', $3, $4, '', $14)"""
_OUTBOX = """INSERT INTO tb_outbox (id, topic, entity, row_id, version, at)
    VALUES ($13, 'entity.created', 'bench.event', $1, 1, $4)"""
_IDEMPOTENCY = "INSERT INTO tb_idempotency (id, input, row_id, at) VALUES ($16, $15, $1, $4)"

POSTGRES = f"""WITH h AS ({_HISTORY}), o AS ({_OUTBOX}), i AS ({_IDEMPOTENCY}) {_EVENT}
    RETURNING '{{"data":{{"createBenchEvent":' || json_build_object('id', id, 'title', title, 'state', state,
    'amount', amount::text, 'version', version)::text || '}}}}'"""


def _uuid7(now_ms: int) -> UUID:
    bits = int.from_bytes(os.urandom(10), "big")
    return UUID(int=now_ms << 80 | 7 << 76 | (bits >> 64 & 0xFFF) << 64 | 2 << 62 | bits & (1 << 62) - 1)


def values(variables: Mapping[str, Any], actor: Actor) -> list[Any]:
    """Parameters of the statement, in the types of Postgres; refuses a division that is not the caller's."""
    new = variables["input"]
    if new["division"][:6] != (actor.division or "")[:6]:
        raise PermissionError(new["division"])
    now_ms = time.time_ns() // 1_000_000
    text = orjson.dumps(new)
    digest = hashlib.sha256(text).hexdigest()
    key = hashlib.sha256(f"{actor.id}:{variables['key']}".encode()).hexdigest()
    return [
        _uuid7(now_ms), new["division"], actor.id, datetime.fromtimestamp(now_ms / 1000, UTC), new["title"],
        new["category"], new["state"], Decimal(new["amount"]), datetime.fromisoformat(new["happenedAt"]), new["score"],
        new["urgent"], _uuid7(now_ms), _uuid7(now_ms), text.decode(), digest, key,
    ]  # fmt: skip


def sqlite(connection: sqlite3.Connection, variables: Mapping[str, Any], actor: Actor) -> bytes:
    """One transaction of four statements; the answer is made of what was written."""
    native = values(variables, actor)
    bound = [_sqlite_value(value) for value in native]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, used in _SQLITE:
            connection.execute(sql, [bound[number] for number in used])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    made = {"id": bound[0], "title": native[4], "state": native[6], "amount": f"{native[7]:.2f}", "version": 1}
    return orjson.dumps({"data": {"createBenchEvent": made}})


def _sqlite_value(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case datetime():
            return datetime_text(value)
        case Decimal():
            return int(value * 100)
        case _:
            return value


def _numbered(sql: str) -> tuple[str, list[int]]:
    """A statement with its own numbers from 1, and which of the sixteen values it takes."""
    used = [number for number in range(1, 17) if f"${number}," in sql or f"${number})" in sql]
    for number in reversed(used):
        sql = sql.replace(f"${number},", f"?{used.index(number) + 1},").replace(
            f"${number})", f"?{used.index(number) + 1})"
        )
    return sql, [number - 1 for number in used]


_SQLITE = [_numbered(sql) for sql in (_EVENT, _HISTORY, _OUTBOX, _IDEMPOTENCY)]
