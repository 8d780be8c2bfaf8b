"""Statistics of those who may not see the rows: no answer and no difference of answers tells of fewer than k."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations, product
from typing import Any

import orjson
import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import PermissionDeniedError

from core.access import AccessModel
from core.api.compose import Composer
from core.manifest.model import Entity, World
from core.read import Reader
from core.store.database import Database, Insert
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of
from tests.read.conftest import FakeGeneration, House
from tests.read.county import uid
from tests.worlds import entity, plugin, rule

K = 5
KINDS, STATES = ("a", "b", "c"), ("open", "done")
VILLAGES = ("640522100201", "640522100202", "640522101201", "640522102201")
VISIT: Entity = entity(
    "core",
    "visit",
    {
        "kind": {"type": "enum", "values": dict.fromkeys(KINDS, "种类")},
        "state": {"type": "enum", "values": dict.fromkeys(STATES, "状态")},
        "cost": {"type": "money"},
        "secret": {"type": "enum", "values": {"x": "x", "y": "y"}},
    },
    group_min=K,
)
NAMED = ("division", "kind", "state", "cost")
WORLD = World(
    {
        "core": plugin(
            "core",
            (VISIT,),
            (
                rule("leader", VISIT, "aggregate", only=NAMED, number=0),
                rule("clerk", VISIT, "read", number=1),
                rule("both", VISIT, "read", "kind == 'a'", number=2),
                rule("both", VISIT, "aggregate", only=NAMED, number=3),
                rule("narrow", VISIT, "aggregate", only=("kind",), number=4),
            ),
            ("anonymous", "leader", "clerk", "both", "narrow"),
        )
    }
)


def actor(*roles: str) -> Actor:
    return Actor("u", "staff", roles=frozenset({"anonymous", *roles}))


LEADER, CLERK, BOTH = actor("leader"), actor("clerk"), actor("both")


def rows() -> list[dict[str, Any]]:
    chance = random.Random(7)
    made = []
    for n in range(150):
        village = chance.choices(VILLAGES, (70, 4, 30, 3))[0]
        at = datetime(2026, 3, 1, tzinfo=UTC)
        made.append(
            {
                "id": uid(9, n), "division": village, "org": None, "created_at": at, "created_by": "u",
                "updated_at": at, "updated_by": "u", "version": 1, "deleted_at": None,
                "kind": chance.choices(KINDS, (10, 3, 1))[0], "state": chance.choice(STATES),
                "cost": Decimal(n) if n % 4 else None, "secret": "x",
            }
        )  # fmt: skip
    return made


ROWS = rows()


@pytest.fixture
async def house(database: Database) -> House:
    access, schema = AccessModel(WORLD), await Composer()(WORLD, {})
    reader = Reader(WORLD, access)
    reader.use(schema._schema, database.dialect)
    await migrate(database, tables_of(WORLD))
    await database.insert([Insert(table_of(VISIT), row) for row in ROWS])
    return House(FakeGeneration(WORLD, access, reader, schema), database)


STATS = """query($by: [CoreVisitGroupBy!], $where: CoreVisitWhere, $protected: Boolean) {
  coreVisitStats(groupBy: $by, where: $where, protected: $protected) {
    count key { division kind state } sum { cost } avg { cost } } }"""
FINEST = [{"field": "division"}, {"field": "kind"}, {"field": "state"}]


async def ask(house: House, who: Actor, where: Any = None, by: Any = None, protected: bool | None = None) -> Any:
    data = await house.compiled(STATS, who, {"by": by, "where": where, "protected": protected})
    assert data is not None
    return orjson.loads(data)["coreVisitStats"]


async def count(house: House, who: Actor, where: Any) -> int:
    [group] = await ask(house, who, where)
    return int(group["count"])


def filters() -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Every choice of places, kinds and states, and what it means for a cell's key."""
    places = [
        (None, lambda d: True),
        *(({"under": f"{code}000"}, lambda d, c=code: (d or "").startswith(c)) for code in ("640522100", "640522101")),
        *(({"eq": v}, lambda d, v=v: d == v) for v in VILLAGES),
    ]
    some = [list(c) for n in (1, 2) for c in combinations(KINDS, n)]
    for (place, in_place), kinds, state in product(places, [None, *some], [None, *STATES]):
        where = {
            **({"division": place} if place else {}),
            **({"kind": {"in": kinds}} if kinds else {}),
            **({"state": {"eq": state}} if state else {}),
        }
        yield (
            where,
            lambda key, p=in_place, k=kinds, s=state: (
                p(key["division"]) and (not k or key["kind"] in k) and (not s or key["state"] == s)
            ),
        )


async def test_every_answer_is_a_sum_over_cells_of_at_least_k(house: House) -> None:
    cells = await ask(house, LEADER, by=FINEST)
    assert all(cell["count"] >= K and cell["count"] % K == 0 for cell in cells)
    checked = 0
    for where, holds in filters():
        expected = sum(cell["count"] for cell in cells if holds(cell["key"]))
        assert await count(house, LEADER, where) == expected, where
        outside = await count(house, LEADER, {"not": where})
        assert outside == sum(cell["count"] for cell in cells if not holds(cell["key"])), where
        checked += 2
    assert checked > 200


