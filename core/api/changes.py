"""The change feed: which row changed, told to whoever may read it. Ids only; clients read the rest themselves."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog
from redis.exceptions import RedisError
from tongban_sdk import UnavailableError

from core.fields.times import utc_now
from core.jobs.outbox import Event, recent
from core.store.database import Database
from core.write.events import ACTIONS, Written

log = structlog.get_logger("tongban.changes")

CHANNEL = "tongban:changes"
#: Events a slow subscriber may lag behind before his subscription ends and he must read afresh.
LAG_MAX = 1_000
RETRY_S = 1.0
#: How often changes of other processes are looked up while somebody subscribes. Redis only makes it faster.
POLL_S = 1.0
#: Each look goes back this far behind the last: commits and the clocks of nodes are not in step.
OVERLAP = timedelta(seconds=5)
#: More changes than this in one look are not told one by one: every subscriber must read afresh.
BURST_MAX = 20_000
#: Changes remembered as told; larger than any look.
TOLD_MAX = 50_000


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One committed change."""

    plugin: str
    entity: str
    id: str
    action: str
    version: int

    @property
    def key(self) -> str:
        return f"{self.plugin}.{self.entity}"


def event_of(written: Written) -> ChangeEvent:
    plugin, _, entity = written.entity.partition(".")
    return ChangeEvent(plugin, entity, written.id, written.action, written.version)


def event_of_others(event: Event) -> ChangeEvent:
    plugin, _, entity = event.entity.partition(".")
    return ChangeEvent(plugin, entity, event.row_id, ACTIONS[event.topic], event.version)


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscriber wants to hear of; empty = any."""

    plugin: str = ""
    entity: str = ""
    id: str = ""

    def covers(self, event: ChangeEvent) -> bool:
        return all(
            not wanted or wanted == found
            for wanted, found in ((self.plugin, event.plugin), (self.entity, event.entity), (self.id, event.id))
        )


class ChangeFeed:
    """Takes commits of this process, and of others by database and Redis; each subscriber has his own queue."""

    def __init__(self, redis: Any = None) -> None:
        self._redis = redis
        self._node = uuid.uuid4().hex
        self._queues: dict[asyncio.Queue[ChangeEvent | None], Interest] = {}
        self._sending: set[asyncio.Task[None]] = set()
        #: The last changes told, oldest first: one change arrives by several ways.
        self._told: dict[ChangeEvent, None] = {}
        self._wanted = asyncio.Event()
        #: When the first of the present subscribers came, and up to when the database was read.
        self._started_at = self._read_at = datetime.min.replace(tzinfo=UTC)

    def on_commit(self, changes: Sequence[Written]) -> None:
        """Called by the writer after each commit; never blocks and never raises."""
        events = [event_of(written) for written in changes if not written.replayed]
        self._deliver(events)
        if self._redis is not None and events:
            task = asyncio.get_running_loop().create_task(self._publish(events))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def subscribe(
        self, interest: Interest, sees: Callable[[ChangeEvent], Awaitable[bool]]
    ) -> AsyncIterator[ChangeEvent]:
        """Events of interest that `sees` lets through, until the reader leaves or falls too far behind."""
        queue: asyncio.Queue[ChangeEvent | None] = asyncio.Queue(LAG_MAX + 1)
        self._add(queue, interest)
        try:
            while (event := await queue.get()) is not None:
                if await sees(event):
                    yield event
            raise UnavailableError("变更过多，请重新读取后再订阅")
        finally:
            self._drop(queue)

    @asynccontextmanager
    async def listening(self, database: Database | None = None) -> AsyncIterator[None]:
        """Hear other processes while inside: those on the same database, sooner when Redis carries the word."""
        tasks = [asyncio.create_task(self._listen())] if self._redis is not None else []
        if database is not None:
            tasks.append(asyncio.create_task(self._poll(database)))
        try:
            yield
        finally:
            for running in (*tasks, *self._sending):
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

    def _add(self, queue: asyncio.Queue[ChangeEvent | None], interest: Interest) -> None:
        if not self._queues:
            self._started_at = self._read_at = utc_now()
        self._queues[queue] = interest
        self._wanted.set()

    def _drop(self, queue: asyncio.Queue[ChangeEvent | None]) -> None:
        self._queues.pop(queue, None)
        if not self._queues:
            self._wanted.clear()

    def _deliver(self, events: Sequence[ChangeEvent]) -> None:
        fresh = [event for event in events if event not in self._told]
        self._told.update(dict.fromkeys(fresh))
        while len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        for queue, interest in list(self._queues.items()):
            for event in filter(interest.covers, fresh):
                if queue.qsize() >= LAG_MAX:
                    self._end(queue)
                    break
                queue.put_nowait(event)

    def _end(self, queue: asyncio.Queue[ChangeEvent | None]) -> None:
        """Behind what waits in the queue comes the word to read afresh."""
        self._drop(queue)
        queue.put_nowait(None)

    async def _poll(self, database: Database) -> None:
        while True:
            await self._wanted.wait()
            try:
                await self._read(database)
            except Exception as error:
                # Subscribers stay: the next look reaches back to the last one that went well.
                log.warning("changes_from_others_paused", reason=type(error).__name__)
            await asyncio.sleep(POLL_S)

    async def _read(self, database: Database) -> None:
        now, started_at = utc_now(), self._started_at
        rows = await recent(database, self._read_at - OVERLAP, BURST_MAX)
        self._read_at = now
        if len(rows) == BURST_MAX:
            for queue in list(self._queues):
                self._end(queue)
        # Events of cases and of applications are for listeners on the server.
        fresh = (event for handed_at, event in rows if handed_at >= started_at and event.topic in ACTIONS)
        self._deliver([event_of_others(event) for event in fresh])

    async def _publish(self, events: Sequence[ChangeEvent]) -> None:
        try:
            body = orjson.dumps({"node": self._node, "events": [asdict(event) for event in events]})
            await self._redis.publish(CHANNEL, body)
        except (RedisError, OSError):
            log.warning("changes_not_published", count=len(events))

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._receive(message["data"])
            except (RedisError, OSError):
                log.warning("changes_from_others_paused", reason="redis is away")
                await asyncio.sleep(RETRY_S)

    def _receive(self, body: bytes) -> None:
        message = orjson.loads(body)
        if message["node"] != self._node:
            self._deliver([ChangeEvent(**event) for event in message["events"]])
