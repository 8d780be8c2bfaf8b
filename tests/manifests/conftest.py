"""One demo county per module and backend: its tests only read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.store.database import Database
from tests.conftest import empty_place
from tests.manifests.county import County, load_county


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def county(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[County]:
    async with empty_place(request.param, tmp_path_factory.mktemp("county")) as (url, schema):
        database = await Database.open(url, pool_max=2, schema=schema)
        try:
            yield await load_county(database)
        finally:
            await database.close()
