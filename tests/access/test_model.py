"""Rules as rows and fields: what SQL lets through is what Python lets through, and nothing by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tongban_sdk.actor import ANONYMOUS, Actor

from core.access import AccessModel, EntityScope, me_of
from core.expr import Undecided
from core.manifest.model import Entity, World
from core.store.database import Database
from core.store.sql import Env, Params
from tests.access.conftest import DIVISIONS, NOW, ORDERS
from tests.worlds import (
    ACTORS,
    ADMIN,
    COMPOUND,
    HOUSE,
    PERSON,
    PERSON_ID,
    PROPERTY_STAFF,
    REPAIR_ORDER,
    RESIDENT,
    STREET_ADMIN,
    WORKER,
    plugin,
    rule,
    small_world,
)

WORLD = small_world()
MODEL = AccessModel(WORLD)


async def visible(database: Database, model: AccessModel, world: World, actor: Actor, entity: Entity) -> list[int]:
    params = Params(database.dialect)
    rules = model.rules(actor.roles, entity.key, "read")
    predicate = model.row_predicate(rules, EntityScope(world, entity, "r", params))
    if predicate is None:
        return []
    sql = f"SELECT id FROM {entity.table} r WHERE r.deleted_at IS NULL AND {predicate} ORDER BY id"
    rows = await database.fetch(sql, params.bind(Env(me_of(actor), {}, NOW)))
    return [int(str(row[0])[-2:]) for row in rows]


async def test_each_actor_sees_his_rows(town: Database) -> None:
    seen = {actor.id: await visible(town, MODEL, WORLD, actor, REPAIR_ORDER) for actor in ACTORS}
    assert seen == {
        "": [],
        "u-resident": [1],
        "u-property": [1, 2],
        "u-worker": [2],
        "u-street": [1, 2],
        "u-admin": [1, 2, 3],
    }


async def test_a_caller_without_the_fact_sees_nothing(town: Database) -> None:
    for roles in ({"resident"}, {"property_staff"}, {"street_admin"}):
        assert await visible(town, MODEL, WORLD, Actor("x", roles=frozenset(roles)), REPAIR_ORDER) == []


async def test_walks_of_several_steps(town: Database) -> None:
    staff_alone = replace(PROPERTY_STAFF, roles=frozenset({"property_staff"}))
    assert await visible(town, MODEL, WORLD, PROPERTY_STAFF, HOUSE) == [30]
    assert await visible(town, MODEL, WORLD, staff_alone, COMPOUND) == [20]
    assert await visible(town, MODEL, WORLD, ANONYMOUS, COMPOUND) == [20, 21]


def python_row(number: int) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(REPAIR_ORDER.fields)
    return {**empty, **ORDERS[number], "division": DIVISIONS[number]}


@pytest.mark.parametrize("actor", [RESIDENT, WORKER, STREET_ADMIN, ADMIN, ANONYMOUS], ids=lambda a: a.id)
async def test_python_allows_what_sql_shows(town: Database, actor: Actor) -> None:
    allowed = [
        number + 1
        for number in range(3)
        if MODEL.allows(actor, REPAIR_ORDER, "read", python_row(number), now=NOW) is not None
    ]
    assert allowed == await visible(town, MODEL, WORLD, actor, REPAIR_ORDER)


def test_a_walk_cannot_be_decided_without_its_row() -> None:
    with pytest.raises(Undecided):
        MODEL.allows(PROPERTY_STAFF, REPAIR_ORDER, "read", python_row(0))
    walked = python_row(0) | {"house.compound.property_org": PROPERTY_STAFF.org}
    found = MODEL.allows(PROPERTY_STAFF, REPAIR_ORDER, "update", walked, {"state"})
    assert found is not None
    assert found.id == "community/access.yaml#7"


def test_all_fields_written_must_be_opened() -> None:
    world = World(
        {
            "core": plugin(
                "core",
                (PERSON,),
                (
                    rule("a", PERSON, "update", only=("phone",), number=0),
                    rule("b", PERSON, "update", "id == me.person", only=("grid",), number=1),
                ),
            )
        }
    )
    model = AccessModel(world)
    both = Actor("x", person=PERSON_ID, roles=frozenset({"a", "b"}))
    mine, other = {"id": PERSON_ID}, {"id": "01930000-0000-7000-8000-0000000000ff"}
    first = model.allows(both, PERSON, "update", mine, {"phone", "grid"})
    assert first is not None
    assert first.id == "core/access.yaml#0"
    assert model.allows(both, PERSON, "update", other, {"phone", "grid"}) is None
    assert model.allows(both, PERSON, "update", other, {"phone"}) is not None
    assert model.allows(both, PERSON, "update", mine, {"name"}) is None
    assert model.allows(both, PERSON, "delete", mine) is None


def test_keys_hold_the_roles_that_rules_name() -> None:
    assert MODEL.key(frozenset({"resident", "made_up"})) == MODEL.key(frozenset({"resident"}))
    assert MODEL.key(frozenset({"resident"})) != MODEL.key(frozenset({"resident", "anonymous"}))


def test_me_lacks_what_no_row_can_have() -> None:
    me = me_of(Actor("", person="not a uuid", org="'; drop", org_path="no slash", division="6405"))
    assert {name: value for name, value in me.items() if value and not name.endswith("_share")} == {
        "roles": ("anonymous",)
    }
    assert me_of(STREET_ADMIN)["division_last"] == "640522100999999"
    assert me_of(PROPERTY_STAFF)["org_path_first"] == "/640522/wy/"
