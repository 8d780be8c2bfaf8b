"""EXISTS in place of scalar subselects admits the same rows."""

from __future__ import annotations

import pytest

from core.access import EntityScope, me_of
from core.access.rows import rows_sql
from core.expr import parse, to_sql
from core.store.database import Database
from core.store.dialect import Dialect, Postgres, Sqlite
from core.store.sql import Env, Params
from tests.access.conftest import NOW
from tests.worlds import ORG_ID, PROPERTY_STAFF, REPAIR_ORDER, small_world

WORLD = small_world()
SOURCES = (
    "house.compound.property_org == me.org",
    "house.compound.property_org != me.org",
    "house.compound.property_org == null",
    "house.compound.property_org != null",
    "!(house.compound.property_org == me.org)",
    "house.compound.name == '老楼院' || state == 'done'",
    "house.compound.name.startsWith('幸福') && state == 'open'",
    "house.compound.name in ['老楼院', '别处']",
    "house.size_m2 > 79.5",
    "house.size_m2 * 2 > 159 && house.compound.name != 'x'",
    "house.room_no == case_no",
    "house.compound.name == house.label",
    "house.room_no < house.compound.name",
    "(reporter.name == null) == (house.owner == null)",
    "urgent ? house.compound.name == '幸福小区' : house.room_no == '102'",
    f"house.compound.property_org in ['{ORG_ID}']",
    "house.owner == me.person || reporter == me.person",
)


async def test_same_rows(town: Database) -> None:
    for source in SOURCES:
        found = []
        for make in (rows_sql, to_sql):
            params = Params(town.dialect)
            sql = make(parse(source), EntityScope(WORLD, REPAIR_ORDER, "r", params))
            statement = f"SELECT id FROM community_repair_order r WHERE {sql} ORDER BY id"
            found.append(await town.fetch(statement, params.bind(Env(me_of(PROPERTY_STAFF), {}, NOW))))
        assert [row[0] for row in found[0]] == [row[0] for row in found[1]], source


@pytest.mark.parametrize("dialect", [Sqlite(), Postgres()])
def test_walks_become_exists_only_where_unknown_is_no(dialect: Dialect) -> None:
    scope = EntityScope(WORLD, REPAIR_ORDER, "r", Params(dialect))
    used = {source: rows_sql(parse(source), scope).count("EXISTS") for source in SOURCES}
    assert [used[source] for source in SOURCES] == [2, 2, 0, 0, 0, 2, 2, 2, 1, 3, 0, 1, 1, 0, 0, 2, 1]
