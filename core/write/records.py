"""The rows that stand beside a changed row: history and event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.changes import ChangeAction

from core.manifest.model import Entity
from core.store.ids import uuid7
from core.store.json_values import to_json
from core.write.events import TOPICS
from core.write.rest import Rest, Unreadable


def history_row(
    rest: Rest,
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
        "entity": rest.entity.key,
        "row_id": rest.row_id,
        "version": version,
        "action": action,
        "actor": actor.id,
        "principal": actor.person if actor.agent else None,
        "at": now,
        "why": why,
        "before": None if before is None else rest.json(before),
        "after": None if after is None else rest.json(after),
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


def json_row(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return (
        None
        if row is None
        else {name: None if isinstance(value, Unreadable) else to_json(value) for name, value in row.items()}
    )


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as they were and as they are."""
    names = [name for name in after if name in before and before[name] != after[name]]
    return {n: before[n] for n in names}, {n: after[n] for n in names}
