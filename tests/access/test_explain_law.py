"""explain names what decided: the rule and its relation, a child's age, consent, a delegation, the real-name level."""

from __future__ import annotations

from dataclasses import replace

from tongban_sdk.actor import Actor

from core.access import AccessModel
from core.access.explain import Explanation, FieldVerdict, explain_read
from core.cli.explain import _to_json, _to_text
from core.manifest.model import Rule, World
from core.store.database import Database
from tests.access.records import RECORD, fill_records, world
from tests.expr.tables import NOW, uuid
from tests.worlds import rule

#: Records of: a grown-up who agreed (2), a child who took it back (4), somebody whose birthday nobody knows (8).
ADULT, CHILD, UNKNOWN = uuid(9, 2), uuid(9, 4), uuid(9, 8)
CLERK = Actor("c", "staff", roles=frozenset({"anonymous", "clerk"}))


async def explain(database: Database, rules: list[Rule], actor: Actor, id: str, of: World | None = None) -> Explanation:
    found = of or world(rules)
    return await explain_read(database, found, AccessModel(found), actor, RECORD, id, NOW)


def cell(found: Explanation, name: str) -> FieldVerdict:
    return replace(found.fields[name], rule=None)


async def test_age_consent_relation_and_lists(database: Database) -> None:
    await fill_records(database)
    plain = rule("clerk", RECORD, clear="*", number=1)
    found = await explain(database, [plain], CLERK, ADULT)
    assert cell(found, "phone") == FieldVerdict("clear", "clear", None)
    assert cell(found, "feeling") == FieldVerdict("clear", "clear", None)
    assert cell(found, "illness") == FieldVerdict("masked", "hidden", None, ("relation",))
    assert found.fields["illness"].rule == plain
    found = await explain(database, [plain], CLERK, CHILD)
    assert cell(found, "phone") == FieldVerdict("masked", "hidden", None, ("child",))
    assert cell(found, "feeling") == FieldVerdict("hidden", "hidden", None, ("consent", "child"))
    assert cell(found, "plain") == FieldVerdict("clear", "clear", None)
    assert cell(await explain(database, [plain], CLERK, UNKNOWN), "phone").closed == ("child",)
    bound = replace(plain, relation="duty")
    found = await explain(database, [plain, bound], CLERK, CHILD)
    assert found.fields["phone"] == FieldVerdict("clear", "masked", bound)
    assert found.fields["illness"] == FieldVerdict("clear", "masked", bound)
    assert found.fields["phone"].relation == "duty"


async def test_unmasking_delegations_and_real_names(database: Database) -> None:
    await fill_records(database)
    known = rule("resident", RECORD, where="me.real_name >= 2", clear=("phone",), unmask=("illness",), relation="duty")
    known = replace(known, real_name=2)
    scoped = rule("delegate", RECORD, where="'shop' in me.scopes", clear="*", relation="self", number=2)
    citizen = Actor("u", "citizen", uuid(2, 0), frozenset({"anonymous", "resident"}), real_name=1)
    found = await explain(database, [known, scoped], citizen, ADULT)
    assert [(v.rule.id, v.holds, v.lacks) for v in found.verdicts] == [("shop/access.yaml#0", False, ("real_name",))]
    found = await explain(database, [known, scoped], replace(citizen, real_name=2), ADULT)
    assert cell(found, "illness") == FieldVerdict("masked", "masked", None, can_unmask=True)
    delegate = replace(citizen, roles=frozenset({"anonymous", "delegate"}), real_name=2, scopes=("clinic",))
    found = await explain(database, [known, scoped], delegate, ADULT)
    assert [(v.rule.id, v.holds, v.lacks) for v in found.verdicts] == [
        ("shop/access.yaml#2(shop/access.yaml#0)", False, ("delegation",)),
    ]
    found = await explain(database, [known, scoped], replace(delegate, scopes=("shop",)), ADULT)
    assert found.fields["phone"].shown == "clear"
    assert "委托不含本应用" in _to_text(
        await explain(database, [known, scoped], delegate, ADULT), delegate, RECORD, ADULT
    )


async def test_rules_of_a_role_that_is_gone_are_named(database: Database) -> None:
    await fill_records(database)
    gone = rule("ghost", RECORD, clear="*", number=7)
    there = world([rule("clerk", RECORD, only=("plain",))])
    shop = there.plugins["shop"]
    parts = {**shop.parts, "access": (*shop.rules, gone)}
    left = replace(there, plugins={**there.plugins, "shop": replace(shop, parts=parts)})
    ghost = Actor("g", "staff", roles=frozenset({"anonymous", "ghost"}))
    found = await explain(database, [], ghost, ADULT, left)
    assert (found.rule, found.verdicts, found.orphans) == (None, (), (gone,))
    assert (
        _to_text(found, ghost, RECORD, ADULT).splitlines()[-1] == "无效：规则 shop/access.yaml#7 的角色 ghost 已不存在"
    )
    assert _to_json(found)["orphans"] == ["shop/access.yaml#7"]


async def test_the_page_says_all_of_it_in_words(database: Database) -> None:
    await fill_records(database)
    rules = [rule("clerk", RECORD, where="state == 'open'", clear=("phone",), unmask=("illness",), relation="duty")]
    found = await explain(database, rules, CLERK, CHILD)
    lines = _to_text(found, CLERK, RECORD, CHILD).splitlines()
    assert "  明文  phone（phone）  shop/access.yaml#0  关系：履职  列表中脱敏" in lines
    assert "  脱敏  illness（illness）  shop/access.yaml#0  关系：履职  说明目的后可看明文" in lines
    assert "  不显示  feeling（feeling）  没有同意或已撤回" in lines
    assert _to_json(found)["fields"]["phone"] == {
        "shown": "clear", "listed": "masked", "rule": "shop/access.yaml#0", "relation": "duty", "closed": [],
        "canUnmask": False,
    }  # fmt: skip
