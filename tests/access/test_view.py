"""Field rights: in clear, masked, hidden, always or by row."""

from __future__ import annotations

import pytest
from tongban_sdk.actor import Actor

from core.access import AccessModel, EntityScope, FieldView, me_of
from core.fields import SYSTEM_FIELDS
from core.manifest.model import Entity, Rule
from core.store.database import Database
from core.store.sql import Env, Params
from tests.access.conftest import NOW
from tests.worlds import ADMIN, PERSON, PROPERTY_STAFF, REPAIR_ORDER, RESIDENT, STREET_ADMIN, rule, small_world

WORLD = small_world()
MODEL = AccessModel(WORLD)


def views(*rules: Rule, entity: Entity = PERSON) -> dict[str, tuple[bool, bool, bool]]:
    """Field → is clear always, may be masked, is hidden always."""
    found = {name: MODEL.field_view(rules, field, entity) for name, field in entity.fields.items()}
    return {name: (view.is_clear, view.may_mask, view.is_hidden) for name, view in found.items()}


CLEAR, MASKED, HIDDEN = (True, False, False), (False, True, False), (False, False, True)


def test_sensitive_fields_are_masked_unless_opened() -> None:
    found = views(rule("a", PERSON, clear=("name",)))
    assert found == {"name": CLEAR, "phone": MASKED, "idno": MASKED, "birth": MASKED, "grid": CLEAR}


def test_fields_no_rule_names_are_hidden_and_id_never_is() -> None:
    opened = rule("a", PERSON, only=("name",))
    assert views(opened) == {"name": MASKED, "phone": HIDDEN, "idno": HIDDEN, "birth": HIDDEN, "grid": HIDDEN}
    assert MODEL.field_view([opened], SYSTEM_FIELDS["id"], PERSON).is_clear
    assert MODEL.field_view([opened], SYSTEM_FIELDS["created_by"], PERSON).is_hidden


def test_one_rule_for_all_rows_clears_whatever_others_say() -> None:
    narrow = rule("a", PERSON, where="id == me.person", clear="*", relation="self")
    assert views(narrow)["idno"] == CLEAR
    assert views(narrow, rule("b", PERSON))["idno"] == MASKED
    assert views(narrow, rule("b", PERSON, where="grid in me.grids", clear="*", relation="grid"))["idno"] == CLEAR
    assert (
        views(rule("a", PERSON, clear="*", relation="duty"), rule("b", PERSON, where="grid in me.grids"))["idno"]
        == CLEAR
    )


async def shown(database: Database, actor: Actor, name: str) -> list[tuple[object, bool]]:
    params = Params(database.dialect)
    scope = EntityScope(WORLD, REPAIR_ORDER, "r", params)
    rules = MODEL.rules(actor.roles, REPAIR_ORDER.key, "read")
    view: FieldView = MODEL.field_view(rules, REPAIR_ORDER.fields[name], REPAIR_ORDER)
    column = REPAIR_ORDER.fields[name].columns()[0].name
    sql = (
        f"SELECT {view.value_sql(scope, f'r.{column}')}, {view.masked_sql(scope)} FROM community_repair_order r "
        f"WHERE r.deleted_at IS NULL AND {MODEL.row_predicate(rules, scope)} ORDER BY r.id"
    )
    rows = await database.fetch(sql, params.bind(Env(me_of(actor), {}, NOW)))
    return [(row[0], bool(row[1])) for row in rows]


async def test_values_follow_the_rule_of_their_row(town: Database) -> None:
    clear, masked = ("13812345678", False), ("138****5678", True)
    assert await shown(town, RESIDENT, "phone") == [clear]
    assert await shown(town, PROPERTY_STAFF, "phone") == [clear, masked]
    assert await shown(town, STREET_ADMIN, "phone") == [masked, masked]
    assert await shown(town, ADMIN, "phone") == [masked, masked, masked]
    assert await shown(town, ADMIN, "details") == [(None, False)] * 3


async def test_two_roles_together_see_the_union(town: Database) -> None:
    both = Actor("x", person=RESIDENT.person, roles=frozenset({"resident", "system_admin"}))
    clear, masked = ("13812345678", False), ("138****5678", True)
    assert await shown(town, both, "phone") == [clear, masked, masked]
    reporters = [str(value) if value else None for value, _ in await shown(town, both, "reporter")]
    assert reporters == [RESIDENT.person, None, None]


async def test_a_masked_point_is_null(town: Database) -> None:
    assert await shown(town, STREET_ADMIN, "at") == [(None, True)] * 2


@pytest.mark.parametrize("actor", [STREET_ADMIN, PROPERTY_STAFF])
def test_filters_need_clear_rights_in_every_row(actor: Actor) -> None:
    rules = MODEL.rules(actor.roles, REPAIR_ORDER.key, "read")
    assert not MODEL.field_view(rules, REPAIR_ORDER.fields["phone"], REPAIR_ORDER).is_clear
    assert MODEL.field_view(rules, REPAIR_ORDER.fields["state"], REPAIR_ORDER).is_clear
