"""Mutations made from manifests: what is written, what comes back, and that a refusal writes nothing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from graphql import ExecutionResult, execute, parse, validate
from tongban_sdk.actor import Actor
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    PermissionDeniedError,
    RequestError,
    UnavailableError,
)

from core.access import AccessModel
from core.api.compose import Composer
from core.api.documents import TrustedDocuments
from core.api.execution import Execution, GraphQLRequest
from core.api.writes import compile_write
from core.manifest.model import Role, World
from core.read import Reader, RequestContext
from core.store.database import Database
from core.write import Writer
from tests.read.conftest import FakeGeneration
from tests.read.county import OTHER_VILLAGE, county, fill, uid
from tests.worlds import ADMIN, HERE, HOUSE, PERSON_ID, REPAIR_ORDER, RESIDENT, STREET_ADMIN, rule, small_world

CREATE = """mutation($input: CommunityRepairOrderInput!, $key: String) {
  made: createCommunityRepairOrder(input: $input, idempotencyKey: $key) {
    id version division category cost at { lng lat } tags house { roomNo } reporterId overdue isSerious phone
  }
}"""
INPUT: dict[str, Any] = {
    "houseId": uid(4, 8), "category": "lift", "cost": "12.5", "reporterId": PERSON_ID, "phone": "13812345678",
    "at": {"lng": 105.61, "lat": 36.5, "crs": "CGCS2000"}, "tags": ["急"], "dueOn": "2026-01-01",
}  # fmt: skip


def with_inspector(world: World) -> World:
    """One more role, which writes orders that it never sees."""
    community = world.plugins["community"]
    rules = (*community.rules, rule("inspector", HOUSE), rule("inspector", REPAIR_ORDER, "create"))
    roles = {**community.roles, "inspector": Role("inspector", "检查员", "community", HERE)}
    parts = {**community.parts, "access": rules}
    changed = replace(community, parts=parts, roles=roles, hash="with-inspector")
    return World({**world.plugins, "community": changed})


class Desk:
    def __init__(self, database: Database, generation: FakeGeneration, compiles: bool) -> None:
        self.database = database
        self.generation = generation
        self.compiles = compiles

    async def send(self, text: str, actor: Actor, variables: dict[str, Any] | None = None) -> ExecutionResult:
        """As the API does: compiled when possible, else or after a refusal by graphql-core."""
        schema = self.generation.schema._schema
        document = parse(text)
        assert validate(schema, document) == []
        try:
            compiled = compile_write(self.generation, document, None, variables or {}, actor) if self.compiles else None
            if compiled is not None:
                return ExecutionResult(orjson.loads(await compiled.run(self.database, actor)), None)
        except RequestError:
            pass
        context = RequestContext(self.generation, actor, self.database)
        result = execute(schema, document, context_value=context, variable_values=variables)
        return result if isinstance(result, ExecutionResult) else await result

    async def count(self) -> int:
        return int(await self.database.fetch_value("SELECT count(*) FROM community_repair_order", []))


@pytest.fixture(params=[True, False], ids=["compiled", "ordinary"])
async def desk(database: Database, request: pytest.FixtureRequest) -> Desk:
    world = with_inspector(small_world())
    access = AccessModel(world)
    schema = await Composer()(world, {})
    reader = Reader(world, access)
    reader.use(schema._schema, database.dialect)
    await fill(database, world, county(orders=5))
    return Desk(database, FakeGeneration(world, access, reader, schema, Writer(database, world, access)), request.param)


def error_of(result: ExecutionResult) -> BaseException | None:
    assert result.errors is not None
    return result.errors[0].original_error


async def test_create_answers_the_row_as_the_caller_sees_it(desk: Desk) -> None:
    result = await desk.send(CREATE, RESIDENT, {"input": INPUT})
    assert result.errors is None
    assert result.data
    made = result.data["made"]
    assert made == {
        "id": made["id"], "version": 1, "division": OTHER_VILLAGE, "category": "lift", "cost": "12.50",
        "at": {"lng": 105.61, "lat": 36.5}, "tags": ["急"], "house": {"roomNo": "3-0"}, "reporterId": PERSON_ID,
        "overdue": True, "isSerious": True, "phone": "13812345678",
    }  # fmt: skip
    assert await desk.count() == 6


async def test_the_same_key_creates_once(desk: Desk) -> None:
    variables = {"input": INPUT, "key": "k1"}
    first = await desk.send(CREATE, RESIDENT, variables)
    again = await desk.send(CREATE, RESIDENT, variables)
    assert first.errors is None
    assert first.data == again.data
    assert await desk.count() == 6


async def test_update_and_delete_check_the_version(desk: Desk) -> None:
    update = """mutation($id: ID!, $v: Int!, $p: CommunityRepairOrderPatch!) {
      updateCommunityRepairOrder(id: $id, version: $v, patch: $p) { version state details } }"""
    made = await desk.send(CREATE, STREET_ADMIN, {"input": {**INPUT, "houseId": uid(4, 1), "reporterId": None}})
    assert made.errors is None
    assert made.data
    id = made.data["made"]["id"]
    changed = await desk.send(update, STREET_ADMIN, {"id": id, "v": 1, "p": {"state": "done", "details": None}})
    assert changed.data == {"updateCommunityRepairOrder": {"version": 2, "state": "done", "details": None}}
    stale = await desk.send(update, STREET_ADMIN, {"id": id, "v": 1, "p": {"state": "open"}})
    assert isinstance(error_of(stale), ConflictError)
    delete = "mutation($id: ID!, $v: Int!) { deleteCommunityRepairOrder(id: $id, version: $v) }"
    assert isinstance(error_of(await desk.send(delete, STREET_ADMIN, {"id": id, "v": 1})), ConflictError)
    gone = await desk.send(delete, STREET_ADMIN, {"id": id, "v": 2})
    assert (gone.errors, gone.data) == (None, {"deleteCommunityRepairOrder": id})
    after = await desk.send("query($id: ID!) { communityRepairOrder(id: $id) { id } }", STREET_ADMIN, {"id": id})
    assert after.data == {"communityRepairOrder": None}


async def test_refusals_write_nothing(desk: Desk) -> None:
    before = await desk.count()
    wrong = await desk.send(CREATE, RESIDENT, {"input": {**INPUT, "phone": "1", "cost": "0.001"}})
    error = error_of(wrong)
    assert isinstance(error, InvalidInputError)
    assert {problem.path for problem in error.problems} == {("input", "phone"), ("input", "cost")}
    assert wrong.data == {"made": None}
    assert isinstance(error_of(await desk.send(CREATE, ADMIN, {"input": INPUT})), PermissionDeniedError)
    assert await desk.count() == before


async def test_the_common_mutation_is_compiled_and_others_are_not(desk: Desk) -> None:
    def is_compiled(text: str, actor: Actor, **variables: Any) -> bool:
        return compile_write(desk.generation, parse(text), None, variables, actor) is not None

    delete = 'deleteCommunityRepairOrder(id: "x", version: 1)'
    assert is_compiled(CREATE, RESIDENT, input=INPUT)
    assert is_compiled(f"mutation {{ {delete} }}", RESIDENT)
    assert not is_compiled(f"mutation {{ a: {delete} b: {delete} }}", RESIDENT)
    assert not is_compiled(f"mutation {{ __typename {delete} }}", RESIDENT)
    assert not is_compiled(f"mutation {{ {'k' * 64}: {delete} }}", RESIDENT)
    assert not is_compiled(CREATE, RESIDENT, input={"category": "no such"})
    assert not is_compiled("{ __typename }", RESIDENT)


async def test_a_row_the_writer_may_not_see_comes_back_as_null(desk: Desk) -> None:
    inspector = Actor("u-i", "staff", None, frozenset({"anonymous", "inspector"}))
    before = await desk.count()
    result = await desk.send(CREATE, inspector, {"input": {**INPUT, "reporterId": None}})
    assert (result.errors, result.data) == (None, {"made": None})
    assert await desk.count() == before + 1


async def test_a_write_of_unknown_outcome_is_not_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks after the commit."""
    writer: Any = desk.generation.writer
    create, calls = writer.create, []

    async def breaks(*args: Any, **options: Any) -> Any:
        calls.append(await create(*args, **options))
        raise UnavailableError("数据库暂时连不上，请稍后再试")

    monkeypatch.setattr(writer, "create", breaks)
    host: Any = SimpleNamespace(generation=desk.generation, database=desk.database)
    execution = Execution(host, TrustedDocuments(), "dev")
    body = orjson.loads(await execution.answer(GraphQLRequest(CREATE, variables={"input": INPUT}), RESIDENT))
    assert len(calls) == 1
    assert await desk.count() == 6
    assert body["data"] == {"made": None}
    assert [(e["path"], e["extensions"]["code"]) for e in body["errors"]] == [(["made"], "UNAVAILABLE")]
