"""What expressions ask of tables: the rows that point here, units, cases, consents; by an oracle written in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tongban_sdk.actor import Actor

from core.access import EntityScope, me_of
from core.access.rows import rows_sql
from core.expr import ExprError, Undecided, check_types, evaluate, parse, to_sql
from core.expr.tree import Exists
from core.fields.names import EntityNames
from core.manifest.model import Entity
from core.store.database import Database
from core.store.sql import Env, Params
from tests.expr.tables import ACTORS, LINE, LINK, NOW, ORDER, ROWS, WORLD, fill, uuid


def inverse(entity: Any, name: str) -> Entity | None:
    found = WORLD.inverse(entity, name)
    return found[0] if found else None


WALK = "owner.guardian_links.exists(x, x.guardian == me.person)"
NAMES = EntityNames(ORDER, WORLD.entity, inverse)


@pytest.fixture
async def filled(database: Database) -> Database:
    await fill(database)
    return database


async def in_database(database: Database, source: str, actor: Actor) -> list[bool | None]:
    """The value for each order; and the rows alone must be those where it is true."""
    check_types(parse(source), NAMES)
    found = []
    for make in (to_sql, rows_sql):
        params = Params(database.dialect)
        sql = make(parse(source), EntityScope(WORLD, ORDER, "r", params))
        rows = await database.fetch(
            f"SELECT {sql} FROM shop_order r ORDER BY r.id", params.bind(Env(me_of(actor), {}, NOW))
        )
        found.append([None if row[0] is None else bool(row[0]) for row in rows])
    exact, rough = found
    assert [value is True for value in exact] == [value is True for value in rough], source
    return exact


def alive(entity: Entity) -> list[dict[str, Any]]:
    blank = dict.fromkeys(entity.fields)
    return [{**blank, **row} for owner, row in ROWS if owner is entity and not row.get("deleted_at")]


def some(row: dict[str, Any], macro: Exists, actor: Actor) -> bool | None:
    """CEL's exists over the lines of an order, or the guardian links of its owner."""
    many, ref, one = (LINE, "order", row["id"]) if macro.path == ("lines",) else (LINK, "ward", row["owner"])
    values = [
        evaluate(macro.condition, {**row, **{f"x.{name}": value for name, value in inner.items()}}, me_of(actor), NOW)
        for inner in alive(many)
        if inner[ref] == one and one is not None
    ]
    return True if True in values else None if None in values else False


_texts = st.sampled_from(["x.state", "state", "'open'", "case_no"])
_numbers = st.sampled_from(["x.count", "limit", "2", "x.count + limit"])
_tests = st.one_of(
    st.tuples(_texts, st.sampled_from(["==", "!="]), _texts).map(" ".join),
    st.tuples(_numbers, st.sampled_from(["<", ">=", "=="]), _numbers).map(" ".join),
    st.sampled_from(["x.done", "!x.done", "x.done == null", "owner == me.person", "true", "x.order.limit > 1"]),
)
_conditions = st.recursive(
    _tests,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda p: f"!({p})"),
    ),
    max_leaves=4,
)


@given(condition=_conditions)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_exists_is_cel_s_own(filled: Database, condition: str) -> None:
    source = f"lines.exists(x, {condition})"
    macro = parse(source)
    assert isinstance(macro, Exists)
    assume("x.order" not in condition)
    for actor in ACTORS:
        expected = [some(row, macro, actor) for row in alive(ORDER)]
        assert await in_database(filled, source, actor) == expected, source
        assert await in_database(filled, f"!{source}", actor) == [None if v is None else not v for v in expected]


async def test_exists_along_a_reference(filled: Database) -> None:
    source = 'owner.guardian_links.exists(x, x.guardian == me.person && x.state == "verified")'
    macro = parse(source)
    assert isinstance(macro, Exists)
    for actor in ACTORS:
        assert await in_database(filled, source, actor) == [some(row, macro, actor) for row in alive(ORDER)]
    # Person 1's order, for the guardian whose link is verified; a link that was deleted opens nothing (person 3).
    assert await in_database(filled, source, ACTORS[1]) == [False, True, False, False, False, False, False]
    assert await in_database(filled, source, ACTORS[2]) == [False, None, False, False, False, False, False]


async def test_exists_inside_exists(filled: Database) -> None:
    both = "lines.exists(x, x.order.lines.exists(y, y.count > x.count && y.id != x.id))"
    with pytest.raises(ExprError, match="没有反向字段"):
        check_types(parse(both.replace("x.order.lines", "x.lines")), NAMES)
    assert await in_database(filled, both, ACTORS[0]) == [False, None, True, False, False, False, False]
    walk = "lines.exists(x, x.order.owner.guardian_links.exists(g, g.weight == limit - 2))"
    assert await in_database(filled, walk, ACTORS[0]) == [False, True, False, False, False, False, False]


#: For no one, a bureau of /hy/mz/, the county /hy/: each order's org is nothing, /hy/, mz, mz/jz, mzx, /ty/, unknown.
IN_ORG = (
    [None] * 7,
    [None, False, True, True, False, False, False],
    [None, True, True, True, True, False, False],
)


