"""Lanes under real writers: many at once, killed at any moment, told nothing about a commit."""

from __future__ import annotations

import asyncio
import random
import sys
from typing import Any

from tongban_sdk.errors import UnavailableError

from core.access import AccessModel
from core.audit.sealer import Sealer
from core.audit.verify import Verifier
from core.audit.witness import Witness
from core.manifest.model import World
from core.store.installation import installation
from core.store.migrate import migrate
from core.store.tables import tables_of
from core.write import Writer
from tests.audit.conftest import Bench
from tests.write.test_writer import CLERK, NOTES

WORLD = World({"test": NOTES})
NOTE = WORLD.entities["test.note"]
CHILD = """
import asyncio, sys
from core.access import AccessModel
from core.audit import Audit
from core.crypto import Vault
from core.settings import read_settings
from core.store.database import Database
from core.write import Writer
from tests.audit.test_writes import CLERK, NOTE, WORLD
async def main(url, schema, folder, run):
    database = await Database.open(url, schema=schema or None)
    settings = read_settings({"TONGBAN_DATA_DIR": folder})
    vault = await Vault.open(database, settings)
    audit = await Audit.open(database, vault, "child", settings)
    audit.sealer.start()
    writer = Writer(database, WORLD, AccessModel(WORLD), vault=vault, audit=audit)
    async def work(worker):
        for n in range(100_000):
            made = await writer.create(CLERK, NOTE, {"title": f"{run}.{worker}.{n}"})
            print("c", made.id, flush=True)
            await writer.update(CLERK, NOTE, made.id, 1, {"amount": n})
            print("u", made.id, flush=True)
    await asyncio.gather(*(work(w) for w in range(4)))
asyncio.run(main(*sys.argv[1:]))
"""


async def writer_of(bench: Bench) -> Writer:
    await migrate(bench.database, tables_of(WORLD))
    return Writer(bench.database, WORLD, AccessModel(WORLD), vault=bench.vault, audit=bench.audit)


async def fault(bench: Bench) -> str:
    witness = Witness.of(bench.settings, await installation(bench.database), bench.vault)
    return (await Verifier(bench.database, bench.vault, witness).verify()).fault


async def test_many_at_once_each_have_a_line_and_share_few_lanes(bench: Bench) -> None:
    writer = await writer_of(bench)
    calls = [writer.create(CLERK, NOTE, {"title": f"t{n % 60}"}) for n in range(100)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    made = [result for result in results if not isinstance(result, BaseException)]
    assert len(made) == 60
    assert sorted(row["row_id"] for row in await bench.rows()) == sorted(one.id for one in made)
    assert await bench.count("tb_audit_lane") <= 16
    assert await fault(bench) == ""


async def test_a_commit_of_unknown_outcome_leaves_neither_gap_nor_alarm(bench: Bench) -> None:
    """The answer of the database gets lost, after the commit and before it."""
    writer = await writer_of(bench)
    await writer.create(CLERK, NOTE, {"title": "first"})
    engine: Any = bench.database.engine
    name = "atomic" if bench.database.dialect.name == "sqlite" else "fetch_value"
    whole = getattr(engine, name)

    async def after(*arguments: Any) -> Any:
        await whole(*arguments)
        raise UnavailableError("gone")

    async def before(*arguments: Any) -> Any:
        raise UnavailableError("gone")

    for title, broken in (("after", after), ("before", before)):
        setattr(engine, name, broken)
        [error] = await asyncio.gather(writer.create(CLERK, NOTE, {"title": title}), return_exceptions=True)
        setattr(engine, name, whole)
        assert isinstance(error, UnavailableError)
        await writer.create(CLERK, NOTE, {"title": f"{title} that"})
    titles = {str(row[0]): row[1] for row in await bench.database.fetch("SELECT id, title FROM test_note", [])}
    assert sorted(titles.values()) == ["after", "after that", "before that", "first"]
    assert {row["row_id"] for row in await bench.rows()} == set(titles)
    assert {row["action"] for row in await bench.rows()} == {"create"}
    assert await fault(bench) == ""


async def test_kill_at_any_moment(bench: Bench) -> None:
    await migrate(bench.database, tables_of(WORLD))
    seeded, acknowledged = random.Random(11), 0
    url, schema = bench.place
    for run in range(4):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, url, schema or "", str(bench.settings.data_dir), str(run),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        first = await process.stdout.readline()
        await asyncio.sleep(seeded.uniform(0.1, 1.2))
        process.kill()
        acknowledged += len((first + await process.stdout.read()).decode().split("\n")) - 1
        await process.wait()
    versions = sum(row[0] for row in await bench.database.fetch("SELECT version FROM test_note", []))
    assert acknowledged > 20
    assert versions >= acknowledged
    # One line for every version there is, and no line for what is not there.
    assert await bench.count() == versions
    assert await fault(bench) in ("", f"库外没有链头文件（{bench.settings.data_dir / 'audit'}）：链的末尾无法核对")
    witness = Witness.of(bench.settings, await installation(bench.database), bench.vault)
    sealer = Sealer(bench.database, bench.vault, "after", witness)
    while await sealer._look():
        pass
    assert sealer.trouble == ""
    assert await fault(bench) == ""
