"""A writer killed at any moment: every acknowledged row is there with its history and event, and no half of one."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import defaultdict

from core.manifest.model import World
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from tests.write.test_writer import NOTES

WORLD = World({"test": NOTES})
CHILD = """
import asyncio, sys
from core.access import AccessModel
from core.manifest.model import World
from core.store.database import Database
from core.write import Writer
from tests.write.test_writer import CLERK, NOTES
async def main(url, schema, run):
    world = World({"test": NOTES})
    database = await Database.open(url, schema=schema or None)
    writer, note = Writer(database, world, AccessModel(world)), world.entities["test.note"]
    async def work(worker):
        for n in range(100_000):
            title = f"{run}.{worker}.{n}"
            made = await writer.create(CLERK, note, {"title": title}, idempotency_key=title)
            print("c", made.id, flush=True)
            made = await writer.update(CLERK, note, made.id, 1, {"amount": n})
            print("u", made.id, flush=True)
    await asyncio.gather(*(work(w) for w in range(4)))
asyncio.run(main(*sys.argv[1:]))
"""


async def killed_run(url: str, schema: str | None, run: int, after_s: float) -> list[tuple[str, str]]:
    """Acknowledgements of one writer, killed without warning."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, url, schema or "", str(run), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    first = await process.stdout.readline()
    await asyncio.sleep(after_s)
    process.kill()
    lines = (first + await process.stdout.read()).decode().split("\n")[:-1]
    await process.wait()
    return [(line[0], line[2:]) for line in lines]


async def test_kill_at_any_moment(database_place: tuple[str, str | None]) -> None:
    url, schema = database_place
    database = await Database.open(url, schema=schema)
    try:
        await migrate(database, tables_of(WORLD))
        seeded = random.Random(7)
        acknowledged = [
            ack for run in range(5) for ack in await killed_run(url, schema, run, seeded.uniform(0.01, 0.2))
        ]
        assert len(acknowledged) > 50
        # In one statement: the server may still be at what the last process had sent.
        columns = {"test_note": "id, version", "tb_history": "row_id, version", "tb_outbox": "row_id, version"}
        columns["tb_idempotency"] = "row_id, 0"
        parts = [f"SELECT '{table}', {names} FROM {table}" for table, names in columns.items()]
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for table, id, version in map(tuple, await database.fetch(" UNION ALL ".join(parts))):
            found[table].append((str(id), version))
        rows = dict(found["test_note"])
        assert {id for _, id in acknowledged} <= rows.keys()
        assert all(rows[id] == 2 for kind, id in acknowledged if kind == "u")
        for table in ("tb_history", "tb_outbox"):
            assert sorted(found[table]) == sorted((id, v) for id, top in rows.items() for v in range(1, top + 1))
        assert sorted(id for id, _ in found["tb_idempotency"]) == sorted(rows)
    finally:
        await database.close()
