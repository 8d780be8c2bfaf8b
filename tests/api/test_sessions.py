"""Sessions through the API: what a client sees, and what nobody sees of others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from starlette.websockets import WebSocketDisconnect
from tongban_sdk import Actor

from core.api.documents import hash_of
from core.api.websocket import PROTOCOL
from core.identity.actors import AccountFacts
from core.identity.sessions import Pair
from core.settings import ROOT
from core.store.database import Database
from tests.api.servers import ADMIN, Server, running
from tests.identity.town import Town, found_town

T = TypeVar("T")
REFRESH = (
    "mutation($t:String!){refreshSession(refreshToken:$t){accessToken expiresAt refreshToken sessionId me{person}}}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A server, and a hand in its database."""

    server: Server
    folder: Path
    url: str
    schema: str | None

    def run(self, work: Callable[[Town], Awaitable[T]]) -> T:
        async def main() -> T:
            database = await Database.open(self.url, pool_max=2, schema=self.schema)
            try:
                return await work(await found_town(database, self.folder))
            finally:
                await database.close()

        return asyncio.run(main())

    def log_in(self, account: AccountFacts, client: str = "") -> Pair:
        return self.run(lambda town: town.sessions.open(account, client=client))

    def post(self, query: str, token: str = "", **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.server.client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        ).json()

    def data(self, query: str, token: str = "", **variables: Any) -> Any:
        answer = self.post(query, token, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    def code(self, query: str, token: str = "", **variables: Any) -> str:
        return str(self.post(query, token, **variables)["errors"][0]["extensions"]["code"])


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
def place(tmp_path: Path, database_place: tuple[str, str | None]) -> Iterator[Place]:
    url, schema = database_place
    with running(tmp_path, "audit", schema=schema, database_url=url) as server:
        yield Place(server, tmp_path, url, schema)


def test_a_pair_follows_a_pair(place: Place) -> None:
    pair = place.log_in(place.run(lambda town: town.citizen()))
    made = place.data(REFRESH, t=pair.refresh)["refreshSession"]
    assert (made["sessionId"], made["me"]) == (pair.session_id, {"person": pair.actor.person})
    assert made["refreshToken"] not in (None, pair.refresh)
    me = place.data("{me{account kind roles realName person session}}", made["accessToken"])["me"]
    assert me == {
        "account": pair.actor.id, "kind": "citizen", "roles": ["resident"], "realName": 2,
        "person": pair.actor.person, "session": pair.session_id,
    }  # fmt: skip
    assert place.code(REFRESH, t=pair.refresh) == "CONFLICT"
    assert place.data(REFRESH, t=made["refreshToken"])["refreshSession"]["sessionId"] == pair.session_id


def test_an_access_token_refreshes_nothing_and_a_refresh_token_reads_nothing(place: Place) -> None:
    pair = place.log_in(place.run(lambda town: town.citizen()))
    assert place.code(REFRESH, t=pair.access) == "NOT_AUTHENTICATED"
    assert place.code("{me{account}}", pair.refresh) == "NOT_AUTHENTICATED"
    assert place.data("{me{account}}") == {"me": None}


def test_one_sees_ones_own_sessions_and_ends_one_of_them(place: Place) -> None:
    account, other = place.run(lambda town: town.citizen()), place.run(lambda town: town.citizen())
    here, lost = place.log_in(account, "电脑"), place.log_in(account, "手机")
    strangers = place.log_in(other, "平板")
    seen = place.data("{mySessions{id client isCurrent}}", here.access)["mySessions"]
    assert sorted(seen, key=lambda s: s["client"]) == [
        {"id": lost.session_id, "client": "手机", "isCurrent": False},
        {"id": here.session_id, "client": "电脑", "isCurrent": True},
    ]
    end = "mutation($id:ID!){revokeSession(id:$id)}"
    for id in (strangers.session_id, other.id, account.id, "x", "01890000-0000-7000-8000-000000000001"):
        assert place.code(end, here.access, id=id) == "NOT_FOUND"
    assert place.data(end, here.access, id=lost.session_id) == {"revokeSession": True}
    assert place.code("{me{account}}", lost.access) == "NOT_AUTHENTICATED"
    assert place.code(REFRESH, t=lost.refresh) == "NOT_AUTHENTICATED"
    for token in (here.access, strangers.access):
        assert place.data("{me{kind}}", token) == {"me": {"kind": "citizen"}}


def test_logging_out_ends_this_session_and_everywhere_ends_all(place: Place) -> None:
    account = place.run(lambda town: town.citizen())
    first, second, third = (place.log_in(account) for _ in range(3))
    assert place.data("mutation{logout}", first.access) == {"logout": True}
    assert place.code("{me{account}}", first.access) == "NOT_AUTHENTICATED"
    assert place.data("mutation{logoutEverywhere}", second.access) == {"logoutEverywhere": 2}
    for pair in (second, third):
        assert place.code("{me{account}}", pair.access) == "NOT_AUTHENTICATED"
        assert place.code(REFRESH, t=pair.refresh) == "NOT_AUTHENTICATED"


@pytest.mark.parametrize(
    "query",
    [
        "{mySessions{id}}", "{myPersons{person}}", "mutation{logout}", "mutation{logoutEverywhere}",
        "mutation{actAs{sessionId}}", 'mutation{revokeSession(id:"01890000-0000-7000-8000-000000000001")}',
        'mutation{actAsPerson(person:"01890000-0000-7000-8000-000000000001"){sessionId}}',
        '{accountSessions(account:"01890000-0000-7000-8000-000000000001"){id}}',
    ],
)  # fmt: skip
def test_without_a_log_in_there_is_no_session(place: Place, query: str) -> None:
    assert place.code(query) == "NOT_AUTHENTICATED"


def test_only_the_security_administrator_sees_and_ends_sessions_of_others(place: Place) -> None:
    account = place.run(lambda town: town.citizen())
    pair = place.log_in(account, "手机")
    look = "query($a:ID!){accountSessions(account:$a){id client}}"
    end = "mutation($a:ID!){revokeAccountSessions(account:$a,reason:SUSPICION)}"
    others = [place.run(lambda town, r=r: town.admin(r)) for r in ("system_admin", "audit_admin")]  # type: ignore[misc]  # a default makes no other type
    others += [place.run(lambda town: town.staff()), place.run(lambda town: town.citizen())]
    for other in others:
        token = place.log_in(other).access
        assert (place.code(look, token, a=account.id), place.code(end, token, a=account.id)) == (
            "PERMISSION_DENIED", "PERMISSION_DENIED",
        )  # fmt: skip
    assert place.data("{me{kind}}", pair.access) == {"me": {"kind": "citizen"}}
    guardian = place.log_in(place.run(lambda town: town.admin("security_admin"))).access
    assert place.data(look, guardian, a=account.id) == {"accountSessions": [{"id": pair.session_id, "client": "手机"}]}
    assert place.data(end, guardian, a=account.id) == {"revokeAccountSessions": 1}
    assert place.code("{me{account}}", pair.access) == "NOT_AUTHENTICATED"
    assert (
        place.run(lambda town: town.value("SELECT reason FROM tb_session WHERE closed_at IS NOT NULL")) == "suspicion"
    )


def test_one_phone_serves_several_elderly_people_who_are_told_apart(place: Place) -> None:
    async def two(town: Town) -> tuple[str, str, AccountFacts]:
        mother, father = await town.person("马大妈"), await town.person("李大爷")
        return mother, father, await town.citizen(mother, father)

    mother, father, account = place.run(two)
    pair = place.log_in(account)
    assert place.data("{me{person} myPersons{person maskedName isCurrent}}", pair.access) == {
        "me": {"person": None},
        "myPersons": [
            {"person": mother, "maskedName": "马**", "isCurrent": False},
            {"person": father, "maskedName": "李**", "isCurrent": False},
        ],
    }
    choose = "mutation($p:ID!){actAsPerson(person:$p){accessToken me{person}}}"
    assert place.code(choose, pair.access, p="01890000-0000-7000-8000-000000000001") == "NOT_FOUND"
    made = place.data(choose, pair.access, p=father)["actAsPerson"]
    assert made["me"] == {"person": father}
    assert place.data("{myPersons{person isCurrent}}", made["accessToken"])["myPersons"][1]["isCurrent"] is True


def test_a_son_acts_for_his_mother_until_she_ends_it(place: Place) -> None:
    async def family(town: Town) -> tuple[str, str, str, AccountFacts]:
        mother, son = await town.person(), await town.person()
        return mother, son, await town.delegation(mother, son), await town.citizen(son)

    mother, son, delegation, account = place.run(family)
    pair = place.log_in(account)
    act = "mutation($d:ID){actAs(delegation:$d){accessToken refreshToken me{person agent delegation roles scopes}}}"
    made = place.data(act, pair.access, d=delegation)["actAs"]
    assert made["refreshToken"] is None
    assert made["me"] == {
        "person": mother, "agent": son, "delegation": delegation, "roles": ["delegate"], "scopes": ["community"],
    }  # fmt: skip
    assert place.code("{me{account}}", pair.access) == "NOT_AUTHENTICATED"
    place.run(lambda town: town.set("core_delegation", delegation, state="revoked"))
    assert place.code(REFRESH, t=pair.refresh) == "PERMISSION_DENIED"
    back = place.data(REFRESH, t=pair.refresh)["refreshSession"]
    assert back["me"] == {"person": son}
    assert place.code(act, back["accessToken"], d=delegation) == "PERMISSION_DENIED"
    assert place.code(act, back["accessToken"], d="nonsense") == "NOT_FOUND"


def test_each_of_them_leaves_one_line_that_names_the_account_and_the_session(place: Place) -> None:
    async def family(town: Town) -> tuple[str, str, AccountFacts]:
        mother, son = await town.person(), await town.person()
        return mother, await town.delegation(mother, son), await town.citizen(son)

    mother, delegation, account = place.run(family)
    pair, lost = place.log_in(account), place.log_in(account)
    made = place.data(REFRESH, t=pair.refresh)["refreshSession"]
    token = place.data("mutation($d:ID){actAs(delegation:$d){accessToken}}", made["accessToken"], d=delegation)
    token = place.data("mutation{actAs{accessToken}}", token["actAs"]["accessToken"])["actAs"]["accessToken"]
    assert place.data("mutation($id:ID!){revokeSession(id:$id)}", token, id=lost.session_id)
    assert place.code(REFRESH, t="x" * 43) == "NOT_AUTHENTICATED"
    place.data("mutation{logout}", token)
    sql = "SELECT action, row_id, result, actor, principal FROM tb_audit ORDER BY at, lane, number"
    rows = place.run(lambda town: town.database.fetch(sql, []))
    assert [tuple(row)[:4] for row in rows] == [
        ("refresh_session", pair.session_id, "ok", account.id),
        ("act_as", delegation, "ok", account.id),
        ("act_as", pair.session_id, "ok", account.id),
        ("revoke_session", lost.session_id, "ok", account.id),
        ("refresh_session", "", "NOT_AUTHENTICATED", ""),
        ("logout", pair.session_id, "ok", account.id),
    ]
    assert rows[1][4] == mother


def test_no_cookie_logs_anybody_in(place: Place) -> None:
    pair = place.log_in(place.run(lambda town: town.citizen()))
    for name in ("token", "authorization", "access", "session", "__Host-session"):
        place.server.client.cookies.set(name, f"Bearer {pair.access}")
        place.server.client.cookies.set(f"{name}2", pair.access)
    assert place.post("{me{account}}") == {"data": {"me": None}}
    assert place.server.client.get("/files/x").status_code == 404
    answer = place.server.client.post("/graphql", json={"query": "{me{account}}"})
    assert "set-cookie" not in answer.headers
    with place.server.client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json() == {"type": "connection_ack"}
        socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": "{me{account}}"}})
        assert socket.receive_json() == {"id": "1", "type": "next", "payload": {"data": {"me": None}}}


def test_requests_are_use_and_open_sockets_are_not(place: Place) -> None:
    pair = place.log_in(place.run(lambda town: town.staff()))
    tokens = place.server.app.doors.tokens
    used = tokens.used = Used()
    place.data("{me{account}}", pair.access)
    assert used.added == [pair.session_id]
    with place.server.client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket:
        socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {pair.access}"}})
        assert socket.receive_json() == {"type": "connection_ack"}
        assert used.added == [pair.session_id] * 2
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}
        assert used.added == [pair.session_id] * 2
        socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": "{me{kind}}"}})
        assert socket.receive_json()["payload"] == {"data": {"me": {"kind": "staff"}}}
        assert used.added == [pair.session_id] * 3


class Used(set[str]):
    """Remembers what was ever added: the node empties the set every second."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def add(self, session: str) -> None:
        self.added.append(session)
        super().add(session)


def test_production_knows_sessions_and_no_development_tokens(tmp_path: Path) -> None:
    document = hash_of((ROOT / "graphql" / "operations" / "my_sessions.graphql").read_text("utf-8").strip())
    with running(tmp_path, "prod") as server:
        place = Place(server, tmp_path, server.app.settings.database_url, None)
        pair = place.log_in(place.run(lambda town: town.citizen()))

        def ask(token: str) -> Any:
            headers = {"authorization": f"Bearer {token}"}
            return server.client.post("/graphql", json={"documentId": document}, headers=headers).json()

        assert ask(pair.access)["data"]["mySessions"][0]["id"] == pair.session_id
        for actor in (ADMIN, Actor(id="x", kind="citizen")):
            development = server.app.doors.tokens.mint(actor)
            assert ask(development)["errors"][0]["extensions"]["code"] == "NOT_AUTHENTICATED"
            with server.client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket:
                socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {development}"}})
                with pytest.raises(WebSocketDisconnect) as caught:
                    socket.receive_json()
            assert caught.value.code == 4403
