"""The application is killed while people file: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.cases.conftest import Office, opened

#: Where the process is killed, in acknowledgements of one life of it.
KILLS = (100, 300)
#: How many cases there are in the end; the large number is filed over HTTP in test_killed_http.py.
CASES = 400
CHILD = """
import asyncio, itertools, sys
from pathlib import Path
from tongban_sdk.actor import Actor
from core.host import open_host
from core.plugins import discovery
from core.settings import ROOT, read_settings
async def main(url, schema, folder, person, cases):
    discovery.IN_TREE = ROOT / "manifests" / "core"
    settings = read_settings({
        "TONGBAN_DATA_DIR": folder, "TONGBAN_DATABASE_URL": url, "TONGBAN_MANIFESTS": folder + "/manifests",
        "TONGBAN_POOL_MAX": "8",
    })
    who = Actor("acc-0", "citizen", person, frozenset({"anonymous", "resident"}), real_name=3)
    async with open_host(settings, migrate=False, schema=schema or None) as host:
        numbers = iter(range(int(cases)))
        async def work():
            for n in numbers:
                case = await host.cases.submit(who, "works.repair", {"kind": "cover", "note": f"{n}"}, key=f"k{n}")
                print(n, case.number, flush=True)
        await asyncio.gather(*(work() for _ in range(8)))
asyncio.run(main(*sys.argv[1:]))
"""


async def life(office: Office, place: tuple[str, str | None], folder: Path, kill_after: int) -> dict[int, str]:
    """What one process has acknowledged, until it was killed or had nothing left to do."""
    url, schema = place
    words = (url, schema or "", str(folder), office["马大妈"].person or "", str(CASES))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    said: dict[int, str] = {}
    while line := (await process.stdout.readline()).decode():
        if line.endswith("\n"):
            key, number = line.split()
            said[int(key)] = number
        if len(said) == kill_after:
            process.kill()
    await process.wait()
    return said


async def test_a_killed_application_loses_no_case_and_makes_none_twice(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_place, tmp_path, monkeypatch) as office:
        await office.citizen("马大妈")
        said: dict[int, str] = {}
        for kill_after in (*KILLS, CASES + 1):
            new = await life(office, database_place, tmp_path, kill_after)
            assert len(new) >= min(kill_after, CASES)
            # Repeated under its key each is answered with the case there was.
            assert [key for key in said.keys() & new.keys() if said[key] != new[key]] == []
            said |= new
        rows = dict(await office.fetch("SELECT note, case_no FROM works_report"))
        assert {int(note): number for note, number in rows.items()} == said
        assert len(set(said.values())) == CASES
        tables = ("works_report", "tb_case", "tb_task", "tb_case_step", "tb_case_record", "tb_idempotency")
        assert await office.count(*tables) == [CASES] * len(tables)
        for topic in ("case.created", "entity.created"):
            where = f"topic = '{topic}' AND entity = 'works.report'"
            rows_with = await office.fetch(f"SELECT count(DISTINCT row_id), count(*) FROM tb_outbox WHERE {where}")
            assert rows_with == [(CASES, CASES)], topic
