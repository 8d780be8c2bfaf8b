"""Where the subset allows, an expression means what the reference implementation of CEL says it means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]  # a C++ extension without types
from hypothesis import given, settings
from hypothesis import strategies as st

from core.expr import evaluate, parse

ENV = cel.NewEnv(
    variables={
        "a": cel.Type.INT,
        "b": cel.Type.INT,
        "s": cel.Type.STRING,
        "t": cel.Type.STRING,
        "flag": cel.Type.BOOL,
        "tags": cel.Type.List(cel.Type.STRING),
    }
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)

_flags = st.sampled_from(["flag", "true", "false", "(a > 1)", "(b / a == 1)"])
_ints = st.recursive(
    st.sampled_from(["a", "b", "0", "1", "7", "9223372036854775807", "size(s)", "size(tags)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(_flags, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
        inner.map("(-{})".format),
    ),
    max_leaves=5,
)
_texts = st.recursive(
    st.sampled_from(["s", "t", '"马"', '"海原县"', '""', "'a\\'b'"]),
    lambda inner: st.one_of(st.tuples(inner, inner).map("({0[0]} + {0[1]})".format), _ints.map("string({})".format)),
    max_leaves=3,
)
_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_finders = st.sampled_from(["startsWith", "endsWith", "contains"])
_words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)
_booleans = st.recursive(
    st.one_of(
        st.tuples(_ints, _order, _ints).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(_texts, _order, _texts).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(_texts, _finders, _texts).map("{0[0]}.{0[1]}({0[2]})".format),
        st.sampled_from(['("马" in tags)', "('x' in tags)", "(a in [1, 7])"]),
        _flags,
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||", "=="]), inner).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(inner, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
        inner.map("!({})".format),
    ),
    max_leaves=6,
)
_rows = st.fixed_dictionaries(
    {
        "a": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        "b": st.one_of(st.none(), st.integers(-3, 3)),
        "s": st.one_of(
            st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)
        ),
        "t": st.sampled_from(["马秀英", "海原县海城镇", "", "\U00020bb7"]),
        "flag": st.sampled_from([True, False, None]),
        "tags": st.sampled_from([[], ["马"], ["x", "y"]]),
    }
)


def by_cel(source: str, row: dict[str, Any]) -> Any:
    """A null of ours is a missing variable of CEL: both make the whole unknown unless something else decides."""
    known = {name: value for name, value in row.items() if value is not None}
    result = ENV.compile(source).eval(data=known)
    return None if result.type() == cel.Type.ERROR else result.value()


@given(source=st.one_of(_booleans, _ints, _texts), row=_rows)
@settings(max_examples=500, deadline=None)
def test_means_what_cel_means(source: str, row: dict[str, Any]) -> None:
    assert evaluate(parse(source), row, {}, NOW) == by_cel(source, row)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("7 / -2", -3),
        ("-7 % 3", -1),
        ("1 / 0", None),
        ("1 % 0", None),
        ("9223372036854775807 + 1", None),
        ("false && 1 / 0 == 1", False),
        ("true || 1 / 0 == 1", True),
        ("true && 1 / 0 == 1", None),
        ("size('马秀英')", 3),
        ("1 / 0 == 1 ? 1 : 2", None),
    ],
)
def test_known_values(source: str, expected: Any) -> None:
    assert evaluate(parse(source), {}, {}, NOW) == expected
    assert by_cel(source, {}) == expected
