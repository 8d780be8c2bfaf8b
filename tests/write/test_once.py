"""One key, one result: whatever comes of a repetition, its answer is what the first request made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError

from core.crypto import Vault
from core.fields.times import utc_now
from core.settings import read_settings
from core.store.database import Database, Insert, Transaction
from core.store.engine import ENGINE_TABLES
from core.store.ids import uuid7
from core.store.migrate import migrate
from core.write.once import Once, once

CLERK = Actor("clerk", "staff")
Desk = Callable[..., asyncio.Future[str]]


@pytest.fixture
async def desk(database_place: tuple[str, str | None], tmp_path: Path) -> AsyncIterator[Desk]:
    """Asks for something under a key; `error` is what stands in the way this time."""
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    await migrate(database, ENGINE_TABLES)
    vault = await Vault.open(database, read_settings({"TONGBAN_DATA_DIR": str(tmp_path)}))

    def ask(key: str | None, asked: str, error: Exception | None = None) -> asyncio.Future[str]:
        made = uuid7()

        async def work(tx: Transaction, beside: Sequence[Insert]) -> str:
            await asyncio.sleep(0)
            if error is not None:
                raise error
            await tx.insert(beside)
            return made

        async def again(id: str) -> str:
            return id

        seen = None if key is None else Once(database, vault, CLERK, key, asked)
        return asyncio.ensure_future(once(seen, database.transaction, work, again, made, utc_now()))

    yield ask
    await database.close()


async def test_every_repetition_has_the_first_result(desk: Desk) -> None:
    first = await desk("k", "a")
    assert await desk("k", "a") == first
    for error in (InvalidInputError("今天不受理"), ZeroDivisionError()):
        assert await desk("k", "a", error) == first
    assert len({first, await desk("other", "a"), await desk(None, "a"), await desk(None, "a")}) == 4


async def test_at_one_moment_there_is_one_first(desk: Desk) -> None:
    assert len(set(await asyncio.gather(*(desk("k", "a") for _ in range(12))))) == 1


async def test_what_failed_was_not_done(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        await desk("k", "a", ZeroDivisionError())
    assert await desk("k", "a") == await desk("k", "a")


async def test_a_key_is_good_for_one_request(desk: Desk) -> None:
    await desk("k", "a")
    with pytest.raises(ConflictError, match="同一个幂等键"):
        await desk("k", "b")
