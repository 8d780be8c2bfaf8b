"""Places for databases that are ready to use: made once for the session, then copied for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from core.clock.seed import seed
from core.manifest.reader import read_world
from core.privacy import DataCatalogue
from core.settings import ROOT
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate
from core.store.reference import load_reference
from core.store.tables import tables_of
from tests.restoring import SCHEMA, Original, keep, restore

T = TypeVar("T")
#: URL and schema.
Place = tuple[str, str | None]


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a loop of its own, whether or not this thread has one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def prepare(url: str, schema: str | None) -> None:
    """What a host with no application but the foundation finds when it comes back: no keys, no people."""
    world, problems = read_world([ROOT / "manifests" / "core"])
    assert problems == []
    database = await Database.open(url, schema=schema, statement_timeout_s=60)
    try:
        await migrate(database, ENGINE_TABLES)
        await seed(database)
        await migrate(database, tables_of(world))
        await DataCatalogue(database).refresh(world)
        await load_reference(database, world)
    finally:
        await database.close()


class Prepared:
    """The originals of one process, made when first asked for."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="tongban-prepared-")
        self._file = Path(self._folder.name) / "original.sqlite3"
        self._url, self._name = "", f"tongban_test_{uuid4().hex[:12]}"
        self._original = Original()
        self._made: list[str] = []
        self._free: list[str] = []

    @contextmanager
    def place(self, url: str, folder: Path) -> Iterator[Place]:
        """For one test: a file in `folder`, or with the `url` of a Postgres a database beside that one."""
        if not url:
            yield f"sqlite:///{self.copy(folder / 'test.sqlite3')}", None
            return
        name = self._free.pop() if self._free else self._another(url)
        try:
            yield beside(url, name), SCHEMA
        finally:
            if wait_for(restore(beside(url, name), self._original)):
                self._free.append(name)

    def copy(self, to: Path) -> Path:
        """A SQLite file where there is none yet."""
        if not to.exists():
            if not self._file.exists():
                half = self._file.with_name(f"half-{uuid4().hex}")
                wait_for(prepare(f"sqlite:///{half}", None))
                half.rename(self._file)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._file, to)
        return to

    def _another(self, url: str) -> str:
        if not self._original.tables:
            self._url = url
            wait_for(execute(url, f"DROP DATABASE IF EXISTS {self._name}"))
            wait_for(execute(url, f"CREATE DATABASE {self._name}"))
            wait_for(prepare(beside(url, self._name), SCHEMA))
            self._original = wait_for(keep(beside(url, self._name)))
        self._made.append(f"{self._name}_{len(self._made)}")
        wait_for(execute(url, f"CREATE DATABASE {self._made[-1]} TEMPLATE {self._name}"))
        return self._made[-1]

    def close(self) -> None:
        self._folder.cleanup()
        # Only now: each waits until Postgres has written all that anybody has changed.
        for name in [*self._made, self._name] if self._url else ():
            wait_for(execute(self._url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


PREPARED = Prepared()


def beside(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()