async def test_cells_hold_at_least_k_true_rows_and_lose_little(house: House) -> None:
    true = Counter((r["division"], r["kind"], r["state"]) for r in ROWS)
    assert sum(n < K for n in true.values()) > 5  # or this proves nothing
    cells = {tuple(c["key"].values()): c["count"] for c in await ask(house, LEADER, by=FINEST)}
    for key, found in cells.items():
        if key in true:
            assert true[key] >= K
            assert abs(found - true[key]) <= K / 2
    merged = sum(n for key, n in cells.items() if key not in true)
    assert abs(merged - sum(n for key, n in true.items() if key not in cells)) < K * len(cells)
    assert not any(true[key] < K for key in cells if key in true)


async def test_differences_of_overlapping_filters_recover_no_small_group(house: House) -> None:
    """The attack: count everything, count everything but the group, subtract. It works on exact statistics."""
    true = Counter((r["division"], r["kind"], r["state"]) for r in ROWS)
    small = [key for key, n in true.items() if n < K]
    for division, kind, state in small:
        group = {"division": {"eq": division}, "kind": {"eq": kind}, "state": {"eq": state}}
        everything = {"state": {"eq": state}}
        rest = {"and": [everything, {"not": group}]}
        exact = await count(house, CLERK, everything) - await count(house, CLERK, rest)
        assert exact == true[division, kind, state]
        assert await count(house, LEADER, everything) - await count(house, LEADER, rest) == 0
        assert await count(house, LEADER, group) == 0


async def test_sums_and_averages_are_of_cells_and_extremes_are_refused(house: House) -> None:
    for group in await ask(house, LEADER, by=FINEST):
        assert (group["sum"]["cost"] is None) == (group["avg"]["cost"] is None)
    [whole] = await ask(house, LEADER)
    costs = [row["cost"] for row in ROWS if row["cost"] is not None]
    mean = sum(costs) / len(costs)
    assert abs(Decimal(whole["avg"]["cost"]) - mean) < mean / 10
    for part in ("min", "max"):
        result = await house.ordinary(f"{{ coreVisitStats {{ {part} {{ cost }} }} }}", LEADER)
        assert isinstance(result.errors[0].original_error, PermissionDeniedError)  # type: ignore[index]  # it has errors


async def test_only_fields_the_rule_names_are_counted_by(house: House) -> None:
    for text in (
        '{ coreVisitStats(where: {secret: {eq: "x"}}) { count } }'.replace('"x"', "x"),
        "{ coreVisitStats(groupBy: [{field: secret}]) { count } }",
        "{ coreVisitStats(groupBy: [{field: createdAt}]) { count } }",
        '{ coreVisitStats(where: {id: {eq: "01930000-0000-7000-8009-000000000001"}}) { count } }',
        '{ coreVisitStats(where: {createdAt: {gt: "2026-01-01T00:00:00Z"}}) { count } }',
        '{ coreVisitStats(where: {cost: {gt: "3"}}) { count } }',
    ):
        result = await house.ordinary(text, LEADER)
        assert result.data == {"coreVisitStats": None}, text
        assert isinstance(result.errors[0].original_error, PermissionDeniedError), text  # type: ignore[index]  # same


async def test_aggregating_opens_no_row(house: House) -> None:
    for text in ("{ coreVisits { totalCount } }", f'{{ coreVisit(id: "{uid(9, 1)}") {{ id }} }}'):
        result = await house.ordinary(text, LEADER)
        assert isinstance(result.errors[0].original_error, PermissionDeniedError)  # type: ignore[index]  # same


async def test_a_reader_counts_his_rows_exactly_unless_he_asks_for_the_protected_figure(house: House) -> None:
    mine = sum(row["kind"] == "a" for row in ROWS)
    [exact] = await ask(house, BOTH)
    [floored] = await ask(house, BOTH, protected=True)
    assert exact["count"] == mine
    assert floored["count"] > mine
    assert floored["count"] % K == 0
    result = await house.ordinary("{ coreVisitStats(protected: true) { count } }", CLERK)
    assert isinstance(result.errors[0].original_error, PermissionDeniedError)  # type: ignore[index]  # same


async def test_two_rules_count_by_what_both_name(house: House) -> None:
    result = await house.ordinary("{ coreVisitStats(groupBy: [{field: state}]) { count } }", actor("leader", "narrow"))
    assert isinstance(result.errors[0].original_error, PermissionDeniedError)  # type: ignore[index]  # same
    groups = await house.ask("{ coreVisitStats(groupBy: [{field: kind}]) { key { kind } count } }", actor("narrow"))
    true = Counter(row["kind"] for row in ROWS)
    for group in groups["coreVisitStats"]:
        assert abs(group["count"] - true[group["key"]["kind"]]) <= K / 2
