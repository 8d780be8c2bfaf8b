"""A town with halls: one host for all tests of a file, each on empty tables and a clock set back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.booking.halls import START, Town, halls
from tests.conftest import empty_place

_WIPED = ("tb_booking", "tb_slot", "tb_outbox", "tb_idempotency", "tb_message", "tb_delivery")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("sqlite")
    async with empty_place("sqlite", folder) as place, halls(place, folder) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def either_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """On both databases: where SQL or locks differ."""
    folder = tmp_path_factory.mktemp(request.param)
    async with empty_place(request.param, folder) as place, halls(place, folder) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def town(house: Town) -> Town:
    return await _emptied(house)


@pytest_asyncio.fixture(loop_scope="module")
async def either_town(either_house: Town) -> Town:
    return await _emptied(either_house)


async def _emptied(town: Town) -> Town:
    async with town.host.database.transaction() as tx:
        for table in _WIPED:
            await tx.execute(f"DELETE FROM {table}")
    town.clock[0] = START
    return town
