"""A thousand guesses at one code through the doors of the real server: five are looked at, however they are dressed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from core.api.errors import Refusal
from core.api.guard import check_structure
from core.settings import ROOT
from tests.api.servers import Server, running

PHONE = "13800138000"
TRY = 'mutation($code: String!) { loginWithCode(phone: "13800138000", code: $code) { accessToken } }'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("guessing")) as started:
        yield started


def post(server: Server, body: Any) -> Any:
    return server.client.post("/graphql", json=body).json()


def codes_of(answer: Any) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


@pytest.fixture
def code(server: Server) -> str:
    """A fresh code for the phone: the table of quotas is emptied, for time cannot be turned here."""
    host = server.app.doors.host
    portal = server.client.portal
    assert portal is not None

    async def forget() -> None:
        async with host.database.transaction() as tx:
            await tx.execute("DELETE FROM tb_quota")

    portal.call(forget)
    answer = post(server, {"query": 'mutation { requestLoginCode(phone: "13800138000") { validS } }'})
    assert answer == {"data": {"requestLoginCode": {"validS": 300}}}
    file = Path(server.app.settings.data_dir) / "outbox" / "sms.jsonl"
    return str(json.loads(file.read_text("utf-8").splitlines()[-1])["code"])


def tries(server: Server) -> int:
    portal = server.client.portal
    assert portal is not None
    database = server.app.doors.host.database
    return int(portal.call(database.fetch_value, "SELECT tries FROM tb_code", []))


def guesses(code: str, count: int) -> list[str]:
    return [f"{(int(code) + n) % 1_000_000:06}" for n in range(1, count + 1)]


def is_dead(server: Server, code: str) -> bool:
    return codes_of(post(server, {"query": TRY, "variables": {"code": code}})) == ["LOGIN_FAILED"]


def test_by_aliases(server: Server, code: str) -> None:
    """Two are too many; a thousand do not get as far."""
    field = 'g{n}: loginWithCode(phone: "13800138000", code: "{code}") {{ accessToken }}'
    for count, expected in (
        (2, "QUERY_TOO_MANY_LOGINS"),
        (5, "QUERY_TOO_MANY_LOGINS"),
        (30, "QUERY_TOO_MANY_ROOT_FIELDS"),
    ):
        fields = " ".join(field.format(n=n, code=guess) for n, guess in enumerate(guesses(code, count)))
        assert expected in codes_of(post(server, {"query": f"mutation {{ {fields} }}"}))
    fields = " ".join(field.format(n=n, code=guess) for n, guess in enumerate(guesses(code, 1000)))
    assert codes_of(post(server, {"query": f"mutation {{ {fields} }}"})) == ["QUERY_TOO_LONG"]
    assert tries(server) == 0
    assert "data" in post(server, {"query": TRY, "variables": {"code": code}})


@pytest.mark.parametrize(
    "query",
    [
        "mutation { a: loginWithCode(phone: $p, code: $c) { __typename } ...F } "
        "fragment F on Mutation { b: loginWithCode(phone: $p, code: $c) { __typename } }",
        "mutation { ...F ... on Mutation { ...F b: loginWithPassword(phone: $p, password: $c) { __typename } } } "
        "fragment F on Mutation { a: loginWithCode(phone: $p, code: $c) { __typename } }",
        "mutation { a: requestLoginCode(phone: $p) { validS } b: requestLoginCode(phone: $q) { validS } }",
        "mutation { a: loginStaff(account: $p, password: $c) { needs } @skip(if: true) "
        "b: loginStaff(account: $p, password: $c) { needs } }",
    ],
)
def test_dressed_up(server: Server, query: str) -> None:
    text = query.replace("$p", '"13800138000"').replace("$q", '"13900139000"').replace("$c", '"123456"')
    text = text.replace("{ needs } @skip(if: true)", "{ needs }")
    assert codes_of(post(server, {"query": text})) == ["QUERY_TOO_MANY_LOGINS"]


def test_in_an_array(server: Server, code: str) -> None:
    bodies = [{"query": TRY, "variables": {"code": guess}} for guess in guesses(code, 1000)]
    assert codes_of(post(server, bodies)) == ["BAD_REQUEST"]
    wrapped = {"query": TRY, "variables": {"code": guesses(code, 1000)}}
    assert codes_of(post(server, wrapped)) == ["BAD_VARIABLES"]
    assert codes_of(post(server, {"query": TRY, "variables": [{"code": code}]})) == ["BAD_REQUEST"]
    assert tries(server) == 0


def test_one_after_the_other_and_in_parallel(server: Server, code: str) -> None:
    with ThreadPoolExecutor(32) as pool:
        bodies = [{"query": TRY, "variables": {"code": guess}} for guess in guesses(code, 1000)]
        answers = list(pool.map(lambda body: post(server, body), bodies))
    found = Counter(codes_of(answer)[0] for answer in answers)
    assert found["LOGIN_FAILED"] == 1000
    assert tries(server) == 5
    assert is_dead(server, code)


def test_over_one_socket(server: Server, code: str) -> None:
    """A thousand messages on one connection count like a thousand requests."""
    with server.client.websocket_connect("/graphql", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        for n, guess in enumerate(guesses(code, 40)):
            payload = {"query": TRY, "variables": {"code": guess}}
            socket.send_json({"id": str(n), "type": "subscribe", "payload": payload})
            while (message := socket.receive_json())["type"] != "complete":
                errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
                assert errors[0]["extensions"]["code"] == "LOGIN_FAILED"
                if message["type"] == "error":
                    break
    assert tries(server) == 5
    assert is_dead(server, code)


def test_every_operation_that_looks_at_a_secret_says_so(server: Server) -> None:
    """By what they take, not by a list: whoever adds a field that takes a password or a code marks it."""
    schema = server.app.doors.host.generation.graphql
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        hand_written = field.extensions.get("strawberry-definition")
        secrets = {"password", "code", "totp", "ticket", "old", "idno", "picture"} & set(field.args)
        if hand_written is None or not secrets:
            continue
        arguments = ", ".join(f"{key}: $x" for key in field.args)
        text = f"mutation {{ a: {name}({arguments}) b: {name}({arguments}) }}"
        document = parse(text)
        with pytest.raises(Refusal) as caught:
            check_structure(schema, document, document.definitions[0])  # type: ignore[arg-type]  # an operation
        assert "QUERY_TOO_MANY_LOGINS" in [e["extensions"]["code"] for e in caught.value.entries], name


def test_production_runs_them_by_name_and_nothing_else(tmp_path: Path) -> None:
    document = (ROOT / "graphql" / "operations" / "login_with_code.graphql").read_text("utf-8").strip()
    with running(tmp_path, "prod", sms="file") as server:
        two = document.replace("loginWithCode(", "a: loginWithCode(", 1)
        assert codes_of(post(server, {"query": two, "variables": {}})) == ["DOCUMENT_NOT_TRUSTED"]
        answer = post(server, {"query": document, "variables": {"phone": PHONE, "code": "123456"}})
        assert codes_of(answer) == ["LOGIN_FAILED"]
