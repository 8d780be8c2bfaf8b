"""Where a run happens: a folder and a database of its own, both gone afterwards."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
from tongban_sdk import Actor

from core.identity.keys import KeyRing
from core.identity.tokens import Tokens
from core.manifest import read_world
from core.store.tables import table_of
from tests.bench import data, rows
from tests.bench.process import ROOT

MANIFESTS = Path(__file__).with_name("manifests")
STAFF = Actor(
    id="0190f000-0000-7000-8000-000000000001",
    kind="staff",
    roles=frozenset({"bench_staff"}),
    division=data.STAFF_COUNTY,
)
ADMIN = Actor(
    id="0190f000-0000-7000-8000-000000000002", kind="staff", roles=frozenset({"bench_admin"}), division="640000000000"
)


@dataclass(frozen=True, slots=True)
class Place:
    """One database, migrated by the product itself."""

    kind: str
    url: str
    schema: str | None
    folder: Path
    manifests: tuple[Path, ...] = (MANIFESTS,)

    @property
    def env(self) -> dict[str, str]:
        """What the product's commands read."""
        return {
            # asyncpg takes what it does not know in an address as a setting of the session.
            "TONGBAN_DATABASE_URL": f"{self.url}?search_path={self.schema}" if self.schema else self.url,
            "TONGBAN_DATA_DIR": str(self.folder),
            "TONGBAN_MANIFESTS": ":".join(map(str, self.manifests)),
            "TONGBAN_SECRETS_DIR": str(self.secrets),
            "TONGBAN_REDIS_URL": "",
            "TONGBAN_PROFILE": "audit",
        }

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    def token(self, actor: Actor) -> str:
        return Tokens(KeyRing(self.secrets)).mint(actor)

    def command(self, *words: str) -> str:
        """Run a command of the product to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "server.py", *words],
            cwd=ROOT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"server.py {' '.join(words)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return done.stdout

    def fill(self, size: data.Size) -> None:
        """Load the seeded rows of the bench."""
        world, _ = read_world([*sorted((ROOT / "manifests").iterdir()), *sorted(MANIFESTS.iterdir())])
        tables = {name: table_of(world.entities[name]) for name in ("bench.person", "bench.event")}
        fills = [(tables["bench.person"], data.people(size)), (tables["bench.event"], data.events(size))]
        asyncio.run(rows.fill(self.url, self.schema, fills))

    def forget_events(self) -> None:
        """Empty the outbox: the worker inside ours would hand on what the others wrote, in its own round."""
        sql = "DELETE FROM tb_outbox"
        if self.kind == "postgres":
            asyncio.run(_execute(self.url, sql, self.schema))
        else:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30)) as connection, connection:
                connection.execute(sql)


@contextmanager
def sqlite_place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="tongban-bench-") as folder:
        yield Place("sqlite", f"sqlite:///{folder}/bench.sqlite3", None, Path(folder))


@contextmanager
def postgres_place(url: str) -> Iterator[Place]:
    schema = f"tb_bench_{uuid4().hex[:8]}"
    asyncio.run(_execute(url, f"CREATE SCHEMA {schema}"))
    try:
        with tempfile.TemporaryDirectory(prefix="tongban-bench-") as folder:
            yield Place("postgres", url, schema, Path(folder))
    finally:
        asyncio.run(_execute(url, f"DROP SCHEMA {schema} CASCADE"))


async def _execute(url: str, sql: str, schema: str | None = None) -> None:
    connection = await asyncpg.connect(url, server_settings={"search_path": schema or "public"})
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def places(url: str | None, only: str | None) -> list[Callable[[], AbstractContextManager[Place]]]:
    """SQLite always, Postgres when there is one."""
    found: dict[str, Callable[[], AbstractContextManager[Place]]] = {"sqlite": sqlite_place}
    if url:
        found["postgres"] = lambda: postgres_place(url)
    return [make for name, make in found.items() if only in (None, name)]
