from __future__ import annotations

from tongban_sdk.actor import ANONYMOUS, Actor

from core.access import AccessModel
from core.access.explain import Explanation, explain_read
from core.store.database import Database
from tests.access.conftest import NOW, make_id
from tests.worlds import PROPERTY_STAFF, REPAIR_ORDER, RESIDENT, STREET_ADMIN, small_world

WORLD = small_world()
MODEL = AccessModel(WORLD)


async def explain(database: Database, actor: Actor, number: int) -> Explanation:
    return await explain_read(database, WORLD, MODEL, actor, REPAIR_ORDER, make_id(number), NOW)


async def test_names_the_rule_and_the_field_rights(town: Database) -> None:
    found = await explain(town, PROPERTY_STAFF, 2)
    assert found.rule is not None
    assert (found.rule.id, found.rule.plugin_id) == ("community/access.yaml#8", "community")
    assert [(v.rule.id, v.holds) for v in found.verdicts] == [
        ("community/access.yaml#7", False),
        ("community/access.yaml#8", True),
    ]
    assert found.fields["phone"].shown == "masked"
    assert found.fields["state"].shown == "clear"
    assert (await explain(town, PROPERTY_STAFF, 1)).fields["phone"].shown == "clear"


async def test_says_why_not(town: Database) -> None:
    other = await explain(town, RESIDENT, 3)
    assert (other.exists, other.rule, [v.holds for v in other.verdicts]) == (True, None, [False])
    assert {verdict.shown for verdict in other.fields.values()} == {"hidden"}
    lacking = await explain(town, Actor("x", roles=frozenset({"resident"})), 1)
    assert [v.holds for v in lacking.verdicts] == [None]
    nobody = await explain(town, ANONYMOUS, 1)
    assert (nobody.verdicts, nobody.rule) == ((), None)
    assert nobody.other_roles == ("community_worker", "property_staff", "resident", "street_admin", "system_admin")


async def test_deleted_and_unknown_rows_are_equal(town: Database) -> None:
    deleted, unknown = await explain(town, STREET_ADMIN, 4), await explain(town, STREET_ADMIN, 99)
    assert (deleted.exists, deleted.rule) == (unknown.exists, unknown.rule) == (False, None)
