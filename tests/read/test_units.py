"""Lists of rows of the caller's unit and those below: the text fits how many units these are, the rows are the same."""

from __future__ import annotations

import pytest
from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.manifest.model import World
from core.read.opener import Opener
from core.read.plan import Plan
from core.read.scope import Scope
from core.read.statement import Statement
from core.store.database import Database
from tests.expr.tables import ACTORS, CORE, NOW, ORDER, SHOP, fill, uuid
from tests.worlds import rule


@pytest.mark.parametrize(
    ("actor", "expected", "word"),
    [(ACTORS[0], [], "IN"), (ACTORS[1], [2, 3], "IN"), (ACTORS[2], [1, 2, 3, 4], "EXISTS")],
    ids=["nobody", "bureau", "county"],
)
@pytest.mark.parametrize("where", ["in_org(org)", "in_org(org) || state == 'nothing'"])
async def test_both_texts_admit_the_same_rows(
    database: Database, actor: Actor, expected: list[int], word: str, where: str
) -> None:
    await fill(database)
    world = World({"core": CORE, "shop": SHOP})
    statement = Statement.start(database.dialect, world)
    scope = Scope(statement, ORDER, "t1")
    scope.tells = True
    predicate = AccessModel(world).row_predicate([rule("clerk", ORDER, where=where)], scope)
    sql = f"SELECT t1.id FROM shop_order t1 WHERE {predicate} ORDER BY t1.id"
    plan = Plan.of(sql, statement, Opener())
    text = plan.text(actor)
    assert ("EXISTS (" in text) is (word == "EXISTS" or database.dialect.name == "postgres")
    assert ("\x04" in text, "\x07" in text) == (False, False)
    rows = await database.fetch(text, plan.bind(actor, {}, NOW))
    assert [str(row[0]) for row in rows] == [uuid(6, n) for n in expected]
