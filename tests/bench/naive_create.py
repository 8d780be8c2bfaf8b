"""The naive create: the same four rows, one model after the other in one transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tongban_sdk import Actor
from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from tests.bench.naive_models import Event, Instant


class History(Model):
    id = fields.UUIDField(primary_key=True)
    entity = fields.TextField()
    row_id = fields.UUIDField()
    version = fields.IntField()
    action = fields.TextField()
    actor = fields.TextField()
    at = Instant()
    why = fields.TextField()
    after: fields.Field[Any] = fields.JSONField()

    class Meta:
        table = "tb_history"


class Outbox(Model):
    id = fields.UUIDField(primary_key=True)
    topic = fields.TextField()
    entity = fields.TextField()
    row_id = fields.UUIDField()
    version = fields.IntField()
    at = Instant()

    class Meta:
        table = "tb_outbox"


class Idempotency(Model):
    id = fields.CharField(64, primary_key=True)
    input = fields.TextField()
    row_id = fields.UUIDField()
    at = Instant()

    class Meta:
        table = "tb_idempotency"


async def create(actor: Actor, new: Any, key: str) -> Event:
    """Create an event once per key; a second call with the key finds the first one's row."""
    if new.division[:6] != (actor.division or "")[:6]:
        raise PermissionError(new.division)
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "division": new.division,
        "title": new.title,
        "category": new.category.value,
        "state": new.state.value,
        "amount": Decimal(new.amount) if new.amount is not None else None,
        "happened_at": new.happened_at,
        "score": new.score,
        "urgent": new.urgent,
    }
    text = json.dumps(values, default=str)
    digest = hashlib.sha256(f"{actor.id}:{key}".encode()).hexdigest()
    event_id = uuid.uuid4()
    try:
        async with in_transaction():
            # First: on SQLite a transaction that reads before it writes fails as soon as somebody else writes.
            await Idempotency.create(
                id=digest, input=hashlib.sha256(text.encode()).hexdigest(), row_id=event_id, at=now
            )
            stamps: dict[str, Any] = {
                "created_at": now,
                "created_by": actor.id,
                "updated_at": now,
                "updated_by": actor.id,
            }
            event = await Event.create(id=event_id, version=1, **values, **stamps)
            about: dict[str, Any] = {"entity": "bench.event", "row_id": event_id, "version": 1, "at": now}
            after = json.loads(text)
            await History.create(id=uuid.uuid4(), action="create", actor=actor.id, why="", after=after, **about)
            await Outbox.create(id=uuid.uuid4(), topic="entity.created", **about)
    except IntegrityError:
        known = await Idempotency.get(id=digest)
        return await Event.get(id=known.row_id)
    return event
