"""Composing: valid, incremental, collectable; and the private parts of strawberry that it leans on."""

from __future__ import annotations

import gc
import time
import weakref
from dataclasses import replace

import pytest
import strawberry
from graphql import GraphQLObjectType, GraphQLSchema, validate_schema
from tongban_sdk.host_api import GraphqlTypes

from core.api.compose import Composer, HostSchema, Roots
from core.api.plugin_types import SchemaConflictError
from core.manifest.model import Plugin, World
from tests.worlds import entity, plugin, small_world


@strawberry.type
class OwnQuery:
    @strawberry.field
    def health(self) -> str:
        return "ok"


@strawberry.type
class OwnSubscription:
    @strawberry.subscription
    async def ticks(self) -> int:  # type: ignore[misc]  # a generator in disguise for strawberry
        yield 1


@strawberry.type
class PluginQuery:
    @strawberry.field
    def communityFree(self) -> int:
        return 3


def big_plugin(number: int, entities: int = 20) -> Plugin:
    fields = {f"f{i}": {"type": "string"} for i in range(10)} | {"state": {"type": "enum", "values": {"a": "甲"}}}
    id = f"p{number}"
    made = [entity(id, f"thing{n}", fields | {"parent": {"type": "ref", "to": "thing0"}}) for n in range(entities)]
    return plugin(id, made, [])


def valid(schema: GraphQLSchema) -> bool:
    schema.assume_valid, schema._validation_errors = False, None
    return validate_schema(schema) == []


async def test_the_whole_is_valid_and_complete() -> None:
    schema = await Composer((Roots(OwnQuery, None, OwnSubscription),))(small_world(), {})
    core = schema._schema
    assert valid(core)
    # graphql-core's own walk finds nothing that the merged type map lacks, and nothing less.
    walked = GraphQLSchema(core.query_type, core.mutation_type, core.subscription_type, directives=core.directives)
    assert {name for name, t in walked.type_map.items() if core.type_map[name] is not t} == set()
    assert {"Query", "Mutation", "Subscription", "CommunityHouse"} <= set(core.type_map)
    assert "communityHouses(" in schema.as_str()


async def test_answers_of_own_fields_go_through_strawberry() -> None:
    schema = await Composer((Roots(OwnQuery),))(small_world(), {"community": GraphqlTypes(query=PluginQuery)})
    assert isinstance(schema, HostSchema)
    result = await schema.execute("{ health communityFree __typename }")
    assert result.data == {"health": "ok", "communityFree": 3, "__typename": "Query"}


async def test_types_are_built_once_per_manifest() -> None:
    composer = Composer((Roots(OwnQuery),))
    world = small_world()
    first = (await composer(world, {}))._schema.type_map
    again = (await composer(world, {"community": GraphqlTypes(query=PluginQuery)}))._schema.type_map
    assert first["CommunityHouse"] is again["CommunityHouse"]
    changed = replace(world.plugins["community"], hash="another")
    third = (await composer(World({**world.plugins, "community": changed}), {}))._schema.type_map
    assert third["CommunityHouse"] is not first["CommunityHouse"]
    assert third["CorePerson"] is first["CorePerson"]
    core = replace(world.plugins["core"], hash="another")
    fourth = (await composer(World({**world.plugins, "core": core}), {}))._schema.type_map
    assert fourth["CorePerson"] is not first["CorePerson"]
    house = fourth["CommunityHouse"]
    assert isinstance(house, GraphQLObjectType)
    assert house.fields["owner"].type is fourth["CorePerson"]


async def test_a_plugin_that_is_off_leaves_nothing() -> None:
    composer = Composer((Roots(OwnQuery),))
    world = small_world()
    await composer(world, {})
    text = (await composer(World({"core": world.plugins["core"]}), {})).as_str()
    assert "Community" not in text
    assert "community" not in text


@pytest.mark.parametrize("name", ["communityHouse", "createCommunityHouse"])
async def test_a_root_field_that_exists_is_refused(name: str) -> None:
    kind = "mutation" if name.startswith("create") else "query"
    taken: type = strawberry.type(
        type("Taken", (), {"__annotations__": {name: str}, name: strawberry.field(name=name)})
    )
    with pytest.raises(SchemaConflictError) as refused:
        await Composer()(small_world(), {"community": GraphqlTypes(**{kind: taken})})
    assert refused.value.name == name


async def test_two_types_of_one_name_are_refused() -> None:
    world = small_world()
    clash = plugin("community_house", [entity("community_house", "stats", {})], [])
    with pytest.raises(SchemaConflictError):
        await Composer()(World({**world.plugins, "community_house": clash}), {})


async def test_old_schemas_are_collected() -> None:
    composer = Composer((Roots(OwnQuery),))
    world = small_world()
    old = await composer(world, {})
    assert (await old.execute("{ health }")).data == {"health": "ok"}
    gone: list[weakref.ref[object]] = [weakref.ref(old), weakref.ref(old._schema)]
    gone.append(weakref.ref(old._schema.type_map["CommunityHouse"]))
    del old
    await composer(World({"core": world.plugins["core"]}), {})
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


async def test_the_next_plugin_pays_for_itself_only() -> None:
    """Bounds are wide: they catch a walk over all types, not a slow machine."""
    composer = Composer((Roots(OwnQuery),))
    plugins = {p.id: p for p in (big_plugin(n) for n in range(12))}
    first = dict(list(plugins.items())[:11])
    await composer(World({"p0": plugins["p0"]}), {})
    started = time.process_time()
    await composer(World(first), {})
    ten = time.process_time() - started
    started = time.process_time()
    schema = await composer(World(plugins), {})
    one = time.process_time() - started
    assert len(schema._schema.type_map) > 12 * 20 * 10
    assert one < ten / 2


def test_the_private_parts_we_lean_on() -> None:
    """Each line is an assumption of core/api/compose.py; check it when strawberry or graphql-core is raised."""
    schema = strawberry.Schema(query=OwnQuery)
    assert isinstance(schema._schema, GraphQLSchema)
    assert schema._schema._strawberry_schema is schema  # type: ignore[attr-defined]  # strawberry adds it
    assert callable(strawberry.Schema.get_type_by_name.cache_clear)
    assert callable(strawberry.Schema.get_directive_by_name.cache_clear)
    expected = {
        "query_type", "mutation_type", "subscription_type", "type_map", "directives", "description", "extensions",
        "ast_node", "extension_ast_nodes", "assume_valid", "_validation_errors", "_sub_type_map",
        "_implementations_map",
    }  # fmt: skip
    assert set(vars(GraphQLSchema())) == expected


async def test_a_deprecated_field_says_so_wherever_clients_meet_it() -> None:
    old = entity("p1", "thing", {"code": {"type": "string", "deprecated": "改用 number", "title": "编码"}})
    types = (await Composer()(World({"p1": plugin("p1", [old], [])}), {}))._schema.type_map
    for name in ("P1Thing", "P1ThingInput", "P1ThingPatch", "P1ThingWhere"):
        assert types[name].fields["code"].deprecation_reason == "改用 number"  # type: ignore[attr-defined]  # has fields
