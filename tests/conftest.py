"""Databases for tests: a real SQLite file each, and a throw-away Postgres schema each where Postgres is configured."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import hypothesis
import pytest

from core.store.database import Database

# Time is measured by the bench. With CI set, hypothesis takes its own profile: the same examples in every run.
if not os.environ.get("CI"):
    hypothesis.settings.register_profile("here", deadline=None)
    hypothesis.settings.load_profile("here")

POSTGRES_URL = os.environ.get("TONGBAN_TEST_DATABASE_URL", "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not proved, and which setting would prove it."""
    skipped = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres" and not POSTGRES_URL:
        pytest.skip("no TONGBAN_TEST_DATABASE_URL")
    return str(request.param)


@pytest.fixture
async def database_place(backend: str, tmp_path: Path) -> AsyncIterator[tuple[str, str | None]]:
    """URL and schema of an empty database; several may be opened on it."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.sqlite3'}", None
        return
    schema = f"t_{uuid4().hex[:12]}"
    yield POSTGRES_URL, schema
    connection = await asyncpg.connect(POSTGRES_URL)
    try:
        await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
    finally:
        await connection.close()


@pytest.fixture
async def database(database_place: tuple[str, str | None]) -> AsyncIterator[Database]:
    """An open, empty database."""
    url, schema = database_place
    opened = await Database.open(url, pool_max=5, schema=schema)
    try:
        yield opened
    finally:
        await opened.close()
