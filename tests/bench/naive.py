"""The naive server: strawberry and Tortoise as one writes them first. Correct, readable, the one to compare with."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from starlette.requests import Request
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.types import Info
from tongban_sdk import Actor
from tortoise import Tortoise
from tortoise.queryset import QuerySet

from core.identity.tokens import Tokens
from core.store.dialect import datetime_text
from tests.bench import naive_create
from tests.bench.naive_models import Event, Person

MODELS = ["tests.bench.naive_models", "tests.bench.naive_create"]


@strawberry.enum(name="BenchEventCategory")
class Category(Enum):
    water = "water"
    road = "road"
    light = "light"
    green = "green"
    noise = "noise"
    waste = "waste"


@strawberry.enum(name="BenchEventState")
class State(Enum):
    open = "open"
    working = "working"
    done = "done"
    closed = "closed"


@strawberry.enum(name="BenchPersonSex")
class Sex(Enum):
    male = "male"
    female = "female"


@strawberry.enum
class EventField(Enum):
    happenedAt = "happened_at"


@strawberry.enum
class PersonField(Enum):
    number = "number"


@strawberry.enum
class Direction(Enum):
    ASC = ""
    DESC = "-"


@strawberry.input
class TextWhere:
    eq: str | None = None


@strawberry.input
class NumberWhere:
    gt: int | None = None


@strawberry.input
class StateWhere:
    eq: State | None = None


@strawberry.input
class BenchEventWhere:
    division: TextWhere | None = None
    state: StateWhere | None = None


@strawberry.input
class BenchPersonWhere:
    division: TextWhere | None = None
    number: NumberWhere | None = None


@strawberry.input
class EventOrder:
    field: EventField
    direction: Direction = Direction.ASC


@strawberry.input
class PersonOrder:
    field: PersonField
    direction: Direction = Direction.ASC


@strawberry.input
class BenchEventInput:
    division: str
    title: str
    category: Category
    state: State
    amount: str | None = None
    happened_at: datetime
    score: int | None = None
    urgent: bool | None = None


@strawberry.type
class BenchEvent:
    id: strawberry.ID
    title: str | None
    category: Category | None
    state: State | None
    amount: str | None
    happened_at: str | None
    score: int | None
    urgent: bool | None
    version: int
    reporter_id: strawberry.Private[str | None]

    @strawberry.field
    async def reporter(self, info: Info) -> BenchPerson | None:
        row = await _visible(Person.all(), info).get_or_none(id=self.reporter_id)
        return _person(row) if row else None


@strawberry.type
class BenchEventConnection:
    nodes: list[BenchEvent]


@strawberry.type
class BenchPerson:
    id: strawberry.ID
    name: str | None
    phone: str | None
    sex: Sex | None

    @strawberry.field
    async def events(self, info: Info, order_by: list[EventOrder], first: int = 20) -> BenchEventConnection:
        rows = _visible(Event.filter(reporter_id=self.id), info).order_by(*_order(order_by)).limit(first)
        return BenchEventConnection(nodes=[_event(row) async for row in rows])


@strawberry.type
class BenchPersonConnection:
    nodes: list[BenchPerson]


@strawberry.type
class Query:
    @strawberry.field
    async def bench_event(self, info: Info, id: strawberry.ID) -> BenchEvent | None:
        row = await _visible(Event.all(), info).get_or_none(id=id)
        return _event(row) if row else None

    @strawberry.field
    async def bench_events(
        self, info: Info, where: BenchEventWhere, order_by: list[EventOrder], first: int = 20
    ) -> BenchEventConnection:
        rows = _visible(Event.all(), info)
        if where.division and where.division.eq is not None:
            rows = rows.filter(division=where.division.eq)
        if where.state and where.state.eq is not None:
            rows = rows.filter(state=where.state.eq.value)
        return BenchEventConnection(nodes=[_event(row) async for row in rows.order_by(*_order(order_by)).limit(first)])

    @strawberry.field
    async def bench_people(
        self, info: Info, where: BenchPersonWhere, order_by: list[PersonOrder], first: int = 20
    ) -> BenchPersonConnection:
        rows = _visible(Person.all(), info)
        if where.division and where.division.eq is not None:
            rows = rows.filter(division=where.division.eq)
        if where.number and where.number.gt is not None:
            rows = rows.filter(number__gt=where.number.gt)
        return BenchPersonConnection(
            nodes=[_person(row) async for row in rows.order_by(*_order(order_by)).limit(first)]
        )


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def create_bench_event(self, info: Info, input: BenchEventInput, idempotency_key: str) -> BenchEvent:
        return _event(await naive_create.create(info.context["actor"], input, idempotency_key))


def _visible(rows: QuerySet[Any], info: Info) -> QuerySet[Any]:
    county = info.context["actor"].division[:6]
    return rows.filter(deleted_at=None, division__gte=f"{county}000000", division__lte=f"{county}999999")


def _order(order_by: list[Any]) -> list[str]:
    return [order.direction.value + order.field.value for order in order_by]


def _event(row: Event) -> BenchEvent:
    return BenchEvent(
        id=strawberry.ID(str(row.id)),
        title=row.title,
        category=Category(row.category),
        state=State(row.state),
        amount=None if row.amount is None else f"{row.amount:.2f}",
        happened_at=datetime_text(row.happened_at),
        score=row.score,
        urgent=row.urgent,
        version=row.version,
        reporter_id=row.reporter_id,  # type: ignore[attr-defined]  # Tortoise adds it
    )


def _person(row: Person) -> BenchPerson:
    return BenchPerson(
        id=strawberry.ID(str(row.id)),
        name=f"{row.name[0]}**",
        phone=f"{row.phone[:3]}****{row.phone[-4:]}" if row.phone else None,
        sex=Sex(row.sex) if row.sex else None,
    )


class Endpoint(GraphQL[Any, Any]):
    """Strawberry's own view; the token is checked as everywhere."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(strawberry.Schema(Query, Mutation))
        self.tokens = tokens

    async def get_context(self, request: Request | WebSocket, response: Any) -> dict[str, Actor]:
        return {"actor": self.tokens.verify(request.headers["authorization"][7:]).actor}


def application(database: str, schema: str | None, tokens: Tokens) -> Any:
    """The ASGI callable, with Tortoise opened in its lifespan."""
    endpoint = Endpoint(tokens)
    url = database.replace("sqlite:///", "sqlite://") if database.startswith("sqlite") else database
    url += ("?synchronous=FULL" if url.startswith("sqlite") else "") or (f"?schema={schema}" if schema else "")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await endpoint(scope, receive, send)
            return
        await receive()
        await Tortoise.init(db_url=url, modules={"models": MODELS}, use_tz=True, _enable_global_fallback=True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await Tortoise.close_connections()
        await send({"type": "lifespan.shutdown.complete"})

    return app
