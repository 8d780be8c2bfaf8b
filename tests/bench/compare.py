"""Before anything is timed: the same request gets the same answer from every server."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import Any

import orjson

from tests.bench.operations import KEY_MARK, Operation
from tests.bench.process import Server


class Different(Exception):
    """Two servers that do not do the same work must not be compared."""


def ask(server: Server, token: str, body: bytes) -> Any:
    """One request on a connection of its own; the parsed answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        connection.request("POST", "/graphql", body, headers)
        response = connection.getresponse()
        content = response.read()
        is_json = response.headers.get_content_type().endswith("json")
        answer = orjson.loads(content) if is_json else {"errors": content.decode(errors="replace")}
        return {"status": response.status, "answer": answer}
    finally:
        connection.close()


def check(servers: Sequence[Server], token: str, operation: Operation, bodies: Sequence[bytes]) -> int:
    """Raise Different unless all servers answer alike, without errors. Returns the bytes of the largest answer."""
    size = 0
    for turn, body in enumerate(bodies):
        answers = {server.name: _answer(server, token, operation, body, turn) for server in servers}
        first = answers[servers[0].name]
        for name, answer in answers.items():
            if answer != first or answer["status"] != 200 or answer["answer"].get("errors"):
                shown = "\n".join(
                    f"{name:6} {orjson.dumps(answer).decode()[:1500]}" for name, answer in answers.items()
                )
                raise Different(f"{operation.id}: {name} answers differently\n{body.decode()}\n{shown}")
        size = max(size, len(orjson.dumps(first["answer"])))
    return size


def _answer(server: Server, token: str, operation: Operation, body: bytes, turn: int) -> Any:
    if not operation.writes:
        return ask(server, token, body)
    key = f"CHECK-{server.name}-{turn}-{server.pid}"
    answer = ask(server, token, body.replace(KEY_MARK.encode(), key.encode()))
    created = next(iter((answer["answer"].get("data") or {}).values()), None) or {}
    # Every server makes an id of its own.
    if created.pop("id", None) is None:
        raise Different(f"{operation.id}: {server.name} created nothing: {orjson.dumps(answer).decode()[:1500]}")
    return answer
