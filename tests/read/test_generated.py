"""Random operations, valid by construction, answered alike by both paths for every role."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.read.conftest import House
from tests.worlds import ACTORS

SAMPLES: dict[str, tuple[str, ...]] = {
    "Int": ("1", "3", "-5", "null"),
    "Long": ("1", "9007199254740991"),
    "Boolean": ("true", "false"),
    "Decimal": ('"12.50"', '"0"', "7"),
    "Date": ('"2026-11-20"', "null"),
    "DateTime": ('"2026-03-05T00:00:00+08:00"',),
    "Time": ('"08:30"', '"23:30:00"'),
    "String": ('"open"', '"640522100000"', '"漏"', '"\\""', "null"),
    "ID": ('"01930000-0000-7000-8005-000000000003"', '"x"', "4"),
    "PageSize": ("1", "2", "5"),
}
PLACES = {
    "BoxInput": '{west: 105, east: 105.6, south: 36, north: 37, crs: "WGS84"}',
    "NearInput": '{lng: 105.55, lat: 36.5, radiusM: 9000, crs: "GCJ02"}',
}


def literal_of(dice: Random, type_: Any, depth: int) -> str:
    if isinstance(type_, GraphQLNonNull):
        found = literal_of(dice, type_.of_type, depth)
        return found if found != "null" else literal_of(dice, type_, depth)
    if isinstance(type_, GraphQLList):
        items = [literal_of(dice, type_.of_type, depth) for _ in range(dice.randint(0, 2))]
        return f"[{', '.join(items)}]"
    if isinstance(type_, GraphQLEnumType):
        return str(dice.choice(sorted(type_.values)))
    if isinstance(type_, GraphQLInputObjectType):
        needed = [name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)]
        if "leaf" in type_.extensions:
            return PLACES[type_.name]
        free = sorted(set(type_.fields) - set(needed)) if depth else []
        names = needed + dice.sample(free, min(len(free), dice.randint(0, 2)))
        return (
            "{" + ", ".join(f"{name}: {literal_of(dice, type_.fields[name].type, depth - 1)}" for name in names) + "}"
        )
    return dice.choice(SAMPLES[type_.name])


def arguments_of(dice: Random, arguments: dict[str, GraphQLArgument]) -> str:
    written = []
    for name, argument in arguments.items():
        is_needed = isinstance(argument.type, GraphQLNonNull)
        if name != "after" and (is_needed or dice.random() < 0.5):
            written.append(f"{name}: {literal_of(dice, argument.type, 2)}")
    return f"({', '.join(written)})" if written else ""


def selection_of(dice: Random, type_: GraphQLObjectType, depth: int, counter: list[int]) -> str:
    names = [name for name, field in type_.fields.items() if depth or is_leaf_type(get_named_type(field.type))]
    chosen = dice.choices([*names, "__typename"], k=dice.randint(1, 4))
    parts = []
    for name in chosen:
        counter[0] += 1
        alias = f"a{counter[0]}: "
        directive = dice.choice(("", "", "", " @include(if: $yes)", " @skip(if: $yes)"))
        if name == "__typename":
            parts.append(f"{alias}__typename{directive}")
            continue
        field = type_.fields[name]
        inner: Any = get_named_type(field.type)
        below = "" if is_leaf_type(inner) else " " + selection_of(dice, inner, depth - 1, counter)
        parts.append(f"{alias}{name}{arguments_of(dice, field.args)}{directive}{below}")
    body = " ".join(parts)
    form = dice.choice(("{ %s }", "{ ... { %s } }", "{ ... on " + type_.name + " { %s } }"))
    return str(form % body)


def operation_of(dice: Random, schema: GraphQLSchema) -> str:
    query = schema.query_type
    assert query is not None
    body = selection_of(dice, query, 5, [0])
    return "query($yes: Boolean!) { keep: __typename @include(if: $yes) " + body[1:]


@settings(
    max_examples=120, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
async def test_both_paths_answer_alike(house: House, seed: int) -> None:
    text = operation_of(Random(seed), house.schema)
    document = house.document(text)
    for actor in ACTORS:
        for yes in (True, False):
            ordinary = await house.ordinary(document, actor, {"yes": yes})
            compiled = await house.compiled(document, actor, {"yes": yes})
            if compiled is None:
                assert ordinary.errors, text
            else:
                assert ordinary.errors is None, text
                assert orjson.dumps(orjson.loads(compiled)) == orjson.dumps(ordinary.data), text
