"""What one request knows while it is answered: the GraphQL context of every resolver."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tongban_sdk.actor import Actor

if TYPE_CHECKING:
    from core.store.database import Database


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Fixed for the whole request: a toggle or a clock tick in the middle changes nothing of it."""

    #: core.plugins.Generation: world, access, reader, writer, schema.
    generation: Any
    actor: Actor
    database: Database
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    #: core.host.Host, for the core's own fields.
    host: Any = None
