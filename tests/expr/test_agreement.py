"""Python and both databases give the same value to every expression, nulls included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from tongban_sdk.actor import ANONYMOUS, Actor

from core.access import EntityScope, me_of
from core.expr import ExprError, Type, check_types, evaluate, parse, typed_sql
from core.fields.column import Column
from core.fields.names import EntityNames
from core.store.database import Database
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.sql import Env, Params
from core.store.tables import table_of
from tests.expr.sources import NOW, ROW, ROWS, WORLD, anything
from tests.worlds import PERSON_ID, VILLAGE

NAMES = EntityNames(ROW, WORLD.entity)
ACTORS = (
    ANONYMOUS,
    Actor(
        "u1",
        "staff",
        PERSON_ID,
        frozenset({"马", "anonymous"}),
        PERSON_ID,
        "/640522/mz/",
        VILLAGE[:9] + "000",
        (VILLAGE + "001",),
    ),
)


@pytest.fixture
async def filled(database: Database) -> Database:
    await migrate(database, [table_of(ROW)])
    fixed = {"created_at": NOW, "updated_at": NOW, "version": 1}
    rows = [{("owner_id" if name == "owner" else name): value for name, value in row.items()} | fixed for row in ROWS]
    await database.insert([Insert(table_of(ROW), row) for row in rows])
    return database


async def in_database(database: Database, source: str, actor: Actor) -> list[Any]:
    params = Params(database.dialect)
    scope = EntityScope(WORLD, ROW, "r", params)
    sql, found = typed_sql(parse(source), scope)
    column = _column(found)
    if database.dialect.name == "postgres" and found.kind == "text":
        sql = f"CAST({sql} AS text)"
    rows = await database.fetch(f"SELECT {sql} FROM core_row r ORDER BY r.id", params.bind(Env(me_of(actor), {}, NOW)))
    return [database.dialect.load(column, row[0]) for row in rows]


def _column(found: Type) -> Column:
    if found.kind == "list" or found.kind == "null":
        raise AssertionError(found)
    return Column("value", found.kind, found.scale)


def in_python(source: str, actor: Actor) -> list[Any]:
    return [evaluate(parse(source), row, me_of(actor), NOW) for row in ROWS]


def is_accepted(source: str) -> bool:
    try:
        check_types(parse(source), NAMES)
    except ExprError as error:
        # Generated expressions are well-typed; they may only have more decimals or depth than there may be.
        if "小数" not in error.message and "嵌套" not in error.message:
            raise
        return False
    return True


@given(source=anything)
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
async def test_python_and_sql_agree(filled: Database, source: str) -> None:
    assume(len(source) < 1500)
    assume(is_accepted(source))
    for actor in ACTORS:
        assert await in_database(filled, source, actor) == in_python(source, actor), source
