"""Hand-written fields return rows of manifests: read by the planner, under the caller's rights."""

from __future__ import annotations

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse, validate
from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.host_api import GraphqlTypes

from core.access import AccessModel
from core.api.compose import Composer
from core.read import Reader, RequestContext
from core.store.database import Database
from tests.read.conftest import FakeGeneration
from tests.read.county import county, fill, uid
from tests.worlds import PROPERTY_STAFF, STREET_ADMIN, small_world


@strawberry.type
class CommunityHouse:
    id: strawberry.ID


@strawberry.type
class CommunityFreeHouses:
    note: str

    @strawberry.field
    def first(self) -> CommunityHouse | None:
        return CommunityHouse(id=strawberry.ID(uid(4, 1)))


@strawberry.type
class Query:
    @strawberry.field
    async def communityOldHouses(self) -> list[CommunityHouse]:
        return [CommunityHouse(id=strawberry.ID(uid(4, n))) for n in (3, 1, 11, 2)]

    @strawberry.field
    def communityFree(self) -> CommunityFreeHouses:
        return CommunityFreeHouses(note="两套")


async def ask(database: Database, actor: Actor, text: str) -> object:
    world = small_world()
    access = AccessModel(world)
    schema = await Composer()(world, {"community": GraphqlTypes(query=Query)})
    reader = Reader(world, access)
    reader.use(schema._schema, database.dialect)
    document = parse(text)
    assert validate(schema._schema, document) == []
    assert reader.compile(document, None, {}, actor) is None
    context = RequestContext(FakeGeneration(world, access, reader, schema), actor, database)
    result = execute(schema._schema, document, context_value=context)
    result = result if isinstance(result, ExecutionResult) else await result
    assert result.errors is None
    return result.data


@pytest.fixture
async def filled(database: Database) -> Database:
    await fill(database, small_world(), county(orders=5))
    return database


async def test_rows_come_in_the_order_named_and_only_visible_ones(filled: Database) -> None:
    text = "{ communityOldHouses { n: roomNo compound { name } __typename } }"
    found = await ask(filled, STREET_ADMIN, text)
    house = "CommunityHouse"
    assert found == {
        "communityOldHouses": [
            {"n": "1-3", "compound": {"name": "丁小区"}, "__typename": house},
            {"n": "1-1", "compound": {"name": "乙小区"}, "__typename": house},
            {"n": "1-2", "compound": {"name": "丙小区"}, "__typename": house},
        ]
    }
    assert await ask(filled, ANONYMOUS, text) == {"communityOldHouses": []}


async def test_nested_in_a_hand_written_type(filled: Database) -> None:
    text = "{ communityFree { note first { roomNo ownerId } } }"
    first = {"roomNo": "1-1", "ownerId": None}
    assert await ask(filled, STREET_ADMIN, text) == {"communityFree": {"note": "两套", "first": first}}
    assert await ask(filled, PROPERTY_STAFF, text) == {"communityFree": {"note": "两套", "first": None}}
