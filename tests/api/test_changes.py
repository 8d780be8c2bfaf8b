import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from tongban_sdk import UnavailableError

from core.api import changes
from core.api.changes import ChangeEvent, ChangeFeed, Interest
from core.jobs.outbox import Event, drain, recent, record
from core.jobs.queue import JobQueue
from core.store.database import Database, Insert
from core.store.engine import ENGINE_TABLES, OUTBOX
from core.store.ids import uuid7
from core.store.migrate import migrate
from core.write.events import Written
from tests.conftest import REDIS, needed


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
    url = needed(REDIS)
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


@pytest.fixture
async def shared(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database several processes write to, looked at often."""
    monkeypatch.setattr(changes, "POLL_S", 0.05)
    await migrate(database, ENGINE_TABLES)
    return database


def event(id: str, version: int = 1) -> Event:
    return Event(uuid7(), "entity.updated", "community.notice", id, version)


async def tell(database: Database, *events: Event, at: datetime | None = None) -> None:
    async with database.transaction() as transaction:
        await record(transaction, events, at or datetime.now(UTC))


async def test_without_redis_other_processes_are_heard_through_the_database(shared: Database) -> None:
    """What another process wrote: its outbox row, handed on by whichever process works."""
    feed, id, own = ChangeFeed(), uuid7(), uuid7()
    async with feed.listening(shared):
        stream, first = await started(feed, Interest("community", "notice"))
        row = {"id": uuid7(), "topic": "entity.deleted", "entity": "community.notice", "row_id": id, "version": 4}
        await shared.insert([Insert(OUTBOX, {**row, "at": datetime.now(UTC)})])
        assert await drain(shared, JobQueue(shared), lambda event: []) == 1
        assert await asyncio.wait_for(first, 2) == ChangeEvent("community", "notice", id, "delete", 4)
        # Told at once here, and once only though it comes back from the database.
        feed.on_commit([written(id=own)])
        assert await take(stream, 1) == [own]
        last = event(uuid7())
        await tell(shared, Event(uuid7(), "entity.created", "community.notice", own, 1), last)
        assert await take(stream, 1) == [last.row_id]
        await stream.aclose()


async def test_what_happened_before_the_subscription_is_not_told(shared: Database) -> None:
    old, new = event(uuid7()), event(uuid7())
    await tell(shared, old, at=datetime.now(UTC) - timedelta(seconds=1))
    feed = ChangeFeed()
    async with feed.listening(shared):
        stream, first = await started(feed, Interest())
        await tell(shared, new)
        assert (await asyncio.wait_for(first, 2)).id == new.row_id
        await stream.aclose()


async def test_the_database_is_asked_only_while_somebody_subscribes(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def count(*_: Any) -> list[Any]:
        nonlocal looks
        looks += 1
        return []

    monkeypatch.setattr(changes, "recent", count)
    feed = ChangeFeed()
    async with feed.listening(shared):
        await asyncio.sleep(0.2)
        assert looks == 0
        stream, first = await started(feed, Interest())
        await asyncio.sleep(0.2)
        assert looks >= 2
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await stream.aclose()
        await asyncio.sleep(0.1)
        before = looks
        await asyncio.sleep(0.2)
        assert looks == before


async def test_a_flood_ends_subscriptions_and_a_failing_database_does_not(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BURST_MAX", 3)
    answers: list[Any] = [OSError("gone")]

    async def failing(*arguments: Any) -> list[Any]:
        if answers:
            raise answers.pop()
        return await recent(*arguments)

    monkeypatch.setattr(changes, "recent", failing)
    feed = ChangeFeed()
    async with feed.listening(shared):
        stream, first = await started(feed, Interest())
        one = event(uuid7())
        await tell(shared, one)
        assert (await asyncio.wait_for(first, 2)).id == one.row_id
        await tell(shared, event(uuid7()), event(uuid7()))
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(anext(stream), 2)
