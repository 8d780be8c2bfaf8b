import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from tongban_sdk import UnavailableError

from core.api import changes
from core.api.changes import ChangeEvent, ChangeFeed, Interest
from core.write.events import Written


def written(entity: str = "community.notice", id: str = "1", **more: Any) -> Written:
    return Written(**{"entity": entity, "id": id, "version": 1, "action": "create", "row": {}, **more})


async def everything(_: ChangeEvent) -> bool:
    return True


async def take(stream: AsyncIterator[ChangeEvent], count: int) -> list[str]:
    return [(await asyncio.wait_for(anext(stream), 2)).id for _ in range(count)]


async def started(feed: ChangeFeed, interest: Interest, sees: Any = everything) -> tuple[Any, asyncio.Task[Any]]:
    """A subscription that already waits for its first event."""
    stream = feed.subscribe(interest, sees)
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    return stream, task


async def test_interest_and_rights_filter_events() -> None:
    feed = ChangeFeed()

    async def only_odd(event: ChangeEvent) -> bool:
        return int(event.id) % 2 == 1

    stream, first = await started(feed, Interest("community", "notice"), only_odd)
    feed.on_commit([written(id=str(n)) for n in range(4)])
    feed.on_commit([written("community.house", "5"), written("core.notice", "7"), written(id="9")])
    assert (await first) == ChangeEvent("community", "notice", "1", "create", 1)
    assert await take(stream, 2) == ["3", "9"]
    await stream.aclose()
    assert not feed._queues


async def test_a_replayed_write_is_no_change() -> None:
    feed = ChangeFeed()
    _, first = await started(feed, Interest())
    feed.on_commit([written(id="1", replayed=True), written(id="2")])
    assert (await first).id == "2"


async def test_a_slow_subscriber_is_told_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LAG_MAX", 3)
    feed = ChangeFeed()
    stream, first = await started(feed, Interest())
    feed.on_commit([written(id=str(n)) for n in range(10)])
    assert not feed._queues
    assert [(await first).id, *await take(stream, 2)] == ["0", "1", "2"]
    with pytest.raises(UnavailableError):
        await anext(stream)


async def test_other_processes_are_heard_once() -> None:
    url = os.environ.get("TONGBAN_TEST_REDIS_URL")
    if not url:
        pytest.skip("Redis not configured")
    clients = [Redis.from_url(url), Redis.from_url(url)]
    here, there = (ChangeFeed(client) for client in clients)
    async with here.listening(), there.listening():
        await asyncio.sleep(0.2)
        near, first = await started(here, Interest())
        far, other = await started(there, Interest())
        here.on_commit([written(id="1")])
        here.on_commit([written(id="2")])
        assert [(await first).id, *await take(near, 1)] == ["1", "2"]
        assert [(await asyncio.wait_for(other, 2)).id, *await take(far, 1)] == ["1", "2"]
    for client in clients:
        await client.aclose()
