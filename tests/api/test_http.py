from pathlib import Path
from typing import Any

import pytest

from core.api.documents import hash_of
from core.api.errors import INTERNAL_MESSAGE
from core.api.http import BODY_MAX_BYTES
from core.api.limits import RATES
from tests.api.doors import CANARY, CITIZEN, Doors, open_doors

GRAPHQL = "application/graphql-response+json"


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return open_doors(tmp_path)


def only_code(answer: Any) -> str:
    assert set(answer) == {"errors"}
    assert len(answer["errors"]) == 1
    return str(answer["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "不接受批量请求"),
        ('[{"query":"{__typename}"}]', "不接受批量请求"),
        ('"{__typename}"', "请求体应为 JSON 对象"),
        ("7", "请求体应为 JSON 对象"),
        ("null", "请求体应为 JSON 对象"),
        ("", "请求体不是 JSON"),
        ("{", "请求体不是 JSON"),
        ('{"query":null}', "缺少 query"),
        ('{"query":1}', "query 应为字符串"),
        ('{"query":"{__typename}","variables":[]}', "variables 应为对象"),
        ('{"query":"{__typename}","extensions":"x"}', "extensions 应为对象"),
        ('{"query":"{__typename}","operationName":{}}', "operationName 应为字符串"),
        ('{"query":"{__typename}","extensions":{"persistedQuery":7}}', "persistedQuery 应为对象"),
        ("[" * 100_000, "请求体不是 JSON"),
    ],
)
async def test_bad_bodies_are_refused_with_one_reason(doors: Doors, body: str, message: str) -> None:
    async with doors.client() as client:
        answer = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, only_code(answer.json())) == (400, "BAD_REQUEST")
    assert answer.json()["errors"][0]["message"] == message


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/graphql", "multipart/form-data", "application/json; charset=gbk",
     "application/x-www-form-urlencoded", "application/jsonx"],
)  # fmt: skip
async def test_other_media_types_are_refused_and_change_nothing(doors: Doors, kind: str) -> None:
    async with doors.client() as client:
        answer = await client.post("/graphql", content='{"query":"mutation{bump}"}', headers={"content-type": kind})
    assert (answer.status_code, only_code(answer.json())) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert doors.host.bumps == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_refused_and_named(doors: Doors, method: str) -> None:
    async with doors.client() as client:
        answer = await client.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_get_is_closed_in_production(tmp_path: Path) -> None:
    async with open_doors(tmp_path, "prod").client() as client:
        answer = await client.get("/graphql", params={"query": "{__typename}"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_get_never_writes(doors: Doors) -> None:
    async with doors.client() as client:
        answer = await client.get("/graphql", params={"query": "mutation{bump}"})
    assert (answer.status_code, only_code(answer.json())) == (405, "METHOD_NOT_ALLOWED")
    assert doors.host.bumps == 0


@pytest.mark.parametrize("declares", [True, False])
async def test_large_bodies_are_refused(doors: Doors, declares: bool) -> None:
    body = b'{"query":"mutation{bump}","variables":{"x":"' + b"y" * BODY_MAX_BYTES + b'"}}'

    async def chunks() -> Any:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    async with doors.client() as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/graphql", content=body if declares else chunks(), headers=headers)
    assert (answer.status_code, only_code(answer.json())) == (413, "BODY_TOO_LARGE")
    assert doors.host.bumps == 0


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"), ("application/*", "application/json"), (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json", GRAPHQL), (f"application/json, {GRAPHQL}", "application/json"),
        (f"application/json;q=0.5, {GRAPHQL}", GRAPHQL), ("application/json;charset=utf-8", "application/json"),
        (f"*/*;q=0.1, {GRAPHQL};q=0", "application/json"), (f"{GRAPHQL};q=0.4, */*", "application/json"),
    ],
)  # fmt: skip
async def test_accept_chooses_the_media_type(doors: Doors, accept: str, kind: str) -> None:
    answer = await doors.post({"query": "{__typename}"}, accept=accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.content == b'{"data":{"__typename":"Query"}}'


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "application/json;charset=gbk"])
async def test_nothing_acceptable_is_said(doors: Doors, accept: str) -> None:
    answer = await doors.post({"query": "mutation{bump}"}, accept=accept)
    assert (answer.status_code, only_code(answer.json()), doors.host.bumps) == (406, "NOT_ACCEPTABLE", 0)


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{", {}, "GRAPHQL_SYNTAX"),
        ("{nope}", {}, "GRAPHQL_VALIDATION"),
        ("query($a:Int!){add(a:$a)}", {"a": "x"}, "BAD_VARIABLES"),
        ("query A{me} query B{me}", {}, "OPERATION_NOT_FOUND"),
        ("{a:me b:crash " + "".join(f"x{i}:me " for i in range(40)) + "}", {}, "QUERY_TOO_MANY_ROOT_FIELDS"),
    ],
)
async def test_graphql_refusals_by_media_type(doors: Doors, query: str, variables: Any, code: str) -> None:
    body = {"query": query, "variables": variables}
    legacy, modern = await doors.post(body), await doors.post(body, accept=GRAPHQL)
    assert (legacy.status_code, modern.status_code) == (200, 400)
    assert legacy.json() == modern.json()
    assert legacy.json()["errors"][0]["extensions"]["code"] == code
    assert "data" not in legacy.json()


async def test_at_most_five_validation_errors(doors: Doors) -> None:
    answer = await doors.post({"query": "{" + " ".join(f"nope{i}" for i in range(15)) + "}"})
    assert len(answer.json()["errors"]) == 5


async def test_a_bug_is_masked_everywhere(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    answer = await doors.post({"query": "{crash add(a:1)}"})
    error = answer.json()["errors"][0]
    assert answer.json()["data"] == {"crash": None, "add": 2}
    assert (error["message"], error["path"], error["locations"]) == (
        INTERNAL_MESSAGE,
        ["crash"],
        [{"line": 1, "column": 2}],
    )
    assert set(error["extensions"]) == {"code", "hint", "reference"}
    assert CANARY not in answer.text
    assert (await doors.post({"query": "{crashHard}"})).json()["data"] is None


async def test_a_bug_outside_resolvers_is_masked(doors: Doors) -> None:
    doors.host.generation.reader.compile = lambda *_: 1 / 0  # type: ignore[method-assign]  # a bug
    answer = await doors.post({"query": "{me}"})
    assert (answer.status_code, only_code(answer.json())) == (500, "INTERNAL")
    assert "division" not in answer.text


async def test_errors_a_caller_can_act_on(doors: Doors) -> None:
    errors = (await doors.post({"query": "{denied invalid limited}"})).json()["errors"]
    assert [e["extensions"] for e in errors] == [
        {"code": "PERMISSION_DENIED", "hint": "联系管理员"},
        {
            "code": "INVALID_INPUT",
            "problems": [{"path": ["input", "phone"], "message": "号码不对", "id": "phone.format"}],
        },
        {"code": "RATE_LIMITED", "retryAfter": 2},
    ]


async def test_a_request_ends_at_its_deadline(tmp_path: Path) -> None:
    answer = await open_doors(tmp_path, deadline_s=0.05).post({"query": "{slow}"})
    assert (answer.status_code, only_code(answer.json())) == (503, "DEADLINE_EXCEEDED")


async def test_token_makes_the_actor(doors: Doors) -> None:
    assert await doors.data("{me}") == {"me": ""}
    assert await doors.data("{me}", authorization=doors.bearer()) == {"me": CITIZEN.id}
    assert await doors.data("{me}", cookie=f"token={doors.tokens.mint(CITIZEN)}") == {"me": ""}


@pytest.mark.parametrize("header", ["Bearer x", "Bearer ", "Basic YTpi", "", "x"])
async def test_a_bad_token_is_refused_before_anything_runs(doors: Doors, header: str) -> None:
    answer = await doors.post({"query": "mutation{bump}"}, authorization=header)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (only_code(answer.json()), doors.host.bumps) == ("NOT_AUTHENTICATED", 0)


async def test_a_compiled_operation_is_passed_on_as_bytes(doors: Doors) -> None:
    class Compiled:
        async def run(self, *_: Any) -> bytes:
            return b'{"me":"from the database"}'

    doors.host.generation.reader.compiled = Compiled()
    assert (await doors.post({"query": "{me}"})).content == b'{"data":{"me":"from the database"}}'
    assert await doors.data("mutation{bump}") == {"bump": 1}


async def test_production_runs_trusted_documents_only(tmp_path: Path) -> None:
    doors = open_doors(tmp_path, "prod")
    digest = doors.trusted.add("query Who{me}\n")
    uniform = {
        "message": "不接受这个文档",
        "extensions": {"code": "DOCUMENT_NOT_TRUSTED", "hint": "生产环境只执行登记过的文档"},
    }
    for body in (
        {"query": "mutation{bump}"}, {"query": "{"}, {"query": "{nope}"}, {"query": "{__schema{types{name}}}"},
        {"documentId": hash_of("{add(a:1)}")}, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}},
    ):  # fmt: skip
        answer = await doors.post(body)
        assert (answer.status_code, answer.json()) == (400, {"errors": [uniform]})
    assert doors.host.bumps == 0
    wanted = {"data": {"me": ""}}
    assert (await doors.post({"query": "query Who{me}"})).json() == wanted
    assert (await doors.post({"documentId": f"sha256:{digest}"})).json() == wanted
    assert (await doors.post({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}})).json() == wanted
    assert (await doors.post({"query": "{__typename}"})).json() == {"data": {"__typename": "Query"}}


async def test_a_hash_must_be_the_hash_of_the_text(doors: Doors) -> None:
    answer = await doors.post({"query": "mutation{bump}", "documentId": hash_of("{me}")})
    assert (answer.status_code, only_code(answer.json()), doors.host.bumps) == (400, "BAD_REQUEST", 0)


async def test_the_rate_limit_of_an_actor_closes_the_door(tmp_path: Path) -> None:
    doors = open_doors(tmp_path, "prod")
    doors.trusted.add("mutation{bump}")
    headers = {"authorization": doors.bearer()}
    statuses = [
        (await doors.post({"query": "mutation{bump}"}, **headers)).status_code for _ in range(RATES["graphql"].burst)
    ]
    assert set(statuses) == {200}
    done = doors.host.bumps
    answers = [await doors.post({"query": "mutation{bump}"}, **headers) for _ in range(40)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert only_code(refused[0].json()) == "RATE_LIMITED"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].json()["errors"][0]["extensions"]["retryAfter"] > 0
    assert doors.host.bumps == done + len(answers) - len(refused)
    assert (await doors.post({"query": "{__typename}"})).status_code == 200  # others come in
