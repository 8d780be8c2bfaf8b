"""Parameters named by their source: equal sources share a placeholder, different ones never do."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from core.fields.column import Column
from core.store.dialect import Dialect, Postgres, Sqlite
from core.store.sql import Arg, Const, Env, Me, Now, Params

TEXT, INT, MONEY = Column("a", "text"), Column("b", "int"), Column("c", "decimal", scale=2)
NOW = datetime(2026, 1, 2, 3, 4, 5, 6000, UTC)
ENV = Env({"id": "u1", "grids": ("1", "2")}, {"where": {"price": Decimal("1.50"), "ids": ["x", "y"]}, "list": [1]}, NOW)


@pytest.fixture(params=[Sqlite, Postgres])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    made: Dialect = request.param()
    return made


def test_equal_sources_share_a_placeholder(dialect: Dialect) -> None:
    params = Params(dialect)
    names = [params.add(s, TEXT) for s in (Me("id"), Const("x"), Me("id"), Arg(("a",)), Const("x"))]
    assert names[0] == names[2]
    assert names[1] == names[4]
    assert len(set(names)) == len(params) == 3


def test_values_that_only_look_equal_stay_apart(dialect: Dialect) -> None:
    params = Params(dialect)
    names = [
        params.add(Const(1), INT),
        params.add(Const(True), Column("d", "bool")),
        params.add(Const(Decimal(1)), MONEY),
        params.add(Const(Decimal(1)), Column("c", "decimal", scale=3)),
        params.add(Me("grids"), TEXT, many=True),
        params.add(Me("grids"), TEXT),
    ]
    assert len(set(names)) == 6


def test_bind_reads_every_source_in_canonical_form() -> None:
    sqlite, postgres = Params(Sqlite()), Params(Postgres())
    for params in (sqlite, postgres):
        params.add(Me("id"), TEXT)
        params.add(Arg(("where", "price")), MONEY)
        params.add(Arg(("where", "ids")), TEXT, many=True)
        params.add(Now(), Column("t", "datetime"))
        params.add(Arg(("list", 0)), INT)
    assert sqlite.bind(ENV) == ["u1", 150, orjson.dumps(["x", "y"]).decode(), "2026-01-02T03:04:05.006Z", 1]
    assert postgres.bind(ENV) == ["u1", Decimal("1.50"), ["x", "y"], NOW, 1]


def test_what_is_missing_is_null(dialect: Dialect) -> None:
    params = Params(dialect)
    for source in (Me("none"), Arg(("where", "none")), Arg(("none", "deep")), Arg(("list", 7)), Arg(("where", 0))):
        params.add(source, TEXT)
        params.add(source, INT, many=True)
    assert params.bind(ENV) == [None] * 10
