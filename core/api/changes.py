"""The change feed: which row changed, told to whoever may read it. Ids only; clients read the rest themselves."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import structlog
from redis.exceptions import RedisError
from tongban_sdk import UnavailableError

from core.write.events import Written

log = structlog.get_logger("tongban.changes")

CHANNEL = "tongban:changes"
#: Events a slow subscriber may lag behind before his subscription ends and he must read afresh.
LAG_MAX = 1_000
RETRY_S = 1.0


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
    """Takes commits of this process, and of others through Redis; gives each subscriber his own bounded queue."""

    def __init__(self, redis: Any = None) -> None:
        self._redis = redis
        self._node = uuid.uuid4().hex
        self._queues: dict[asyncio.Queue[ChangeEvent | None], Interest] = {}
        self._sending: set[asyncio.Task[None]] = set()

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
        self._queues[queue] = interest
        try:
            while (event := await queue.get()) is not None:
                if await sees(event):
                    yield event
            raise UnavailableError("变更过多，请重新读取后再订阅")
        finally:
            self._queues.pop(queue, None)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear other processes while inside; without Redis there are none."""
        task = asyncio.create_task(self._listen()) if self._redis is not None else None
        try:
            yield
        finally:
            for running in (task, *self._sending):
                if running is not None:
                    running.cancel()
                    with suppress(asyncio.CancelledError):
                        await running

    def _deliver(self, events: Sequence[ChangeEvent]) -> None:
        for queue, interest in list(self._queues.items()):
            for event in filter(interest.covers, events):
                if queue.qsize() >= LAG_MAX:
                    self._queues.pop(queue, None)
                    queue.put_nowait(None)
                    break
                queue.put_nowait(event)

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
