"""Random well-typed expressions as text, and the rows they are tried on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from core.manifest.model import World
from tests.worlds import ORG_ID, PERSON_ID, entity, plugin

ROW = entity(
    "core",
    "row",
    {
        "a": {"type": "integer", "min": -(2**53) + 1, "max": 2**53 - 1},
        "b": {"type": "integer"},
        "price": {"type": "decimal", "precision": 18, "scale": 2},
        "ratio": {"type": "decimal", "precision": 9, "scale": 4},
        "s": {"type": "string"},
        "t": {"type": "text"},
        "place": {"type": "division"},
        "flag": {"type": "boolean"},
        "other": {"type": "boolean"},
        "day": {"type": "date"},
        "moment": {"type": "datetime"},
        "clock": {"type": "time"},
        "tags": {"type": "list", "of": "string"},
        "numbers": {"type": "list", "of": "integer"},
        "owner": {"type": "ref", "to": "row"},
    },
)
WORLD = World({"core": plugin("core", (ROW,), ())})
NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
TEXTS = ("", "马", "马秀英", "海原县海城镇", "a'b\"c\\", "Ab", "z", "é", "\U00020bb7野家", "%_")
_NULLS: dict[str, Any] = dict.fromkeys(ROW.fields)


def _row(number: int, **values: Any) -> dict[str, Any]:
    return {"id": f"01930000-0000-7000-8000-00000000000{number:x}", **_NULLS, **values}


ROWS: tuple[dict[str, Any], ...] = (
    _row(0),
    _row(
        1, a=7, b=-2, price=Decimal("12.50"), ratio=Decimal("0.0001"), s="马秀英", t="海原县海城镇", flag=True,
        other=False, day=date(2024, 2, 29), moment=datetime(2026, 11, 22, 16, 0, tzinfo=UTC), place="640522100203",
        tags=["马", "z"], numbers=[1, 7], owner=PERSON_ID,
    ),
    _row(
        2, a=2**53 - 1, b=2**31 - 1, price=Decimal("9999999999999999.99"), ratio=Decimal("-99999.9999"), s="马", t="Ab",
        flag=False, other=True, day=date(2026, 11, 23), moment=datetime(2026, 11, 22, 15, 59, 59, 999000, tzinfo=UTC),
        place="640522000000", tags=[], numbers=[], owner=ORG_ID,
    ),
    _row(
        3, a=-(2**53) + 1, b=0, price=Decimal("-0.01"), ratio=Decimal("0.0000"), s="%_", t="a'b\"c\\", flag=True,
        other=True, day=date(1000, 1, 1), moment=datetime(1990, 7, 1, 16, 30, tzinfo=UTC), place="640523000000",
        tags=["%_"], numbers=[0],
    ),
    _row(
        4, a=0, b=1, s="\U00020bb7野家", t="é", other=False, day=date(9999, 12, 31), place="640522101000",
        tags=["é", "Ab"],
    ),
)  # fmt: skip

_quoted = st.sampled_from(TEXTS).map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"')
_small = st.sampled_from(["0", "1", "-1", "2", "7", "-3", "10", "100000", "9007199254740991", "9223372036854775807"])
_digits = st.sampled_from(["0.1", "12.50", "-0.01", "3.0", "99999.9999"])
_days = st.sampled_from(
    ['date("2024-02-29")', 'date("2026-11-23")', 'date("1000-01-01")', "day", "today()", "date(moment)"]
)
_moments = st.sampled_from(['timestamp("2026-11-23T00:00:00+08:00")', "moment", "now()"])
_divisions = st.sampled_from(["me.division", '"640522100000"', '"640522000000"', '"640000000000"'])


def _join(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    made = [st.just(p) if isinstance(p, str) else p for p in parts]
    return st.tuples(*made).map(lambda found: "(" + " ".join(found) + ")")


def _arithmetic(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _join(inner, st.sampled_from("+-*/%"), inner),
        _join("-", inner),
        _join(_flags, "?", inner, ":", inner),
        st.tuples(_days, _days).map(lambda d: f"days_between({d[0]}, {d[1]})"),
        st.tuples(_days, _days).map(lambda d: f"years_between({d[0]}, {d[1]})"),
        _words.map(lambda w: f"size({w})"),
    )


_flags = st.sampled_from(["flag", "other", "true", "false", "flag == null"])
_words = st.one_of(st.sampled_from(["s", "t", "place", "me.id"]), _quoted)
_ints = st.recursive(st.one_of(st.sampled_from(["a", "b", "size(tags)"]), _small), _arithmetic, max_leaves=5)
_decimals = st.recursive(
    st.one_of(st.sampled_from(["price", "ratio"]), _digits, _small),
    lambda inner: _join(inner, st.sampled_from("+-"), inner),
    max_leaves=4,
)
_texts = st.recursive(
    _words,
    lambda inner: st.one_of(
        _join(inner, "+", inner), _join(_flags, "?", inner, ":", inner), _ints.map(lambda i: f"string({i})")
    ),
    max_leaves=4,
)
_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_same = st.sampled_from(["==", "!="])
_tests = st.one_of(
    _join(_ints, _order, _ints),
    _join(_decimals, _order, _decimals),
    _join(st.one_of(_ints, _decimals), st.sampled_from(["==", ">"]), _join(st.just("price"), "*", _digits)),
    _join(_texts, _order, _texts),
    _join(_days, _order, _days),
    _join(_moments, _order, _moments),
    _join(_flags, _same, _flags),
    _join(st.sampled_from(["a", "s", "price", "day", "moment", "tags", "owner", "flag"]), _same, "null"),
    _join("owner", _same, st.sampled_from(["me.person", "me.org", "me.id", f'"{PERSON_ID}"', "s", "id"])),
    _join("owner in [", st.just(f'"{PERSON_ID}", "{ORG_ID}"'), "]"),
    _join(_texts, "in tags"),
    _join(_ints, "in numbers"),
    _join(_texts, "in", st.sampled_from(["me.roles", "me.grids"])),
    _join(_words, "in [", _words, ",", _words, "]"),
    _join(_ints, "in [", _ints, ",", _ints, "]"),
    st.tuples(st.sampled_from(["startsWith", "endsWith", "contains"]), _texts, _texts).map(
        lambda f: f"{f[0]}({f[1]}, {f[2]})"
    ),
    _divisions.map(lambda d: f"under(place, {d})"),
    _words.map(lambda w: f"under({w}, me.org_path)"),
    _flags,
)
booleans = st.recursive(
    _tests,
    lambda inner: st.one_of(
        _join(inner, "&&", inner),
        _join(inner, "||", inner, "||", inner),
        _join("!", inner),
        _join(inner, "?", inner, ":", inner),
        _join(inner, _same, inner),
    ),
    max_leaves=6,
)
anything = st.one_of(booleans, _ints, _decimals, _texts, _days)