@pytest.mark.parametrize(("actor", "expected"), list(zip(ACTORS, IN_ORG, strict=True)))
async def test_in_org_is_the_caller_s_unit_and_those_below(
    filled: Database, actor: Actor, expected: list[bool | None]
) -> None:
    assert await in_database(filled, "in_org(org)", actor) == expected
    assert await in_database(filled, "!in_org(org)", actor) == [None if v is None else not v for v in expected]
    with pytest.raises(Undecided):
        evaluate(parse("in_org(org)"), {"org": uuid(1, 1)}, me_of(ACTORS[1]), NOW)
    assert evaluate(parse("in_org(org)"), {"org": None}, me_of(ACTORS[1]), NOW) is None
    assert evaluate(parse("in_org(org)"), {"org": uuid(1, 1)}, me_of(ACTORS[0]), NOW) is None


async def test_who_takes_part_now(filled: Database) -> None:
    assert await in_database(filled, "participates(case_no)", ACTORS[0]) == [None] * 7
    # A1 since long; A2 ended this instant; A3 not yet; A4 from this instant; A5 deleted; A6 somebody else.
    assert await in_database(filled, "participates(case_no)", ACTORS[1]) == [
        None, True, False, False, True, False, False,
    ]  # fmt: skip
    assert await in_database(filled, "participates(case_no)", ACTORS[2]) == [None, *[False] * 5, True]


async def test_who_consented(filled: Database) -> None:
    owners = [row["owner"] for row in alive(ORDER)]
    expected = {None: None, uuid(2, 0): True, uuid(2, 1): False, uuid(2, 2): True, uuid(2, 3): False}
    for actor in ACTORS:
        found = await in_database(filled, "consented(owner, 'shop.visit')", actor)
        assert found == [expected[owner] for owner in owners]
    nobody = [None if owner is None else False for owner in owners]
    assert await in_database(filled, "consented(owner, 'shop.other')", ACTORS[0]) == nobody


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("lines.exists(x, x.count)", "exists 的条件应为是否，这里是整数"),
        ("lines.exists(x)", "exists 写作 反向字段.exists(x, 对 x 的条件)"),
        ("lines.exists(x.y, true)", "exists 写作"),
        ("line.exists(x, true)", "没有反向字段 line"),
        ("owner.lines.exists(x, true)", "没有反向字段 owner.lines"),
        ("state.exists(x, true)", "没有反向字段 state"),
        ("lines.exists(me, true)", "exists 的变量 me 与已有的名字相同"),
        ("lines.exists(state, true)", "exists 的变量 state 与已有的名字相同"),
        ("lines.exists(lines, true)", "exists 的变量 lines 与已有的名字相同"),
        ("lines.exists(x, x.nothing == 1)", "没有字段 x.nothing"),
        ("lines.exists(x, x == null)", "没有字段 x"),
        ("lines.exists(x, x.order.lines.exists(x, true))", "exists 的变量 x 与已有的名字相同"),
        ("in_org(state)", "in_org 的参数不能是文字"),
        ("consented(owner, state)", "consented 的第二个参数应写明目的"),
    ],
)
def test_faults_are_told(source: str, message: str) -> None:
    with pytest.raises(ExprError) as caught:
        check_types(parse(source), NAMES)
    assert caught.value.message.startswith(message)


def test_python_asks_the_database() -> None:
    row = {"id": uuid(6, 1), "state": "open"}
    for source in ("lines.exists(x, true)", "state == 'open' && lines.exists(x, true)"):
        with pytest.raises(Undecided):
            evaluate(parse(source), row, {}, NOW)
    assert evaluate(parse("state == 'done' && lines.exists(x, true)"), row, {}, NOW) is False
    assert evaluate(parse("state == 'open' || lines.exists(x, true)"), row, {}, NOW) is True


@pytest.mark.parametrize("source", ["lines.exists(x, x.done)", "in_org(org)", "participates(case_no)", WALK])
async def test_each_question_is_one_look_up_by_an_index(filled: Database, source: str) -> None:
    params = Params(filled.dialect)
    sql = rows_sql(parse(source), EntityScope(WORLD, ORDER, "r", params))
    query = f"SELECT 1 FROM shop_order r WHERE {sql}"
    values = params.bind(Env(me_of(ACTORS[1]), {}, NOW))
    if filled.dialect.name == "sqlite":
        plan = [str(step[3]) for step in await filled.fetch(f"EXPLAIN QUERY PLAN {query}", values)]
        assert [step.split()[1] for step in plan if step.startswith("SCAN")] == ["r"]
        assert any(step.startswith("SEARCH") and "INDEX" in step for step in plan)
        return
    # Six rows are scanned whatever indexes there are, unless scanning is forbidden.
    async with filled.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        plan = [str(step[0]).strip() for step in await tx.fetch(f"EXPLAIN {query}", values)]
    assert [step for step in plan if "Seq Scan" in step and "shop_order" not in step] == []
    assert any("Index" in step for step in plan)
