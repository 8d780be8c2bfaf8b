"""Thirty values nobody may find in a log, sent through every door, at every level."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import websockets

from core.identity.keys import KeyRing
from core.identity.tokens import Tokens
from tests.audit.office import CLERK, CREATE, write_plugin
from tests.bench.process import ROOT, free_port

CANARIES = (
    "马秀兰", "田进虎", "Ma Xiulan", "杨小龙",
    "640522199001011234", "64052219550315002X", "640522201206078811",
    "13895301234", "15309558877", "0955-4018888",
    "海原县史店乡苍湾村三组12号", "海城街道文昌小区7号楼2单元301", "Wenchang Road 44",
    "糖尿病二型", "精神分裂症", "HIV阳性", "孕期三十周", "schizophrenia",
    "482913", "775201",
    "eyJhbGciOiJFUzI1NiJ9.eyJjYW5hcnkiOiIxIn0.c2lnbmF0dXJl", "refresh-7c1e55d0aa91", "sk_live_51HcanaryKEY",
    "Passw0rd!Canary", "海原2026#密码", "hunter2-canary",
    "6228480402564890018", "宁E12345", "mxl@example.cn", "wx_openid_oCanary77",
)  # fmt: skip
#: Rows the database refuses with all their values in its message.
STRICT = "ALTER TABLE desk_note ADD CONSTRAINT strict CHECK (length(title) < 1) NOT VALID"
TRIGGER = "CREATE TRIGGER strict BEFORE INSERT ON desk_note BEGIN SELECT RAISE(ABORT, 'refused'); END"


@dataclass
class Running:
    port: int
    token: str
    log: Path
    place: tuple[str, str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, body: Any, **headers: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if isinstance(body, bytes):
            return httpx.post(f"{self.url}/graphql", content=body, headers=_ascii(headers))
        return httpx.post(f"{self.url}/graphql", json=body, headers=_ascii(headers))


def _ascii(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


@pytest.fixture
def server(database_place: tuple[str, str | None], tmp_path: Path) -> Iterator[Running]:
    write_plugin(tmp_path)
    url, schema = database_place
    if schema:
        asyncio.run(_execute(url, f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    env = {
        **os.environ,
        "TONGBAN_DATABASE_URL": f"{url}?search_path={schema}" if schema else url,
        "TONGBAN_DATA_DIR": str(tmp_path / "data"), "TONGBAN_MANIFESTS": str(tmp_path / "manifests"),
        "TONGBAN_PROFILE": "audit", "TONGBAN_REDIS_URL": "", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }  # fmt: skip
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "tests.ops.loud", str(port)], cwd=ROOT, env=env, stdout=out,
                                   stderr=out)  # fmt: skip
        try:
            _wait(process, port, log)
            token = Tokens(KeyRing(tmp_path / "data" / "secrets")).mint(CLERK)
            yield Running(port, token, log, database_place)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:])


async def _execute(url: str, *texts: str, schema: str | None = None) -> None:
    connection = await asyncpg.connect(url, server_settings={"search_path": schema or "public"})
    try:
        for text in texts:
            await connection.execute(text)
    finally:
        await connection.close()


def send(server: Running, canary: str) -> None:
    """One value through every door."""
    literal = json.dumps(canary, ensure_ascii=False)
    create = {"query": CREATE, "variables": {"input": {"title": canary[:40]}, "key": canary}}
    for _ in range(2):
        server.post(create)
    server.post({"query": CREATE, "variables": {"input": {"title": canary * 9}}})
    server.post({"query": CREATE, "variables": {"input": {"title": [canary]}}})
    server.post({"query": CREATE, "variables": {"input": {canary: canary}}})
    server.post({"query": f"{{ deskNotes(where: {{title: {{eq: {literal}}}}}) {{ nodes {{ id }} }} }}"})
    server.post({"query": f"{{ deskNotes {{ {literal}"})
    server.post({"query": f"query Q_{canary.encode().hex()} {{ deskNote(id: {literal}) {{ id }} }}"})
    server.post({"query": f"mutation {{ deskCrash(text: {literal}) deskRefused(text: {literal}) }}"})
    server.post({"query": f"{{ deskCrashOnRead(text: {literal}) }}"})
    server.post({"query": f"mutation {{ loginStaff(name: {literal}, password: {literal}) {{ accessToken }} }}"})
    server.post({"query": "{ __typename }", "operationName": canary})
    server.post(f'{{"query": "{canary}'.encode())
    server.post({"query": "{ __typename }"}, authorization=f"Bearer {canary}", x_name=canary, accept=canary)
    server.post({"query": "{ __typename }"}, content_type=f"text/{canary.encode().hex()}; {canary}")
    for path in ("/graphql", "/files/x", "/nowhere", "/readyz"):
        httpx.get(f"{server.url}{path}", params={"query": f"{{ x(a: {literal}) }}", "token": canary})
        httpx.get(f"{server.url}{path}/{canary}")
    headers = {"authorization": f"Bearer {server.token}"}
    file = {"file": (f"{canary}.txt", canary.encode(), "text/plain")}
    httpx.post(f"{server.url}/files", files=file, data={"name": canary}, headers=headers)


async def talk(server: Running, canary: str) -> None:
    url = f"ws://127.0.0.1:{server.port}/graphql?token={canary.encode().hex()}"
    for payload in ({"authorization": canary}, {"authorization": f"Bearer {server.token}", "name": canary}):
        with contextlib.suppress(websockets.WebSocketException):
            async with websockets.connect(url, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as socket:
                await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
                await socket.recv()
                query = f"{{ deskCrashOnRead(text: {json.dumps(canary)}) }}"
                await socket.send(json.dumps({"id": canary, "type": "subscribe", "payload": {"query": query}}))
                await socket.recv()
                await socket.send(f"{canary} is no JSON")
                await socket.recv()


def break_database(server: Running) -> None:
    url, schema = server.place
    if schema:
        asyncio.run(_execute(url, STRICT, schema=schema))
    else:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as connection:
            connection.execute(TRIGGER)
            connection.commit()


def test_no_canary_is_found_in_any_log(server: Running) -> None:
    assert len(set(CANARIES)) == 30
    for canary in CANARIES:
        send(server, canary)
        asyncio.run(talk(server, canary))
    break_database(server)
    for canary in CANARIES:
        answer = server.post({"query": CREATE, "variables": {"input": {"title": f"{canary}!"[:50]}}})
        assert answer.json()["errors"][0]["extensions"]["code"] in ("INTERNAL", "INVALID_INPUT")
    text = server.log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    events = {line["event"] for line in lines}
    # The log is loud, and tells of crashes: it could have told of the values.
    assert "internal_error" in events
    assert {line["logger"].partition(".")[0] for line in lines} >= {"tongban", "uvicorn", "arq"}
    assert any(line["level"] == "debug" for line in lines)
    assert any("exception" in line for line in lines)
    found = {canary: [line[:300] for line in text.splitlines() if canary in line][:2] for canary in CANARIES}
    assert {canary: shown for canary, shown in found.items() if shown} == {}
    # Nor as JSON or percent-encoding or bytes would show them.
    spellings = {c: (json.dumps(c)[1:-1], httpx.URL("http://x/", params={"q": c}).query.decode()[2:]) for c in CANARIES}
    assert [c for c, others in spellings.items() for other in others if other in text] == []


def test_the_token_of_a_caller_is_not_in_the_log(server: Running) -> None:
    server.post({"query": "{ deskNotes { nodes { id } } }"})
    assert server.token not in server.log.read_text()
