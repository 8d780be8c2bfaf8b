"""What is known already stands in the form, with whose word it is; what the caller may not see does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from core.fields.times import utc_now
from core.forms.prefill import Prefilled, prefill
from core.manifest.cases import Service
from tests.forms.conftest import CLERK, HA, MA, NEIGHBOUR, RESIDENT, STREET, Homes

STATED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
COMPANY = "91640522MA76TEA05N"


@pytest.fixture
async def family(homes: Homes) -> Homes:
    adult = {"sex": "1", "kind": "registered", "state": "active", "birth_date": date(1980, 5, 1)}
    await homes.put("core.person", id=MA, name="马文", phone="13800000001", **adult)
    await homes.put("core.person", id=HA, name="哈武", **adult)
    household = await homes.put(
        "core.household", code="H1", kind="family", address="海城镇政府街1号院3号楼101", head_id=MA
    )
    await homes.put("core.household_member", household_id=household, person_id=MA, relation="head")
    unit = await homes.put("core.org_unit", code="GA", name="公安局", kind="department", path="/640522/ga/")
    await homes.put(
        "core.fact_source", person_id=MA, entity="core.person", row_id=MA, field="phone",
        department_id=unit, method="share", stated_at=STATED,
    )  # fmt: skip
    return homes


async def filled(homes: Homes, service: Service, **more: Any) -> dict[str, Prefilled]:
    return await prefill(homes, homes.database, more.pop("actor", RESIDENT), service, **more)


def values(found: dict[str, Prefilled]) -> dict[str, Any]:
    return {name: part.value for name, part in found.items()}


async def test_a_person_finds_his_own_facts_with_their_source(family: Homes, service: Service) -> None:
    found = await filled(family, service)
    assert values(found) == {"name": "马文", "phone": "13800000001", "address": "海城镇政府街1号院3号楼101"}
    assert found["phone"] == Prefilled("13800000001", "实有人口", "公安局", "2026-03-01T08:00:00.000Z")
    assert (found["name"].source, found["name"].department) == ("实有人口", "县数据管理部门")
    assert found["address"].source == "家庭户"


async def test_the_newest_word_on_a_fact_counts(family: Homes, service: Service) -> None:
    unit = await family.put("core.org_unit", code="RS", name="人社局", kind="department", path="/640522/rs/")
    await family.put(
        "core.fact_source", person_id=MA, entity="core.person", row_id=MA, field="phone",
        department_id=unit, method="counter", stated_at=STATED.replace(month=5),
    )  # fmt: skip
    found = (await filled(family, service))["phone"]
    assert (found.department, found.stated_at) == ("人社局", "2026-05-01T08:00:00.000Z")


async def test_of_what_he_owns_only_what_is_without_doubt(family: Homes, service: Service) -> None:
    first = await family.put("homes.house", owner_id=MA, room="101")
    await family.put("homes.house", owner_id=HA, room="102")
    assert values(await filled(family, service))["house"] == first
    await family.put("homes.house", owner_id=MA, room="103")
    assert "house" not in await filled(family, service)


async def test_the_last_application_even_what_is_never_listed_in_clear(family: Homes, service: Service) -> None:
    for number, illness in enumerate(["高血压", "糖尿病"], 1):
        id = f"01930000-0000-7000-8000-0000000001{number:02d}"
        at = utc_now().replace(year=2020 + number)
        sealed = family.vault.seal(f'"{illness}"', f"homes.repair.illness:{id}")
        await family.put(
            "homes.repair", id=id, created_at=at, updated_at=at, reporter_id=MA, category="water",
            place="public", illness=sealed, at_lng7=1056500000 + number, at_lat7=365600000,
        )  # fmt: skip
    found = await filled(family, service)
    assert found["at"].value == {"lng": 105.6500002, "lat": 36.56, "crs": "CGCS2000"}
    assert found["illness"].value == "糖尿病"
    assert found["illness"].source == "报修单"
    assert found["at"].stated_at.startswith("2022-")


async def test_the_unit_he_acts_for(family: Homes, service: Service) -> None:
    unit = await family.put("core.legal_entity", uscc=COMPANY, name="海原公司", kind="company", state="active")
    operator = replace(RESIDENT, legal_entity=unit, roles=frozenset({"anonymous", "legal_person"}))
    assert values(await filled(family, service, actor=operator))["company"] == COMPANY
    assert "company" not in await filled(family, service)


async def test_a_neighbour_finds_nothing_of_hers(family: Homes, service: Service) -> None:
    assert values(await filled(family, service, actor=NEIGHBOUR)) == {"name": "哈武"}
    assert await filled(family, service, actor=NEIGHBOUR, person=MA) == {}


async def test_what_a_clerk_sees_masked_is_not_filled_in(family: Homes, service: Service) -> None:
    answer = await filled(family, service, actor=CLERK, person=MA)
    assert values(answer) == {"name": "马文"}


async def test_a_mask_is_no_value(family: Homes, service: Service) -> None:
    async with family.database.transaction() as tx:
        await tx.execute("UPDATE core_person SET address = '海城镇政府街1号院3号楼101'")
    assert (await filled(family, service))["home"].value == "海城镇政府街1号院3号楼101"
    assert values(await filled(family, service, actor=STREET, person=MA)) == {"name": "马文"}


async def test_what_the_field_would_refuse_is_left_out(family: Homes, service: Service) -> None:
    async with family.database.transaction() as tx:
        await tx.execute("UPDATE core_person SET phone = '110'")
    assert "phone" not in await filled(family, service)


async def test_nobody_without_a_person_is_asked_about(family: Homes, service: Service) -> None:
    assert await filled(family, service, actor=replace(RESIDENT, person=None)) == {}
