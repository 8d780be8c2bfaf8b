"""Requests made to be misread: forged cursors, and plans that serve one caller what another asked for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError

from tests.read.conftest import House
from tests.worlds import ADMIN, RESIDENT

ID = "01930000-0000-7000-8003-000000000001"


def cursor(*values: Any) -> str:
    return orjson.dumps(values).hex()


async def _both(house: House, document: Any, variables: dict[str, Any], actor: Actor = ADMIN) -> Any:
    """The answer of the compiled path, equal to the ordinary one."""
    compiled = await house.compiled(document, actor, variables)
    assert compiled is not None
    ordinary = await house.ordinary(document, actor, variables)
    assert ordinary.errors is None
    assert orjson.loads(compiled) == ordinary.data
    return ordinary.data


async def test_points_written_around_variables_follow_the_variables(house: House) -> None:
    document = house.document(
        "query($lng: Float!, $lat: Float!, $radius: Float!) { communityRepairOrders(where: "
        '{at: {near: {lng: $lng, lat: $lat, crs: "CGCS2000", radiusM: $radius}}}) { totalCount } }'
    )
    everywhere = await house.ask("{ communityRepairOrders { nodes { at { lng lat } } } }", RESIDENT)
    at = next(row["at"] for row in everywhere["communityRepairOrders"]["nodes"] if row["at"])
    here = await _both(house, document, {**at, "radius": 50}, RESIDENT)
    there = await _both(house, document, {"lng": 70, "lat": 1, "radius": 50}, RESIDENT)
    assert here["communityRepairOrders"]["totalCount"] >= 1
    assert there["communityRepairOrders"]["totalCount"] == 0


async def test_lists_written_around_variables_follow_the_variables(house: House) -> None:
    document = house.document("query($a: String!) { communityCompounds(where: {name: {in: [$a]}}) { nodes { name } } }")
    everything = await house.ask("{ communityCompounds { nodes { name } } }", ADMIN)
    names = {row["name"] for row in everything["communityCompounds"]["nodes"]}
    assert len(names) > 1
    for name in sorted(names):
        found = (await _both(house, document, {"a": name}))["communityCompounds"]["nodes"]
        assert {row["name"] for row in found} == {name}


async def test_a_variable_may_be_cursor_and_value_at_once(house: House) -> None:
    document = house.document(
        "query($a: String) { communityCompounds(after: $a, where: {name: {ne: $a}}) { totalCount nodes { id } } }"
    )
    first = await _both(house, document, {"a": None})
    after = first["communityCompounds"]["nodes"][0]["id"]
    second = await _both(house, document, {"a": cursor("id", after)})
    assert second["communityCompounds"]["nodes"] == first["communityCompounds"]["nodes"][1:]
    assert await house.compiled(document, ADMIN, {"a": "no cursor"}) is None
    refused = await house.ordinary(document, ADMIN, {"a": "no cursor"})
    assert refused.errors is not None
    assert refused.data == {"communityCompounds": None}


@pytest.mark.parametrize(
    "value", ["NaN", "sNaN", "Infinity", "1e400", "1e20000", "9" * 40, "１", "1.23456789", [0, [1], 9], 1.5, True, {}]
)
async def test_forged_decimals_in_cursors_are_refused(house: House, value: Any) -> None:
    text = "query($a: String) { communityRepairOrders(after: $a, orderBy: [{field: cost}]) { nodes { id } } }"
    await _refused(house, text, cursor("cost,id", value, ID))


@pytest.mark.parametrize(
    "forged",
    [cursor("created_at,id", None, ID), cursor("created_at,id", "2026-01-01T00:00:00Z", None), cursor("id", None)],
)
async def test_forged_nulls_in_cursors_are_refused(house: House, forged: str) -> None:
    order = ", orderBy: [{field: createdAt}]" if b"created_at" in bytes.fromhex(forged) else ""
    text = f"query($a: String) {{ communityRepairOrders(after: $a{order}) {{ nodes {{ id }} }} }}"
    await _refused(house, text, forged)


async def _refused(house: House, document: Any, forged: Any, variable: str = "a") -> None:
    assert await house.compiled(document, ADMIN, {variable: forged}) is None
    answer = await house.ordinary(document, ADMIN, {variable: forged})
    assert [getattr(error.original_error, "code", "") for error in answer.errors or ()] == ["INVALID_INPUT"]


def _or(conditions: int) -> dict[str, Any]:
    return {"or": [{"name": {"eq": f"x{i}"}} for i in range(conditions)]}


def _not(levels: int) -> dict[str, Any]:
    where: dict[str, Any] = {"name": {"eq": "x"}}
    for _ in range(levels):
        where = {"not": where}
    return where


async def test_a_filter_is_as_large_as_any_database_takes(house: House) -> None:
    document = house.document("query($w: CommunityCompoundWhere) { communityCompounds(where: $w) { totalCount } }")
    for where in (_or(198), _not(10)):
        await _both(house, document, {"w": where})
    for where in (_or(200), _or(5000), _not(18), _not(50)):
        await _refused(house, document, where, "w")


async def test_plans_of_any_shape_are_kept_within_a_budget(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = house.generation.reader
    document = house.document("query($w: CommunityCompoundWhere) { communityCompounds(where: $w) { totalCount } }")
    monkeypatch.setattr("core.read.reader.PLANS_MAX_CHARS", 20_000)
    for conditions in range(1, 60):
        assert reader.compile(document, None, {"w": _or(conditions)}, ADMIN) is not None
    operation = reader._operation(document, None)
    assert operation is not None
    assert 1 <= len(operation.plans) < 20
    assert reader._kept_chars <= 20_000


async def test_nesting_beyond_the_parser_is_the_callers_to_mend(house: House) -> None:
    """SQLite's parser is the only one with such a limit."""
    levels = 60
    text = f"SELECT {'(SELECT ' * levels}1{')' * levels}"
    if house.database.dialect.name == "postgres":
        assert await house.database.fetch_value(text, []) == 1
        return
    for ask in (house.database.fetch_value, house.database.fetch):
        with pytest.raises(InvalidInputError, match="过于复杂"):
            await ask(text, [])
