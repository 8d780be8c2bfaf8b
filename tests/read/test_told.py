"""Lists tell the database about the caller's subtree; each caller gets the text that speaks of his own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from tongban_sdk.actor import Actor

from core.read.plan import TEXTS_MAX
from tests.read.conftest import House
from tests.read.county import OTHER_VILLAGE
from tests.worlds import STREET_ADMIN, VILLAGE

LIST = "{ communityHouses(first: 100) { nodes { id division } } }"
STATS = "{ communityHouseStats { count } }"


def at(division: str | None) -> Actor:
    return replace(STREET_ADMIN, division=division)


def compiled(house: House, text: str, actor: Actor) -> Any:
    found = house.generation.reader.compile(house.document(text), None, {}, actor)
    assert found is not None
    return found


async def divisions(house: House, actor: Actor) -> set[str]:
    data = await house.compiled(LIST, actor)
    assert data is not None
    return {node["division"] for node in orjson.loads(data)["communityHouses"]["nodes"]}


@pytest.mark.parametrize("text", [LIST, STATS])
async def test_one_plan_has_a_text_for_each_subtree(house: House, text: str) -> None:
    document = house.document(text)
    reader = house.generation.reader
    first, second = (reader.compile(document, None, {}, at(code)) for code in (VILLAGE, OTHER_VILLAGE))
    assert first is not None
    assert second is not None
    assert first.plan is second.plan
    is_postgres = house.database.dialect.name == "postgres"
    assert (f"'{VILLAGE}'" in first.sql, f"'{VILLAGE}'" in second.sql) == (is_postgres, False)
    assert (f"'{OTHER_VILLAGE}'" in second.sql) is is_postgres
    assert "\x02" not in first.sql
    county = reader.compile(document, None, {}, at("640522000000"))
    assert county is not None
    shares = ("0.05)" in first.sql, "0.9)" in first.sql, "0.05)" in county.sql, "0.9)" in county.sql)
    assert shares == ((False,) * 4 if is_postgres else (True, False, False, True))
    again = reader.compile(document, None, {}, at(VILLAGE))
    assert again is not None
    assert again.sql is first.sql


async def test_each_caller_gets_the_rows_of_his_own_subtree(house: House) -> None:
    assert await divisions(house, at(VILLAGE)) == {VILLAGE}
    assert await divisions(house, at(OTHER_VILLAGE)) == {OTHER_VILLAGE}
    assert await divisions(house, at("640522000000")) == {VILLAGE, OTHER_VILLAGE}
    assert await divisions(house, at(VILLAGE)) == {VILLAGE}


@pytest.mark.parametrize("code", [None, "", "640522", "' OR TRUE --", "64052210020'"])
async def test_who_has_no_subtree_sees_nothing(house: House, code: str | None) -> None:
    assert await divisions(house, at(code)) == set()


async def test_a_row_by_id_needs_no_text_of_its_own(house: House) -> None:
    text = '{ communityHouse(id: "01930000-0000-7000-8004-000000000001") { id } }'
    assert compiled(house, text, at(VILLAGE)).plan.statement.facts == {}


async def test_texts_are_bounded(house: House) -> None:
    reader, document = house.generation.reader, house.document(LIST)
    for number in range(TEXTS_MAX * 2):
        found = reader.compile(document, None, {}, at(f"640522101{200 + number:03d}"))
        assert found is not None
        assert "\x02" not in found.sql
        assert len(found.plan._texts) <= TEXTS_MAX
