"""What the engine needs of the host: the generation that stands, and the doors of the rooms below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.audit import Audit
from core.cases.definitions import Definitions
from core.clock import Calendars
from core.crypto import Vault
from core.manifest.model import Entity
from core.store.database import Database, Transaction
from core.store.postgres import PostgresEngine
from core.write.live import Live, check_runs

if TYPE_CHECKING:
    from core.cases.effects import Effects
    from core.cases.timers import Timers


@dataclass(frozen=True)
class Engine:
    """One per process; what every module here works with."""

    database: Database
    vault: Vault
    audit: Audit
    #: The generation that stands now; taken once per request.
    live: Callable[[], Live]
    calendars: Calendars
    definitions: Definitions
    effects: Effects
    timers: Timers
    _room: asyncio.Semaphore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_room", asyncio.Semaphore(at_once(self.database)))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._room, self.database.transaction() as tx:
            yield tx


def at_once(database: Database) -> int:
    """Steps under way in one process. Each holds a connection and may ask for another: some must be left."""
    engine = database.engine
    return max(1, engine.pool.max_size // 2) if isinstance(engine, PostgresEngine) else 64


def entity_of(live: Live, key: str, division: str) -> Entity:
    """The entity of a case; UnavailableError while its plugin is switched off, or is where the case lies."""
    check_runs(live, key.partition(".")[0], division)
    return live.world.entities[key]
