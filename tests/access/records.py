"""Records about people of every kind, random rules on them, and what a rule shows by docs/rights.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hypothesis import strategies as st
from tongban_sdk.actor import Actor

from core.access import AccessModel, EntityScope, me_of
from core.access.view import FieldView
from core.expr import evaluate
from core.fields.base import Field
from core.manifest.consents import purposes_of
from core.manifest.model import Purpose, Relation, Rule, World
from core.store.database import Database
from core.store.insert import Insert
from core.store.migrate import migrate
from core.store.sql import Env, Params
from core.store.tables import table_of
from tests.expr.tables import CORE, NOW, fill, uuid
from tests.worlds import entity, plugin, rule

RECORD = entity(
    "shop",
    "record",
    {
        "owner": {"type": "ref", "to": "core.person"},
        "state": {"type": "string"},
        "plain": {"type": "string"},
        "phone": {"type": "string", "level": "L3", "purpose": "duty", "mask": "stars"},
        "feeling": {"type": "string", "level": "L3", "purpose": "visit", "mask": "stars"},
        "illness": {"type": "string", "level": "L4", "purpose": "duty", "mask": "stars"},
        "secret": {"type": "string", "level": "L4", "purpose": "visit", "mask": "stars"},
    },
    subjects=("owner",),
)
PURPOSES = {
    "visit": Purpose("visit", "走访", "consent", "P1Y", "上门看望"),
    "duty": Purpose("duty", "登记", "legal_duty", "P1Y", "依法登记"),
}
FIELDS = ("plain", "phone", "feeling", "illness", "secret")
#: Of persons 0 to 3 of tests.expr.tables: who is protected as a child, and who agreed to visits.
CHILDREN = {uuid(2, 1), uuid(2, 3)}
AGREED = {uuid(2, 0), uuid(2, 2)}
ROWS: tuple[dict[str, Any], ...] = tuple(
    {"id": uuid(9, n), "owner": owner, "state": state, **{name: f"{name} {n}" for name in FIELDS}}
    for n, (owner, state) in enumerate(
        [(owner, state) for owner in (None, *(uuid(2, p) for p in range(4))) for state in ("open", None)]
    )
)
Shown = Literal["hidden", "masked", "clear"]
RANK: Mapping[Shown, int] = {"hidden": 0, "masked": 1, "clear": 2}


def world(rules: Sequence[Rule]) -> World:
    shop = replace(plugin("shop", (RECORD,), rules), purposes=PURPOSES)
    return World({"core": CORE, "shop": shop})


VERSION = purposes_of(world(()).plugins["shop"])["shop.visit"].version


async def fill_records(database: Database) -> None:
    await fill(database, VERSION)
    await migrate(database, [table_of(RECORD)])
    fixed = {"created_at": NOW, "updated_at": NOW, "version": 1}
    rows = [{("owner_id" if k == "owner" else k): v for k, v in row.items()} | fixed for row in ROWS]
    await database.insert([Insert(table_of(RECORD), row) for row in rows])


_relations: st.SearchStrategy[Relation] = st.sampled_from(["", "self", "guardian", "duty"])
_wheres = st.sampled_from(
    [None, "owner == me.person", 'state == "open"', "state == null", "owner != me.person", "true"]
)
_names = st.lists(st.sampled_from(FIELDS), unique=True)


@st.composite
def rules_of(draw: st.DrawFn, role: str, number: int) -> Rule:
    only = draw(_names)
    return rule(
        role,
        RECORD,
        where=draw(_wheres),
        only=only,
        clear=[n for n in only if draw(st.booleans())],
        unmask=[n for n in only if draw(st.booleans())],
        relation=draw(_relations),
        number=number,
    )


def rule_sets(*roles: str, max_size: int = 4) -> st.SearchStrategy[list[Rule]]:
    """At most one rule per number: ids tell them apart."""
    one = st.tuples(st.sampled_from(roles), st.integers(0, max_size - 1)).flatmap(lambda pair: rules_of(*pair))
    return st.lists(one, max_size=max_size, unique_by=lambda found: found.id)


@dataclass(frozen=True)
class Cell:
    shown: Shown
    #: Id of the rule that clears it.
    rule: str | None


def expected(
    rules: Sequence[Rule], field: Field, row: Mapping[str, Any], me: Any, *, listed: bool, unmasks: bool
) -> Cell:
    cell = Cell("hidden", None)
    for one in rules:
        if one.where is None or evaluate(one.where, row, me, NOW) is True:
            shown = _shown(one, field, row["owner"], listed, unmasks)
            if RANK[shown] > RANK[cell.shown]:
                cell = Cell(shown, one.id if shown == "clear" else None)
    return cell


def _shown(one: Rule, field: Field, owner: str | None, listed: bool, unmasks: bool) -> Shown:
    if field.name not in one.fields:
        return "hidden"
    is_own = one.relation == "self" and one.role != "delegate"
    if field.purpose == "visit" and not is_own and owner not in AGREED:
        return "hidden"
    level = "L4" if field.level == "L3" and owner in CHILDREN else field.level
    is_clear = level == "L2" or field.name in one.clear or (unmasks and field.name in one.unmask)
    if level == "L4":
        if listed:
            return "masked" if one.relation else "hidden"
        is_clear = is_clear and bool(one.relation)
    return "clear" if is_clear else "masked"


async def seen(
    database: Database, model: AccessModel, actor: Actor, *, listed: bool = False, unmasks: bool = False
) -> dict[str, dict[str, Cell]]:
    """What the database shows: row id → field → cell, for the rows the actor sees at all."""
    rules = model.rules(actor.roles, RECORD.key, "read")
    params = Params(database.dialect)
    scope = EntityScope(model._world, RECORD, "r", params)
    predicate = model.row_predicate(rules, scope)
    if predicate is None:
        return {}
    columns = []
    for name in FIELDS:
        view = _view(model, rules, RECORD.fields[name], listed, unmasks)
        columns += [view.value_sql(scope, f"r.{name}"), view.masked_sql(scope), view.rule_sql(scope)]
    sql = f"SELECT r.id, {', '.join(columns)} FROM shop_record r WHERE {predicate} ORDER BY r.id"
    rows = await database.fetch(sql, params.bind(Env(me_of(actor), {}, NOW)))
    return {str(row[0]): dict(zip(FIELDS, _cells(str(row[0]), list(row)[1:]), strict=True)) for row in rows}


def _view(model: AccessModel, rules: Sequence[Rule], field: Field, listed: bool, unmasks: bool) -> FieldView:
    return model.may_unmask(rules, field, RECORD) if unmasks else model.field_view(rules, field, RECORD, listed=listed)


def _cells(id: str, values: list[Any]) -> list[Cell]:
    row = next(row for row in ROWS if row["id"] == id)
    cells = []
    for i, name in enumerate(FIELDS):
        value, masked, rule_id = values[3 * i : 3 * i + 3]
        shown: Shown = "clear" if value == row[name] else "masked" if value == "****" else "hidden"
        assert bool(masked) is (shown == "masked"), (name, value, masked)
        assert shown != "hidden" or value is None
        cells.append(Cell(shown, rule_id))
    return cells
