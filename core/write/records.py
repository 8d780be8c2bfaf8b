"""The rows that stand beside a changed row: history, event, idempotency."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from tongban_sdk.actor import Actor
from tongban_sdk.changes import ChangeAction

from core.manifest.model import Entity
from core.store.ids import uuid7
from core.write.events import TOPICS
from core.write.values import to_json


def history_row(
    entity: Entity,
    id: str,
    version: int,
    action: ChangeAction,
    actor: Actor,
    now: datetime,
    why: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "entity": entity.key,
        "row_id": id,
        "version": version,
        "action": action,
        "actor": actor.id,
        "at": now,
        "why": why,
        "before": json_row(before),
        "after": json_row(after),
    }


def outbox_row(entity: Entity, id: str, version: int, action: ChangeAction, now: datetime) -> dict[str, Any]:
    """Ids only: events travel further than rights do."""
    return {
        "id": uuid7(),
        "topic": TOPICS[action],
        "entity": entity.key,
        "row_id": id,
        "version": version,
        "at": now,
    }


def idempotency_row(actor: Actor, key: str, entity: Entity, given: Mapping[str, Any]) -> dict[str, Any]:
    """`input` tells a repetition from another request under the same key."""
    asked = orjson.dumps([entity.key, json_row(given)], option=orjson.OPT_SORT_KEYS)
    return {
        "id": hashlib.sha256(f"{actor.id}\0{key}".encode()).hexdigest(),
        "input": hashlib.sha256(asked).hexdigest(),
    }


def json_row(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: to_json(value) for name, value in row.items()}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as they were and as they are."""
    names = [name for name in after if name in before and before[name] != after[name]]
    return {n: before[n] for n in names}, {n: after[n] for n in names}
