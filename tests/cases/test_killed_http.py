"""The server is killed (SIGKILL) while people file over HTTP: no case is lost or twice, and each effect is done once.

On Postgres, where many transactions are under way at once and go on for a moment when their client is dead.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.identity.keys import KeyRing
from core.identity.tokens import Tokens
from core.settings import ROOT
from tests.bench.process import free_port
from tests.cases.conftest import Office, opened
from tests.cases.folders import PLUGIN, SERVICE

CLIENTS = 8
#: Cases filed by one request; a document may hold five mutations.
AT_ONCE = 5
#: How many cases there are in the end, and after how many acknowledgements the server is killed.
CASES, KILLS = 2000, (500, 1200)
SUBMIT = 'c{n}: submitCase(service:"works.told",values:{{kind:"cover",note:"{n}"}},idempotencyKey:"k{n}"){{number}}'
#: `serve` with no application but the foundation and that of the test.
SERVE = """import sys
from core.cli import main
from core.plugins import discovery
discovery.IN_TREE = discovery.IN_TREE / "core"
sys.exit(main())
"""
#: Every effect that leaves the process, at the filing itself.
TOLD = """workflow: told
version: 1
title: 上报
entity: report
start: checking
states:
  checking: {title: 核验, roles: [works_desk], auto: [{action: approve}]}
  working: {title: 处理, roles: [works_desk]}
  done: {title: 已办结, end: done}
actions:
  approve:
    title: 受理
    from: [checking]
    to: working
    roles: [system, works_desk]
    effects: [{message: filed}, {event: works.filed}, {hook: note}]
  finish: {title: 办结, from: [working], to: done, roles: [works_desk]}
"""
PART = """import os
from tongban_sdk import hookimpl
async def note(job):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{job.id} {job.args['case']}\\n")
class Plugin:
    @hookimpl
    def jobs(self):
        return {"note": note}
"""
TEXTS = {
    "plugin": f"{PLUGIN}entry: works_part:Plugin\n",
    "jobs": "jobs:\n  note: {title: 记下, run: note}\n",
    "messages": 'messages:\n  filed: {title: 已受理, text: "{case_no}已受理", to: applicant, channels: [inbox]}\n',
    "workflows__told": TOLD,
    "services__told": SERVICE.format(id="told", title="上报", workflow="told"),
}


@dataclass
class Server:
    """`server.py serve`, started again on the same port whenever it was killed."""

    folder: Path
    env: dict[str, str]
    port: int = field(default_factory=free_port)

    async def start(self) -> asyncio.subprocess.Process:
        with (self.folder / "serve.log").open("ab") as log:
            words = ("-c", SERVE, "serve", "--port", str(self.port))
            return await asyncio.create_subprocess_exec(
                sys.executable, *words, cwd=ROOT, env=self.env, stdout=log, stderr=log
            )


@dataclass
class Client:
    """Files some cases after the others over one connection, and repeats what was not answered, under the same keys."""

    port: int
    token: str
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def submit(self, numbers: Sequence[int]) -> dict[int, str]:
        """The number of the case, by what was filed."""
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                return self._ask(numbers)
            except (OSError, http.client.HTTPException):
                self.close()
                time.sleep(0.2)
        raise TimeoutError

    def _ask(self, numbers: Sequence[int]) -> dict[int, str]:
        body = json.dumps({"query": f"mutation {{ {' '.join(SUBMIT.format(n=n) for n in numbers)} }}"})
        head = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        self._connection.request("POST", "/graphql", body, head)
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        if any(error["extensions"]["code"] == "UNAVAILABLE" for error in answer.get("errors", ())):
            raise http.client.HTTPException
        assert "errors" not in answer, answer
        return {n: str(answer["data"][f"c{n}"]["number"]) for n in numbers}


async def filed(server: Server, token: str) -> dict[int, str]:
    """Numbers of cases by what was filed; the server is killed meanwhile."""
    said: dict[int, str] = {}
    clients = [Client(server.port, token) for _ in range(CLIENTS)]
    work: Iterator[range] = iter([range(n, n + AT_ONCE) for n in range(0, CASES, AT_ONCE)])
    reached = {acknowledged: asyncio.Event() for acknowledged in KILLS}

    async def file(client: Client) -> None:
        for numbers in work:
            said.update(await asyncio.to_thread(client.submit, numbers))
            for acknowledged, event in reached.items():
                if len(said) >= acknowledged:
                    event.set()

    process = await server.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(file(client))
            for event in reached.values():
                await event.wait()
                assert len(said) < CASES, "the kill comes too late"
                process.kill()
                await process.wait()
                process = await server.start()
        # Once more under their keys, and each is answered with the case there is.
        for number in range(0, CASES, CASES // 10):
            again = await asyncio.to_thread(clients[0].submit, [number])
            assert again == {number: said[number]}
    finally:
        process.terminate()
        await process.wait()
        for client in clients:
            client.close()
    return said


async def settle(office: Office) -> None:
    """Do what the others left; nobody waits for the claims of the dead."""
    async with office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_job SET claimed_until = NULL")
    await office.host.registry.jobs.run_all()


@pytest.mark.parametrize("backend", ["postgres"])
async def test_a_killed_server_loses_no_case_and_makes_none_twice(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "works_part.py").write_text(PART, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    notes = tmp_path / "notes"
    monkeypatch.setenv("NOTES", str(notes))
    async with opened(database_place, tmp_path, monkeypatch, **TEXTS) as office:
        who = await office.citizen("马大妈")
    url, schema = database_place
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_PROFILE": "dev",
           "TONGBAN_DATABASE_URL": f"{url}?search_path={schema}", "TONGBAN_REDIS_URL": "",
           "TONGBAN_MANIFESTS": str(tmp_path / "manifests")}  # fmt: skip
    said = await filed(Server(tmp_path, env), Tokens(KeyRing(tmp_path / "secrets")).mint(who))
    assert len(said) == len(set(said.values())) == CASES
    async with opened(database_place, tmp_path, monkeypatch, **TEXTS) as office:
        await settle(office)
        rows = dict(await office.fetch("SELECT note, case_no FROM works_report"))
        assert {int(note): number for note, number in rows.items()} == said
        tables = (
            "works_report", "tb_case", "tb_task", "tb_case_record", "tb_idempotency", "tb_message", "tb_delivery",
        )  # fmt: skip
        assert await office.count(*tables) == [CASES] * len(tables)
        for topic in ("case.created", "entity.created", "works.filed"):
            where = f"topic = '{topic}' AND entity = 'works.report'"
            text = f"SELECT count(DISTINCT row_id), count(*) FROM tb_recent WHERE {where}"
            assert await office.fetch(text) == [(CASES, CASES)], topic
        assert await office.count("tb_outbox", "tb_job", "tb_dead_letter") == [0, 0, 0]
    # A job that was killed while it ran is run again, the same one: there is one for each case.
    done = {tuple(line.split()) for line in notes.read_text().splitlines()}
    assert sorted(number for _, number in done) == sorted(said.values())
