"""Our coercion says what graphql-core says, or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
    Undefined,
)
from graphql.utilities import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st

from core.api.scalars import DATETIME, DECIMAL, JSON, LONG, PAGE_SIZE
from core.read.coercion import NotPlain, coercion

STATE = GraphQLEnumType("State", {"open": GraphQLEnumValue("open"), "happenedAt": GraphQLEnumValue("happened_at")})
WHERE: GraphQLInputObjectType = GraphQLInputObjectType(
    "Where",
    lambda: {
        "and": GraphQLInputField(GraphQLList(GraphQLNonNull(WHERE))),
        "must": GraphQLInputField(GraphQLNonNull(GraphQLInt)),
        "state": GraphQLInputField(STATE),
        "at": GraphQLInputField(DATETIME),
        "amount": GraphQLInputField(DECIMAL),
        "direction": GraphQLInputField(STATE, default_value="open"),
    },
)
SCALARS = (GraphQLString, GraphQLID, GraphQLBoolean, GraphQLInt, GraphQLFloat, LONG, DECIMAL, DATETIME, JSON, PAGE_SIZE)
TYPES: tuple[Any, ...] = (
    *SCALARS, STATE, WHERE, GraphQLList(STATE), GraphQLNonNull(GraphQLString),
    GraphQLList(GraphQLNonNull(GraphQLList(GraphQLInt))),
)  # fmt: skip

LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5)
    | st.sampled_from(["open", "happenedAt", "closed", "12.50", "2026-11-22T08:30:00+08:00", "1", "-7"])
)  # fmt: skip
NAMES = st.sampled_from(["and", "must", "state", "at", "amount", "direction", "other"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))


@pytest.mark.parametrize("type_", TYPES, ids=str)
@given(value=VALUES)
def test_what_is_coerced_here_is_what_graphql_core_makes_of_it(type_: Any, value: Any) -> None:
    try:
        made = coercion(type_)(value)
    except NotPlain:
        return
    expected = coerce_input_value(value, type_)
    assert expected is not Undefined
    assert repr(made) == repr(expected)


@pytest.mark.parametrize(
    ("type_", "value", "made"),
    [
        (GraphQLNonNull(GraphQLID), "a", "a"),
        (PAGE_SIZE, 100, 100),
        (GraphQLList(STATE), ["open", None, "happenedAt"], ["open", None, "happened_at"]),
        (
            WHERE,
            {"at": "2026-11-22T08:30:00+08:00", "must": 1, "direction": None, "and": None, "amount": "1.5"},
            {"and": None, "must": 1, "at": "2026-11-22T08:30:00+08:00", "amount": "1.5", "direction": None},
        ),
    ],
    ids=str,
)
def test_plain_values_never_need_graphql_core(type_: Any, value: Any, made: Any) -> None:
    assert repr(coercion(type_)(value)) == repr(made)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (GraphQLNonNull(GraphQLID), None),
        (PAGE_SIZE, 101),
        (STATE, "closed"),
        (GraphQLList(STATE), "open"),
        (WHERE, {"direction": "open"}),
        (WHERE, {"must": 1}),
        (WHERE, {"must": 1, "direction": "open", "other": 1}),
        (WHERE, "text"),
    ],
    ids=str,
)
def test_anything_else_is_left_to_it(type_: Any, value: Any) -> None:
    with pytest.raises(NotPlain):
        coercion(type_)(value)
