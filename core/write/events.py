"""What a write leaves behind for others: its result, and ids for whoever listens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tongban_sdk.changes import Change, ChangeAction

TOPICS: Mapping[ChangeAction, str] = {
    "create": "entity.created",
    "update": "entity.updated",
    "delete": "entity.deleted",
}
#: Topic → what happened to the row.
ACTIONS: Mapping[str, ChangeAction] = {topic: action for action, topic in TOPICS.items()}


@dataclass(frozen=True, slots=True)
class Written:
    """One committed change."""

    entity: str
    id: str
    version: int
    action: ChangeAction
    #: Canonical values by field name, as they are in the database now; empty when `replayed`.
    row: Mapping[str, Any]
    #: True when the same idempotency key had been used before: nothing was written now.
    replayed: bool = False


#: Asked before anything is written; raises RequestError to refuse.
Check = Callable[[Change], Awaitable[None]]
#: Told after the commit. Must not block and must not raise: it is a nudge, the outbox is the truth.
OnCommit = Callable[[Sequence[Written]], None]
