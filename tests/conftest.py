"""Databases for tests: a real SQLite file each, and a throw-away Postgres schema each where Postgres is configured."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from core.manifest.reader import Reading, read_plugins
from core.plugins import catalogue
from core.settings import ROOT
from core.store.database import Database
from tests.places import PREPARED, Prepared
from tests.places import execute as execute

# Time is measured by the bench. With CI set, hypothesis takes its own profile: the same examples in every run.
if not os.environ.get("CI"):
    hypothesis.settings.register_profile("here", deadline=None)
    hypothesis.settings.load_profile("here")

POSTGRES, REDIS = "TONGBAN_TEST_DATABASE_URL", "TONGBAN_TEST_REDIS_URL"


def needed(what: str) -> str:
    """A server's address from the environment, or a program of this machine; the one place where a test is skipped."""
    found = os.environ.get(what) or shutil.which(what)
    if not found:
        pytest.skip(f"no {what}")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not proved, and which setting would prove it."""
    skipped = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in skipped.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def empty_place(backend: str, folder: Path) -> AsyncIterator[tuple[str, str | None]]:
    """URL and schema of an empty database, which is gone afterwards."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'test.sqlite3'}", None
        return
    url, schema = needed(POSTGRES), f"t_{uuid4().hex[:12]}"
    try:
        yield url, schema
    finally:
        await execute(url, f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture(scope="session", autouse=True)
def prepared() -> Iterator[Prepared]:
    yield PREPARED
    PREPARED.close()


@cache
def shipped() -> Reading:
    return read_plugins(sorted(folder for folder in (ROOT / "manifests").iterdir() if folder.is_dir()))


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """Hosts take what nobody has changed of the shipped manifests from one reading, as a host does from its last."""

    def read(folders: Sequence[Path], known: Reading | None = None) -> Reading:
        return read_plugins(folders, known or shipped())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "read_plugins", read)
        yield


@pytest.fixture
def begins_prepared() -> bool:
    """Folders whose tests open whole hosts say True: then the tables of the engine and of manifests/core are there with
    their reference rows, and no test waits for them to be made."""
    return False


@pytest.fixture
async def database_place(
    backend: str, tmp_path: Path, begins_prepared: bool, prepared: Prepared
) -> AsyncIterator[tuple[str, str | None]]:
    """URL and schema of a database that is empty or prepared; several may be opened on it."""
    if begins_prepared:
        with prepared.place(needed(POSTGRES) if backend == "postgres" else "", tmp_path) as place:
            yield place
    else:
        async with empty_place(backend, tmp_path) as place:
            yield place


@pytest.fixture
async def database(database_place: tuple[str, str | None]) -> AsyncIterator[Database]:
    """An open database at that place."""
    url, schema = database_place
    opened = await Database.open(url, pool_max=5, schema=schema)
    try:
        yield opened
    finally:
        await opened.close()
