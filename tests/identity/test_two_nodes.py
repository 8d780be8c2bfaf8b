"""Two real servers on one Postgres, without Redis: what ends on one ends on the other within five seconds."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import jwt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from core.identity.actors import AccountFacts
from core.identity.keys import KeyRing
from core.identity.sessions import Pair
from core.settings import ROOT
from core.store.database import Database
from tests.api.test_cli import environment
from tests.conftest import POSTGRES, execute, needed
from tests.identity.town import Town, found_town

LIMIT_S = 5.0
ME = "{me{account person delegation roles}}"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node:
    url: str

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def post(self, query: str, token: str = "", **variables: Any) -> dict[str, Any]:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            found = json.load(error)
        return found

    def data(self, query: str, token: str = "", **variables: Any) -> Any:
        answer = self.post(query, token, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def code(self, query: str, token: str = "", **variables: Any) -> str:
        errors = self.post(query, token, **variables).get("errors")
        return errors[0]["extensions"]["code"] if errors else "OK"

    @contextmanager
    def socket(self, token: str) -> Iterator[ClientConnection]:
        url = self.url.replace("http", "ws") + "/graphql"
        with connect(url, subprotocols=["graphql-transport-ws"]) as client:  # type: ignore[list-item]  # a plain name
            client.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
            assert json.loads(client.recv(timeout=20))["type"] == "connection_ack"
            query = "subscription{entityChanged{id}}"
            client.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
            yield client


@dataclass(frozen=True, slots=True)
class County:
    """Two servers, and a hand in their database."""

    a: Node
    b: Node
    folder: Path
    schema: str

    def run(self, work: Callable[[Town], Awaitable[T]]) -> T:
        async def main() -> T:
            database = await Database.open(needed(POSTGRES), pool_max=2, schema=self.schema)
            try:
                return await work(await found_town(database, self.folder))
            finally:
                await database.close()

        return asyncio.run(main())

    def log_in(self, make: Callable[[Town], Coroutine[Any, Any, AccountFacts]]) -> Pair:
        async def work(town: Town) -> Pair:
            return await town.sessions.open(await make(town))

        return self.run(work)


@contextmanager
def serving(folder: Path, schema: str, log: Path) -> Iterator[Node]:
    url = f"{needed(POSTGRES)}?search_path={schema}"
    more = {"TONGBAN_DATABASE_URL": url, "TONGBAN_SECRETS_DIR": str(folder / "secrets"), "TONGBAN_POOL_MAX": "4"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, str(ROOT / "server.py"), "serve", "--port", str(port), "--profile", "audit"]
    node = Node(f"http://127.0.0.1:{port}")
    with log.open("w") as output:
        process = subprocess.Popen(argv, env=environment(folder / log.stem, **more), stdout=output, stderr=output)
        try:
            until = time.monotonic() + 120
            while not node.is_up():
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < until
                time.sleep(0.1)
            yield node
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    url = needed(POSTGRES)
    folder, schema = tmp_path_factory.mktemp("nodes"), f"t_{uuid4().hex[:12]}"
    asyncio.run(execute(url, f'CREATE SCHEMA "{schema}"'))
    try:
        with ExitStack() as stack:
            a, b = (stack.enter_context(serving(folder, schema, folder / f"{name}.log")) for name in "ab")
            yield County(a, b, folder, schema)
    finally:
        asyncio.run(execute(url, f'DROP SCHEMA "{schema}" CASCADE'))


def until_refused(node: Node, token: str) -> float:
    """Seconds until a node no longer knows the bearer."""
    started = time.monotonic()
    while node.code(ME, token) != "NOT_AUTHENTICATED":
        assert time.monotonic() - started < 30
        time.sleep(0.02)
    return time.monotonic() - started


def until_closed(client: ClientConnection, started: float) -> tuple[int, float]:
    def listen() -> None:
        while True:
            client.recv(timeout=30)

    with pytest.raises(ConnectionClosed) as caught:
        listen()
    return caught.value.rcvd.code if caught.value.rcvd else 0, time.monotonic() - started


def check_ended_everywhere(county: County, token: str, end: Callable[[], None], what: str) -> None:
    """HTTP and sockets of both nodes know the token, then `end`, then neither does, in time."""
    account = county.b.data(ME, token)["me"]["account"]
    assert county.a.data(ME, token)["me"]["account"] == account
    with county.a.socket(token) as on_a, county.b.socket(token) as on_b:
        end()
        started = time.monotonic()
        http_a, http_b = until_refused(county.a, token), until_refused(county.b, token)
        (code_a, ws_a), (code_b, ws_b) = until_closed(on_a, started), until_closed(on_b, started)
    print(f"{what}: HTTP {http_a:.2f} s here, {http_b:.2f} s there; socket {ws_a:.2f} s here, {ws_b:.2f} s there")
    assert (code_a, code_b) == (4403, 4403)
    assert max(http_a, http_b, ws_a, ws_b) < LIMIT_S
    # Where the change was made it counts at once.
    assert http_a < 1.0


def test_logging_out(county: County) -> None:
    pair = county.log_in(lambda town: town.citizen())

    def end() -> None:
        assert county.a.data("mutation{logout}", pair.access) == {"logout": True}

    check_ended_everywhere(county, pair.access, end, "logout")
    for node in (county.a, county.b):
        assert node.code("mutation($t:String!){refreshSession(refreshToken:$t){sessionId}}", t=pair.refresh) == (
            "NOT_AUTHENTICATED"
        )


def test_the_security_administrator_ends_the_sessions_of_an_account(county: County) -> None:
    pair = county.log_in(lambda town: town.citizen())
    guardian = county.log_in(lambda town: town.admin("security_admin"))
    listed = county.b.data("query($a:ID!){accountSessions(account:$a){id}}", guardian.access, a=pair.actor.id)
    assert listed == {"accountSessions": [{"id": pair.session_id}]}
    query = "mutation($a:ID!){revokeAccountSessions(account:$a,reason:LOST_DEVICE)}"

    def end() -> None:
        assert county.a.data(query, guardian.access, a=pair.actor.id) == {"revokeAccountSessions": 1}

    check_ended_everywhere(county, pair.access, end, "revoked by the security administrator")
    assert county.b.data(ME, guardian.access)["me"]["roles"] == ["security_admin"]


def test_a_staff_row_changed_through_the_api(county: County) -> None:
    pair = county.log_in(lambda town: town.staff())
    operator = county.log_in(lambda town: town.admin("system_admin"))
    query = 'mutation($id:ID!){updateCoreStaff(id:$id,version:1,patch:{licenceNo:"N1"}){id}}'

    def end() -> None:
        county.a.data(query, operator.access, id=pair.actor.staff)

    check_ended_everywhere(county, pair.access, end, "staff row changed")
    # The session goes on, with the facts of now.
    refreshed = county.b.data(
        "mutation($t:String!){refreshSession(refreshToken:$t){accessToken me{staff}}}", t=pair.refresh
    )["refreshSession"]
    assert refreshed["me"] == {"staff": pair.actor.staff}
    assert county.a.data(ME, refreshed["accessToken"])["me"]["roles"] == ["case_officer"]


def test_a_change_of_identity(county: County) -> None:
    async def work(town: Town) -> tuple[str, Pair]:
        mother, son = await town.person(), await town.person()
        delegation = await town.delegation(mother, son)
        return delegation, await town.sessions.open(await town.citizen(son))

    delegation, pair = county.run(work)
    acting = ""

    def end() -> None:
        nonlocal acting
        query = "mutation($d:ID){actAs(delegation:$d){accessToken refreshToken}}"
        made = county.a.data(query, pair.access, d=delegation)["actAs"]
        assert made["refreshToken"] is None
        acting = made["accessToken"]

    check_ended_everywhere(county, pair.access, end, "identity changed")
    assert county.b.data(ME, acting)["me"]["delegation"] == delegation


def test_eight_refreshes_at_once_on_both_nodes(county: County) -> None:
    pair = county.log_in(lambda town: town.citizen())
    query = "mutation($t:String!){refreshSession(refreshToken:$t){refreshToken}}"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: (county.a, county.b)[n % 2].post(query, t=pair.refresh), range(8)))
    codes = Counter(a["errors"][0]["extensions"]["code"] if "errors" in a else "OK" for a in answers)
    assert codes == {"OK": 1, "CONFLICT": 7}
    (won,) = (a["data"]["refreshSession"]["refreshToken"] for a in answers if "errors" not in a)
    assert county.b.data(query, t=won)["refreshSession"]["refreshToken"] != won


def test_changing_the_signing_key_logs_nobody_out(county: County) -> None:
    before = county.log_in(lambda town: town.citizen())
    with county.b.socket(before.access) as client:
        for _ in range(2):
            argv = [sys.executable, str(ROOT / "server.py"), "token", "--rotate"]
            env = environment(county.folder, TONGBAN_SECRETS_DIR=str(county.folder / "secrets"))
            subprocess.run(argv, env=env, check=True, capture_output=True, timeout=60)
            after = county.log_in(lambda town: town.citizen())
            for node in (county.a, county.b):
                for pair in (before, after):
                    assert node.data(ME, pair.access)["me"]["account"] == pair.actor.id
            # A refresh on one node is good on the other, signed with whichever of the keys.
            query = "mutation($t:String!){refreshSession(refreshToken:$t){accessToken}}"
            fresh = county.a.data(query, t=after.refresh)["refreshSession"]["accessToken"]
            assert county.b.data(ME, fresh)["me"]["account"] == after.actor.id
        # Soon every node signs with the key of now.
        kid = KeyRing(county.folder / "secrets").active.kid
        until = time.monotonic() + 20
        for node in (county.a, county.b):
            token = ""
            while not token or jwt.get_unverified_header(token)["kid"] != kid:
                assert time.monotonic() < until
                fresh = county.log_in(lambda town: town.citizen())
                token = node.data(query, t=fresh.refresh)["refreshSession"]["accessToken"]
        client.send(json.dumps({"type": "ping"}))
        assert json.loads(client.recv(timeout=20)) == {"type": "pong"}
