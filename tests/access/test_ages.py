"""Fourteen, to the day of China's clock; who was born on 29 February turns it on 1 March; unknown protects."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from core.access import EntityScope, me_of
from core.access.protection import adult_expr
from core.access.rows import rows_sql
from core.expr import evaluate
from core.expr.clock import CHINA
from core.store.database import Database
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.sql import Env, Params
from core.store.tables import table_of
from tests.access.records import RECORD, world
from tests.expr.tables import ACTORS, PERSON, uuid

WORLD = world([])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


CASES = [
    (date(2012, 11, 23), at("2026-11-22T23:59:59.999"), False),
    (date(2012, 11, 23), at("2026-11-23T00:00:00"), True),
    (date(2012, 2, 29), at("2026-02-28T23:59:59"), False),
    (date(2012, 2, 29), at("2026-03-01T00:00:00"), True),
    (date(2012, 3, 1), at("2026-02-28T23:59:59"), False),
    (date(2012, 2, 28), at("2026-02-28T00:00:00"), True),
    (date(2012, 12, 31), at("2026-12-31T00:00:00"), True),
    (date(2013, 1, 1), at("2026-12-31T23:59:59"), False),
    (date(2027, 1, 1), at("2026-12-31T12:00:00"), False),
    (None, at("2026-12-31T12:00:00"), False),
]


@pytest.mark.parametrize(("born", "now", "adult"), CASES)
async def test_both_back_ends_agree_on_who_is_grown_up(
    database: Database, born: date | None, now: datetime, adult: bool
) -> None:
    itself, owner = adult_expr(WORLD, PERSON), adult_expr(WORLD, RECORD)
    assert (evaluate(itself, {"birth_date": born}, {}, now) is True) is adult
    assert (evaluate(owner, {"owner": uuid(2, 0), "owner.birth_date": born}, {}, now) is True) is adult
    await migrate(database, [table_of(PERSON), table_of(RECORD)])
    stamps = {"created_at": now, "updated_at": now, "version": 1}
    await database.insert([Insert(table_of(PERSON), {"id": uuid(2, 0), "birth_date": born, **stamps})])
    await database.insert(
        [Insert(table_of(RECORD), {"id": uuid(9, n), "owner_id": one, **stamps}) for n, one in OWNERS]
    )
    assert await admitted(database, now) == ([adult], [adult, True])


#: Her record, and one about nobody: that one keeps the levels it declares.
OWNERS = ((0, uuid(2, 0)), (1, None))


async def admitted(database: Database, now: datetime) -> tuple[list[bool], list[bool]]:
    found = []
    for entity in (PERSON, RECORD):
        params = Params(database.dialect)
        sql = rows_sql(adult_expr(WORLD, entity), EntityScope(WORLD, entity, "r", params))
        rows = await database.fetch(
            f"SELECT {sql} FROM {entity.table} r ORDER BY r.id", params.bind(Env(me_of(ACTORS[0]), {}, now))
        )
        found.append([bool(row[0]) for row in rows])
    return found[0], found[1]
