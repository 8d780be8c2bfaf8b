"""A host small enough to hold in the hand: the doors are tested against it, the real one in tests/api/test_app.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from tongban_sdk import Actor, InputProblem, InvalidInputError, PermissionDeniedError, RateLimitedError

from core.api.documents import TrustedDocuments
from core.api.execution import Execution
from core.api.http import GraphQLEndpoint
from core.api.limits import RateLimits
from core.api.websocket import Sockets
from core.identity.keys import KeyRing
from core.identity.tokens import Tokens
from core.settings import Profile

CITIZEN = Actor(id="a1", kind="citizen", person="p1", roles=frozenset({"anonymous", "resident"}))
#: Stands for everything that must never leave the process.
CANARY = "canary-640522-postgres://secret@db/x"
SDL = """
scalar PageSize
type Row { id: ID!, name: String, rows(first: PageSize = 20): [Row!] }
type Query {
  me: String
  add(a: Int!, b: Int = 1): Int
  rows(first: PageSize = 20): [Row!]
  byIds(ids: [ID!]!): [Row!]
  crash: String
  crashHard: String!
  denied: String
  invalid: String
  limited: String
  slow: String
}
type Mutation { bump: Int, other: Int }
type Subscription { ticks(to: Int!): Int }
"""


class FakeReader:
    """Compiles nothing unless told to."""

    def __init__(self) -> None:
        self.compiled: Any = None

    def compile(self, document: Any, name: str | None, variables: Mapping[str, Any], actor: Actor) -> Any:
        return self.compiled

    def compile_back(self, document: Any, name: str | None, variables: Mapping[str, Any], actor: Actor) -> Any:
        return None


@dataclass(eq=False)
class FakeGeneration:
    schema: GraphQLSchema
    reader: FakeReader = field(default_factory=FakeReader)
    number: int = 1


@dataclass
class FakeHost:
    generation: FakeGeneration
    database: Any = None
    bumps: int = 0


def build_test_schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    for kind, resolvers in (("Query", QUERY), ("Mutation", MUTATION)):
        for name, resolve in resolvers.items():
            schema.type_map[kind].fields[name].resolve = resolve  # type: ignore[attr-defined]  # an object type
    schema.type_map["Subscription"].fields["ticks"].subscribe = ticks  # type: ignore[attr-defined]  # an object type
    schema.type_map["Subscription"].fields["ticks"].resolve = lambda event, info, to: event  # type: ignore[attr-defined]  # same
    return schema


def me(_: Any, info: GraphQLResolveInfo[Any]) -> str:
    return str(info.context.actor.id)


def crash(*_: Any) -> str:
    raise RuntimeError(CANARY)


def denied(*_: Any) -> str:
    raise PermissionDeniedError("没有权限", hint="联系管理员")


def invalid(*_: Any) -> str:
    raise InvalidInputError("有错", [InputProblem(("input", "phone"), "号码不对", "phone.format")])


def limited(*_: Any) -> str:
    raise RateLimitedError("慢一点", retry_after_s=2)


async def slow(*_: Any) -> str:
    await asyncio.sleep(30)
    return "late"


def bump(_: Any, info: GraphQLResolveInfo[Any]) -> int:
    info.context.host.bumps += 1
    return int(info.context.host.bumps)


async def ticks(_: Any, info: GraphQLResolveInfo[Any], to: int) -> AsyncIterator[int]:
    for n in range(to):
        await asyncio.sleep(0.01)
        yield n


QUERY = {
    "me": me, "add": lambda _, i, a, b: a + b, "crash": crash, "crashHard": crash, "denied": denied, "invalid": invalid,
    "limited": limited, "slow": slow,
}  # fmt: skip
MUTATION = {"bump": bump, "other": bump}


@dataclass
class Doors:
    """The endpoint, the host behind it and a client."""

    host: FakeHost
    tokens: Tokens
    endpoint: GraphQLEndpoint
    trusted: TrustedDocuments
    sockets: Sockets

    def client(self, **options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.endpoint), base_url="http://test", **options)

    async def post(self, body: Any, **headers: str) -> httpx2.Response:
        async with self.client() as client:
            return await client.post("/graphql", json=body, headers=headers)

    async def data(self, query: str, **headers: str) -> Any:
        answer = (await self.post({"query": query}, **headers)).json()
        assert "errors" not in answer
        return answer["data"]

    @property
    def socket_app(self) -> Starlette:
        return Starlette(routes=[WebSocketRoute("/graphql", self.sockets)])

    def bearer(self, actor: Actor = CITIZEN) -> str:
        return f"Bearer {self.tokens.mint(actor)}"


def open_doors(folder: Path, profile: Profile = "audit", *, deadline_s: float = 10.0) -> Doors:
    host = FakeHost(FakeGeneration(build_test_schema()))
    tokens, trusted = Tokens(KeyRing(folder / "secrets"), takes_development=True), TrustedDocuments()
    execution = Execution(host, trusted, profile, deadline_s)  # type: ignore[arg-type]  # the fake is enough here
    limits = RateLimits(profile)
    endpoint = GraphQLEndpoint(execution, tokens, limits, allows_get=profile != "prod")
    sockets = Sockets(execution, tokens, limits, ("https://city.example",), init_timeout_s=0.2)
    return Doors(host, tokens, endpoint, trusted, sockets)
