"""Hand-written fields with Python's dates, times and decimals share the scalars of the manifests."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLSchema, execute, parse, print_type, subscribe, validate
from strawberry.scalars import JSON
from tongban_sdk import InvalidInputError
from tongban_sdk.host_api import GraphqlTypes

from core.api import scalars
from core.api.compose import Composer, Roots
from tests.worlds import small_world


@strawberry.input
class Slot:
    day: date
    from_: time = strawberry.field(name="from")
    prices: list[Decimal] | None = None
    inner: Slot | None = None


@strawberry.type
class CommunityOffer:
    at: datetime
    day: date
    clock: time
    price: Decimal
    note: JSON
    token: uuid.UUID


@strawberry.type
class Query:
    @strawberry.field
    def communityOffer(self, at: datetime, price: Decimal = Decimal("1.50")) -> CommunityOffer:
        later = at + timedelta(hours=1)
        return CommunityOffer(
            at=later, day=later.date(), clock=time(8, 30), price=price * 2, note=JSON({"a": 1}), token=uuid.UUID(int=7)
        )

    @strawberry.field
    def communitySlot(self, slot: Slot) -> list[str]:
        kinds = [slot.day, slot.from_, *(slot.prices or []), *([slot.inner.day] if slot.inner else [])]
        return [repr(value) for value in kinds]

    @strawberry.field
    def communityEcho(self, text: str, ids: list[strawberry.ID] | None = None) -> str:
        return f"{text} {ids}"

    @strawberry.field
    def communityNaive(self) -> datetime:
        return datetime(2026, 1, 1)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def communityTicks(self, since: datetime) -> AsyncGenerator[datetime, None]:
        yield since + timedelta(seconds=1)


async def make_schema() -> GraphQLSchema:
    composer = Composer((Roots(subscription=Subscription),))
    schema: GraphQLSchema = (await composer(small_world(), {"community": GraphqlTypes(query=Query)}))._schema
    return schema


async def ask(text: str, **variables: Any) -> ExecutionResult:
    schema = await make_schema()
    document = parse(text)
    assert validate(schema, document) == []
    result = execute(schema, document, variable_values=variables)
    return result if isinstance(result, ExecutionResult) else await result


async def test_there_is_one_scalar_of_each_name() -> None:
    schema = await make_schema()
    for scalar in (scalars.DATETIME, scalars.DATE, scalars.TIME, scalars.DECIMAL, scalars.JSON):
        assert schema.type_map[scalar.name] is scalar
    assert "at: DateTime!" in print_type(schema.type_map["CommunityOffer"])


async def test_values_go_in_and_out_as_python_and_in_the_texts_of_the_host() -> None:
    text = "query($at:DateTime!,$p:Decimal){communityOffer(at:$at,price:$p){at day clock price note token}}"
    result = await ask(text, at="2026-11-22T23:30:00.25+08:00", p="12.50")
    assert result.errors is None
    assert result.data == {
        "communityOffer": {
            "at": "2026-11-22T16:30:00.250Z", "day": "2026-11-22", "clock": "08:30:00", "price": "25.00",
            "note": {"a": 1}, "token": "00000000-0000-0000-0000-000000000007",
        }
    }  # fmt: skip


async def test_defaults_and_literals() -> None:
    result = await ask('{communityOffer(at:"2026-11-22T08:00:00Z"){price at}}')
    assert result.data == {"communityOffer": {"price": "3.00", "at": "2026-11-22T09:00:00.000Z"}}


async def test_values_inside_inputs() -> None:
    slot = {
        "day": "2026-01-02",
        "from": "08:00:00",
        "prices": ["1.0", "2"],
        "inner": {"day": "2026-01-03", "from": "09:00:00"},
    }
    result = await ask("query($s:Slot!){communitySlot(slot:$s)}", s=slot)
    assert result.errors is None
    expected = [date(2026, 1, 2), time(8), Decimal("1.0"), Decimal(2), date(2026, 1, 3)]
    assert result.data == {"communitySlot": [repr(value) for value in expected]}


async def test_bad_text_and_times_without_a_zone_are_refused() -> None:
    schema = await make_schema()
    assert validate(schema, parse('{communityOffer(at:"yesterday"){price}}')) != []
    result = await ask("{communityNaive}")
    assert result.data is None
    assert [error.message for error in result.errors or ()] == ["时间没有时区"]


async def test_texts_no_database_holds_are_refused_before_anybody_is_asked() -> None:
    text = "query($t:String!,$ids:[ID!]){communityEcho(text:$t,ids:$ids)}"
    assert (await ask(text, t="王", ids=["a"])).data == {"communityEcho": "王 ['a']"}
    result = await ask(text, t="a\0", ids=["b", "\ud800"])
    [error] = result.errors or []
    assert isinstance(error.original_error, InvalidInputError)
    assert [(problem.path, problem.id) for problem in error.original_error.problems] == [
        (("text",), "text.nul"), (("ids",), "text.surrogate"),
    ]  # fmt: skip


async def test_subscriptions_take_them_too() -> None:
    schema = await make_schema()
    stream: Any = subscribe(schema, parse('subscription{communityTicks(since:"2026-11-22T08:00:00Z")}'))
    stream = await stream if inspect.isawaitable(stream) else stream
    async for event in stream:
        assert event.data == {"communityTicks": "2026-11-22T08:00:01.000Z"}
    assert scalars.DATETIME.coerce_output_value(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
