"""Why somebody may not apply: every reason at once, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tongban_sdk import Actor

from core.forms import Standing, eligibility
from core.manifest.cases import Service
from tests.forms.conftest import CLERK, HA, MA, NEIGHBOUR, RESIDENT, Homes

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
INDOOR = {"category": "water", "place": "indoor"}


@pytest.fixture
async def house(homes: Homes) -> str:
    await homes.put("core.person", id=MA, name="马文", sex="1", kind="registered", state="active")
    await homes.put("core.person", id=HA, name="哈武", sex="1", kind="registered", state="active")
    return await homes.put("homes.house", owner_id=MA, room="101")


async def ids(homes: Homes, service: Service, standing: Standing, values: dict[str, Any], **more: Any) -> list[str]:
    found = await eligibility(homes.database, homes.world, service, standing, values, **more)
    assert all(refusal.message for refusal in found)
    return [refusal.id for refusal in found]


async def test_an_owner_may_and_a_neighbour_may_not(homes: Homes, service: Service, house: str) -> None:
    values = {**INDOOR, "house": house}
    assert await ids(homes, service, Standing(RESIDENT, now=NOW), values, is_final=True) == []
    refused = await eligibility(homes.database, homes.world, service, Standing(NEIGHBOUR, now=NOW), values)
    assert [(r.id, r.message) for r in refused] == [("apply.precondition", "户内只有业主可以报修")]


async def test_before_the_form_is_full_nothing_is_refused_for_what_is_missing(
    homes: Homes, service: Service, house: str
) -> None:
    standing = Standing(RESIDENT, now=NOW)
    assert await ids(homes, service, standing, {}) == []
    assert await ids(homes, service, standing, INDOOR) == []
    assert await ids(homes, service, standing, INDOOR, is_final=True) == ["apply.precondition"]
    assert await ids(homes, service, standing, {**INDOOR, "house": house[:-1]}, is_final=True) == ["apply.precondition"]


async def test_a_condition_over_what_the_host_works_out(homes: Homes, service: Service, house: str) -> None:
    standing, values = Standing(RESIDENT, now=NOW), {**INDOOR, "house": house}
    assert await ids(homes, service, standing, {**values, "floor": 10}, is_final=True) == []
    refused = await eligibility(homes.database, homes.world, service, standing, {**values, "floor": 11})
    assert [r.message for r in refused] == ["十层以上请联系电梯公司"]


async def test_hidden_values_decide_nothing(homes: Homes, service: Service, house: str) -> None:
    values = {"category": "water", "place": "public", "house": house, "floor": 40}
    assert await ids(homes, service, Standing(NEIGHBOUR, now=NOW), values) == []


async def test_a_clerk_files_for_a_person_who_sits_before_him(homes: Homes, service: Service, house: str) -> None:
    values = {**INDOOR, "house": house}
    for_owner = Standing(CLERK, "window", person=MA, now=NOW)
    assert await ids(homes, service, for_owner, values, is_final=True) == []
    assert await ids(homes, service, replace(for_owner, person=HA), values, is_final=True) == ["apply.precondition"]
    # He owns the house himself, and that is nobody's business.
    owner = replace(for_owner, actor=replace(CLERK, person=MA), person=None)
    assert await ids(homes, service, owner, values) == ["apply.audience", "apply.precondition"]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(RESIDENT, now=NOW), []),
        (Standing(RESIDENT, "web", now=NOW), ["apply.channel"]),
        (Standing(RESIDENT, state="draining", now=NOW), ["apply.closed"]),
        (Standing(RESIDENT, now=datetime(2025, 12, 31, 15, 59, tzinfo=UTC)), ["apply.not-yet"]),
        (Standing(RESIDENT, now=datetime(2025, 12, 31, 16, 0, tzinfo=UTC)), []),
        (Standing(RESIDENT, now=datetime(2026, 12, 31, 15, 59, tzinfo=UTC)), []),
        (Standing(RESIDENT, now=datetime(2026, 12, 31, 16, 0, tzinfo=UTC)), ["apply.over"]),
        (Standing(replace(RESIDENT, real_name=1), now=NOW), ["apply.real-name"]),
        (Standing(Actor("plugin:homes", "system"), now=NOW), []),
        (Standing(Actor(), now=NOW), ["apply.audience", "apply.real-name"]),
        (Standing(Actor(), "hotline", "off", now=NOW), ["apply.closed", "apply.channel", "apply.audience"]),
    ],
)
async def test_what_the_item_asks_of_the_applicant(
    homes: Homes, service: Service, standing: Standing, expected: list[str]
) -> None:
    assert await ids(homes, service, standing, {}) == expected


async def test_an_item_for_companies_asks_for_one(homes: Homes) -> None:
    quick = homes.world.plugins["homes"].services["quick"][0]
    refused = await eligibility(homes.database, homes.world, quick, Standing(RESIDENT, "web", now=NOW), {})
    assert [(r.id, r.hint) for r in refused] == [
        ("apply.audience", "请以本单位的经办人登录"),
        ("apply.real-name", "请用 verifyFace 人脸核验，或持证件到政务服务窗口办理"),
    ]
    operator = replace(RESIDENT, legal_entity=HA, real_name=3)
    assert await ids(homes, quick, Standing(operator, "web", now=NOW), {}) == []
