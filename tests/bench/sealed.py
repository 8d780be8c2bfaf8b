"""What sealing costs: creates with one plain, one sealed, one sealed and keyed field, in turns, on one machine.

`python -m tests.bench.sealed [rounds]`; with TONGBAN_TEST_DATABASE_URL on Postgres, too. Figures are CPU time of this
process per create through the write pipeline (row, history, event), without HTTP; the median of rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import uvloop
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.crypto import Vault
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer
from tests.worlds import entity, plugin, rule

CLERK = Actor(id="c1", kind="staff", roles=frozenset({"clerk"}), division="640522100000")
TEXT = "发热三天，服药后好转，建议复查"
KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"level": "L3"}, "sealed": {"level": "L4"}, "keyed": {"level": "L4", "keyed": True, "index": True},
}  # fmt: skip
EACH = 100


def _entity(name: str) -> Entity:
    return entity("clinic", name, {"state": {"type": "string"}, "note": {"type": "text", **KINDS[name]}})


def _world() -> World:
    entities = [_entity(name) for name in KINDS]
    return World({"clinic": plugin("clinic", entities, [rule("clerk", e, "create read") for e in entities], ["clerk"])})


@asynccontextmanager
async def _databases() -> AsyncIterator[dict[str, Database]]:
    url, schema = os.environ.get("TONGBAN_TEST_DATABASE_URL", ""), f"bench_{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        found = {"sqlite": await Database.open(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")}
        if url:
            found["postgres"] = await Database.open(url, schema=schema)
        try:
            yield found
        finally:
            for database in found.values():
                await database.close()
            if url:
                connection = await asyncpg.connect(url)
                await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
                await connection.close()


async def _race(database: Database, profile: str, rounds: int) -> dict[str, float]:
    """CPU microseconds of one create, by kind."""
    world = _world()
    await migrate(database, tables_of(world))
    writer = Writer(database, world, AccessModel(world), vault=await Vault.of(database, bytes(32), profile))
    taken: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(rounds):
        for name in KINDS:
            target = world.entities[f"clinic.{name}"]
            started = time.process_time()
            for _ in range(EACH):
                await writer.create(CLERK, target, {"state": "open", "note": TEXT})
            taken[name].append((time.process_time() - started) / EACH * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


async def _main(rounds: int) -> None:
    async with _databases() as databases:
        for name, database in databases.items():
            for profile in ("sm", "aes"):
                medians = await _race(database, profile, rounds)
                told = "  ".join(
                    f"{kind} {value:.0f} µs ({medians['plain'] / value:.2f})" for kind, value in medians.items()
                )
                print(f"{name:9} {profile:4} {told}")


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
