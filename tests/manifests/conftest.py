"""One demo county per module and backend: its tests only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from core.store.database import Database
from tests.conftest import POSTGRES_URL
from tests.manifests.county import County, load_county


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def county(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[County]:
    is_postgres, schema = request.param == "postgres", f"t_{uuid4().hex[:12]}"
    if is_postgres and not POSTGRES_URL:
        pytest.skip("no TONGBAN_TEST_DATABASE_URL")
    url = POSTGRES_URL if is_postgres else f"sqlite:///{tmp_path_factory.mktemp('county') / 'county.sqlite3'}"
    database = await Database.open(url, pool_max=2, schema=schema if is_postgres else None)
    try:
        yield await load_county(database)
    finally:
        await database.close()
        if is_postgres:
            connection = await asyncpg.connect(url)
            await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
            await connection.close()
