"""Laws that hold for every set of rules: the database shows what the page says, and nobody sees more by a detour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tongban_sdk.actor import Actor

from core.access import AccessModel, me_of
from core.expr import parse
from core.expr.tree import both
from core.fields.masks import MASKS
from core.manifest.model import Rule
from core.store.database import Database
from tests.access.records import (
    FIELDS,
    RANK,
    RECORD,
    ROWS,
    Cell,
    expected,
    fill_records,
    rule_sets,
    rules_of,
    seen,
    world,
)
from tests.expr.tables import uuid

ROLES = ("anonymous", "resident")
PERSONS = tuple(uuid(2, n) for n in range(4))
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
async def records(database: Database) -> Database:
    await fill_records(database)
    return database


def citizen(person: str | None) -> Actor:
    return Actor("u", "citizen", person, frozenset(ROLES), real_name=3)


def is_less(part: dict[str, dict[str, Cell]], whole: dict[str, dict[str, Cell]]) -> bool:
    """No row and no cell of the part shows more than the whole."""
    return all(
        id in whole and all(RANK[cell.shown] <= RANK[whole[id][name].shown] for name, cell in cells.items())
        for id, cells in part.items()
    )


@given(rules=rule_sets(*ROLES), person=st.sampled_from([None, *PERSONS]))
@quick
async def test_the_database_shows_what_the_page_says(records: Database, rules: list[Rule], person: str | None) -> None:
    model, actor = AccessModel(world(rules)), citizen(person)
    for listed, unmasks in ((False, False), (True, False), (False, True)):
        found = await seen(records, model, actor, listed=listed, unmasks=unmasks)
        for row in ROWS:
            cells = {
                name: expected(rules, RECORD.fields[name], row, me_of(actor), listed=listed, unmasks=unmasks)
                for name in FIELDS
            }
            assert found.get(row["id"], dict.fromkeys(FIELDS, Cell("hidden", None))) == cells, (row, listed, unmasks)


@given(rules=rule_sets(*ROLES, max_size=2))
@quick
async def test_without_a_rule_there_is_nothing(records: Database, rules: list[Rule]) -> None:
    model = AccessModel(world(rules))
    assert await seen(records, model, Actor("x", "staff", PERSONS[0], frozenset({"doctor"}))) == {}
    # A role whose plugin is gone opens nothing to whoever still carries it, and the model tells of its rules.
    gone = world([])
    orphaned = replace(gone, plugins={**gone.plugins, "shop": replace(gone.plugins["shop"], parts={
        "entities": {"record": RECORD}, "access": tuple(rules),
    })})  # fmt: skip
    left = AccessModel(orphaned)
    assert await seen(records, left, citizen(PERSONS[0])) == {}
    assert left.orphans == tuple(rules)


@given(rules=rule_sets(*ROLES, max_size=3), more=rules_of("resident", 9), person=st.sampled_from(PERSONS))
@quick
async def test_one_more_rule_never_shows_less(records: Database, rules: list[Rule], more: Rule, person: str) -> None:
    for listed in (False, True):
        before = await seen(records, AccessModel(world(rules)), citizen(person), listed=listed)
        after = await seen(records, AccessModel(world([*rules, more])), citizen(person), listed=listed)
        assert is_less(before, after)


@given(rules=rule_sets(*ROLES), person=st.sampled_from(PERSONS))
@quick
async def test_a_list_never_shows_more_than_the_rows_one_by_one(
    records: Database, rules: list[Rule], person: str
) -> None:
    model = AccessModel(world(rules))
    in_list = await seen(records, model, citizen(person), listed=True)
    single = await seen(records, model, citizen(person))
    assert is_less(in_list, single)
    assert is_less(single, await seen(records, model, citizen(person), unmasks=True))
    for cells in in_list.values():
        assert {cells["illness"].shown, cells["secret"].shown} <= {"hidden", "masked"}


@given(rules=rule_sets("anonymous", "resident", "delegate", max_size=5), person=st.sampled_from(PERSONS))
@quick
async def test_a_delegate_never_sees_more_than_the_principal(records: Database, rules: list[Rule], person: str) -> None:
    # As the manifest reader makes rules of delegates: their plugin must be among the scopes.
    scoped = parse("'shop' in me.scopes")
    rules = [replace(r, where=both(r.where, scoped)) if r.role == "delegate" else r for r in rules]
    model = AccessModel(world(rules))
    roles = frozenset({"anonymous", "delegate"})
    delegate = Actor("u", "citizen", person, roles, real_name=3, agent=PERSONS[0], delegation="d", scopes=("shop",))
    for listed in (False, True):
        mine = await seen(records, model, citizen(person), listed=listed)
        assert is_less(await seen(records, model, delegate, listed=listed), mine)
        elsewhere = await seen(records, model, replace(delegate, scopes=("clinic",)), listed=listed)
        nobody = Actor("u", "citizen", person, frozenset({"anonymous"}))
        assert elsewhere == await seen(records, model, nobody, listed=listed)


@given(value=st.text(min_size=1, max_size=30).filter(lambda v: "*" not in v))
@settings(max_examples=200, deadline=None)
def test_no_mask_leaves_a_value_as_it_is(value: str) -> None:
    assert [name for name, mask in MASKS.items() if mask.apply(value) == value] == []
