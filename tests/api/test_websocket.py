import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from core.api import seats, websocket
from core.api.seats import SOCKETS_PER_ACTOR_MAX
from core.api.websocket import PROTOCOL, SUBSCRIPTIONS_MAX
from core.identity.tokens import AUDIENCE, ISSUER, TYPE
from tests.api.doors import CANARY, CITIZEN, Doors, open_doors


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return open_doors(tmp_path)


@contextmanager
def connect(client: TestClient, payload: Any = None, **options: Any) -> Iterator[WebSocketTestSession]:
    options.setdefault("subprotocols", [PROTOCOL])
    with client.websocket_connect("/graphql", **options) as socket:
        socket.send_json({"type": "connection_init", **({"payload": payload} if payload else {})})
        assert socket.receive_json() == {"type": "connection_ack"}
        yield socket


def subscribe(socket: WebSocketTestSession, query: str, id: str = "1", **variables: Any) -> None:
    socket.send_json({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})


def closed(socket: WebSocketTestSession) -> int:
    try:
        while True:
            socket.receive_json()
    except WebSocketDisconnect as end:
        return end.code


def test_a_subscription_runs_to_its_end(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        assert socket.accepted_subprotocol == PROTOCOL
        subscribe(socket, "subscription($n:Int!){ticks(to:$n)}", n=2)
        assert [socket.receive_json() for _ in range(3)] == [
            {"id": "1", "type": "next", "payload": {"data": {"ticks": 0}}},
            {"id": "1", "type": "next", "payload": {"data": {"ticks": 1}}},
            {"id": "1", "type": "complete"},
        ]
        subscribe(socket, "{me}")  # the id is free again; queries answer once
        assert socket.receive_json()["payload"] == {"data": {"me": ""}}


def test_ping_is_answered(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}


def test_complete_stops_a_subscription(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        subscribe(socket, "subscription{ticks(to:1000)}")
        socket.receive_json()
        socket.send_json({"id": "1", "type": "complete"})
        socket.send_json({"type": "ping"})
        while (message := socket.receive_json())["type"] == "next":
            pass
        assert message == {"type": "pong"}


def test_the_token_of_the_payload_makes_the_actor(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client, {"Authorization": doors.bearer()}) as socket:
        subscribe(socket, "{me}")
        assert socket.receive_json()["payload"] == {"data": {"me": CITIZEN.id}}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{", 4400), ("7", 4400), ('{"type":7}', 4400), ('{"type":"nope"}', 4400), ('{"type":"connection_init"}', 4429),
        ('{"type":"subscribe","id":"1"}', 4400), ('{"type":"subscribe","id":7,"payload":{"query":"{me}"}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":"{me}","variables":7}}', 4400), ("x" * 70_000, 4400),
    ],
)  # fmt: skip
def test_broken_messages_close_the_socket(doors: Doors, sent: str, code: int) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        socket.send_text(sent)
        assert closed(socket) == code


def test_bytes_close_the_socket(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        socket.send_bytes(b"{}")
        assert closed(socket) == 4400


def test_refusals_are_error_messages_and_change_nothing(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        for query, code in (("{nope}", "GRAPHQL_VALIDATION"), ("{", "GRAPHQL_SYNTAX")):
            subscribe(socket, query)
            message = socket.receive_json()
            assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", code)
        subscribe(socket, "subscription{ticks(to:3000000000)}")
        assert socket.receive_json()["type"] == "error"
        subscribe(socket, "{crash}")
        assert CANARY not in str(socket.receive_json())
    assert doors.host.bumps == 0


def test_no_init_in_time_is_4408(doors: Doors) -> None:
    with (
        TestClient(doors.socket_app) as client,
        client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket,
    ):
        assert closed(socket) == 4408


def test_subscribe_before_init_is_4401(doors: Doors) -> None:
    with (
        TestClient(doors.socket_app) as client,
        client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket,
    ):
        subscribe(socket, "mutation{bump}")
        assert closed(socket) == 4401
    assert doors.host.bumps == 0


@pytest.mark.parametrize("protocols", [[], ["graphql-ws"]])
def test_other_protocols_are_4406(doors: Doors, protocols: list[str]) -> None:
    with (
        TestClient(doors.socket_app) as client,
        client.websocket_connect("/graphql", subprotocols=protocols) as socket,
    ):
        assert closed(socket) == 4406


def test_a_bad_token_is_4403(doors: Doors) -> None:
    with (
        TestClient(doors.socket_app) as client,
        client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket,
    ):
        socket.send_json({"type": "connection_init", "payload": {"authorization": "Bearer x"}})
        assert closed(socket) == 4403


def test_a_taken_id_is_4409(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        subscribe(socket, "subscription{ticks(to:1000)}")
        subscribe(socket, "subscription{ticks(to:1000)}")
        assert closed(socket) == 4409


def test_too_many_subscriptions_are_4429(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        for n in range(SUBSCRIPTIONS_MAX + 1):
            subscribe(socket, "subscription{ticks(to:1000)}", id=str(n))
        assert closed(socket) == 4429


def test_too_many_messages_are_4429(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as socket:
        for _ in range(2 * websocket.MESSAGES_PER_S + 2):
            socket.send_json({"type": "pong"})
        assert closed(socket) == 4429


def test_too_many_sockets_of_one_actor_are_4429(doors: Doors) -> None:
    token = {"authorization": doors.bearer()}
    with TestClient(doors.socket_app) as client:
        held = [connect(client, token) for _ in range(SOCKETS_PER_ACTOR_MAX)]
        for one in held:
            one.__enter__()
        with client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket:
            socket.send_json({"type": "connection_init", "payload": token})
            assert closed(socket) == 4429
        held.pop().__exit__(None, None, None)
        with connect(client, token):  # a seat is free again
            pass
        for one in held:
            one.__exit__(None, None, None)
    assert not doors.sockets.open
    assert not doors.sockets.seats._held


def test_strangers_hold_few_sockets_and_no_address_too_many(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "ANONYMOUS_PER_ADDRESS_MAX", 2)
    monkeypatch.setattr(websocket, "SOCKETS_PER_ADDRESS_MAX", 4)
    with TestClient(doors.socket_app) as client, connect(client), connect(client):
        with client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket:
            socket.send_json({"type": "connection_init"})
            assert closed(socket) == 4429
        with connect(client, {"authorization": doors.bearer()}):
            # One that says nothing holds a place, too.
            silent = client.websocket_connect("/graphql", subprotocols=[PROTOCOL])
            with silent, pytest.raises(WebSocketDisconnect), connect(client):
                pass
            with client.websocket_connect("/graphql", subprotocols=[PROTOCOL]):
                pass
    assert not doors.sockets.seats._held


@pytest.mark.parametrize(
    ("origin", "enters"),
    [
        ("https://city.example", True), ("http://testserver", True), ("https://evil.example", False),
        ("https://city.example.evil.com", False), ("null", False), ("http://[", False), ("file://testserver", False),
        ("http://evil@testserver", False), ("http://testserver.evil.com", False),
    ],
)  # fmt: skip
def test_origins(doors: Doors, origin: str, enters: bool) -> None:
    with TestClient(doors.socket_app) as client:
        if enters:
            with connect(client, headers={"origin": origin}):
                return
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/graphql", subprotocols=[PROTOCOL], headers={"origin": origin}),
        ):
            pass


def test_a_socket_ends_with_its_token(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.identity.tokens.LEEWAY_S", 0)
    now = time.time()
    key = doors.tokens.ring.active
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "a", "iat": int(now), "exp": int(now) + 2, "kind": "citizen",
        "roles": [], "grids": [], "scopes": [], "real_name": 1, "sid": "s1", "gen": 1,
    }  # fmt: skip
    token = jwt.encode(claims, key.private, "ES256", headers={"kid": key.kid, "typ": TYPE})
    with TestClient(doors.socket_app) as client, connect(client, {"authorization": f"Bearer {token}"}) as socket:
        subscribe(socket, "subscription{ticks(to:100000)}")
        assert closed(socket) == 4403
    assert time.time() >= claims["exp"]


def test_a_revocation_ends_sockets(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RECHECK_S", 0.05)
    actor = replace(CITIZEN, session="s1")
    token = f"Bearer {doors.tokens.mint(actor, life_s=60, generation=1)}"
    with TestClient(doors.socket_app) as client, connect(client, {"authorization": token}) as socket:
        doors.tokens.cut({"s1": 2})
        assert closed(socket) == 4403


def test_a_swap_restarts_every_socket(doors: Doors) -> None:
    with TestClient(doors.socket_app) as client, connect(client) as first, connect(client) as second:
        subscribe(first, "subscription{ticks(to:100000)}")
        first.receive_json()
        assert client.portal is not None
        client.portal.start_task_soon(doors.sockets.restart).result()
        assert (closed(first), closed(second)) == (1012, 1012)
    assert not doors.sockets.open
