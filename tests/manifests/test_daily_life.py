"""Residents and staff at work through GraphQL: rules, numbers, divisions and masks of the shipped manifests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from tongban_sdk.actor import ANONYMOUS, Actor

from core.access import AccessModel
from core.api.compose import Composer
from core.read import Reader
from core.write import Writer
from tests.manifests.county import County
from tests.read.conftest import FakeGeneration, House

pytestmark = pytest.mark.asyncio(loop_scope="module")
VILLAGE = "640522100203"
WORKER = Actor(id="w", kind="staff", roles=frozenset({"anonymous", "community_worker"}), division=VILLAGE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(county: County) -> House:
    access = AccessModel(county.world)
    schema = await Composer()(county.world, {})
    reader = Reader(county.world, access, county.vault)
    reader.use(schema._schema, county.database.dialect)
    writer = Writer(county.database, county.world, access, vault=county.vault)
    return House(FakeGeneration(county.world, access, reader, schema, writer), county.database)


def citizen(county: County) -> Actor:
    person = county.loaded.personas["citizen"]["id"]
    return Actor(id="c", kind="citizen", roles=frozenset({"anonymous", "resident"}), person=person)


async def create(desk: House, actor: Actor, type_name: str, values: Mapping[str, Any], fields: str = "id") -> Any:
    text = f"mutation($input: {type_name}Input!) {{ create{type_name}(input: $input) {{ {fields} }} }}"
    return (await desk.ask(text, actor, {"input": values}))[f"create{type_name}"]


async def refused(desk: House, actor: Actor, type_name: str, values: Mapping[str, Any]) -> str:
    text = f"mutation($input: {type_name}Input!) {{ create{type_name}(input: $input) {{ id }} }}"
    result = await desk.ordinary(text, actor, {"input": values})
    assert result.errors
    return str(getattr(result.errors[0].original_error, "code", result.errors[0]))


async def home(desk: House, actor: Actor) -> dict[str, Any]:
    text = "{ communityHouses { nodes { id compoundId stdAddress roomNo maskedFields } } }"
    (found,) = (await desk.ask(text, actor))["communityHouses"]["nodes"]
    return dict(found)


async def test_a_resident_reports_a_fault_at_home(desk: House, county: County) -> None:
    me = citizen(county)
    house = await home(desk, me)
    assert house["maskedFields"] == []
    values = {
        "compoundId": house["compoundId"],
        "houseId": house["id"],
        "reporterId": me.person,
        "category": "water",
        "description": "水龙头漏水",
        "contactPhone": "15400000001",
    }
    made = await create(
        desk, me, "CommunityRepairOrder", values, "caseNo state division contactPhone reporterId house { stdAddress }"
    )
    today = datetime.now(UTC)
    assert made["caseNo"].startswith(f"CM640522{today:%Y}")
    assert made["caseNo"].endswith("0000001")
    assert {key: made[key] for key in ("state", "division", "contactPhone", "reporterId")} == {
        "state": "submitted", "division": VILLAGE, "contactPhone": "15400000001", "reporterId": me.person,
    }  # fmt: skip
    assert made["house"]["stdAddress"] == house["stdAddress"]


async def test_a_resident_reports_for_nobody_else_and_sets_no_state(desk: House, county: County) -> None:
    me = citizen(county)
    house = await home(desk, me)
    other = await county.value(f"SELECT id FROM core_person WHERE id <> '{me.person}' ORDER BY id LIMIT 1")
    values = {"compoundId": house["compoundId"], "reporterId": me.person, "category": "water", "description": "漏水"}
    before = await county.value("SELECT count(*) FROM community_repair_order")
    foreign = await county.value(f"SELECT id FROM community_house WHERE owner_id <> '{me.person}' ORDER BY id LIMIT 1")
    for wrong in ({"reporterId": str(other)}, {"state": "closed"}, {"cost": "1.00"}, {"houseId": str(foreign)}):
        code = await refused(desk, me, "CommunityRepairOrder", values | wrong)
        assert code in ("PERMISSION_DENIED", "INVALID_INPUT"), wrong
    assert await county.value("SELECT count(*) FROM community_repair_order") == before


async def test_anonymous_writes_nothing(desk: House, county: County) -> None:
    before = await county.value("SELECT count(*) FROM community_notice")
    values = {"title": "假公告", "body": "x", "state": "published"}
    assert await refused(desk, ANONYMOUS, "CommunityNotice", values) == "NOT_AUTHENTICATED"
    assert await county.value("SELECT count(*) FROM community_notice") == before


async def test_staff_keep_the_records_of_building_unit_home_people_and_vehicle(desk: House, county: County) -> None:
    """物业·基本信息 (楼 单元 户 人 车): staff write the five records and read them back as one tree."""
    compound = str(await county.value(f"SELECT id FROM community_compound WHERE division = '{VILLAGE}'"))
    building = await create(
        desk, WORKER, "CommunityBuilding", {"compoundId": compound, "buildingNo": "99", "name": "99号楼", "units": 2}
    )
    person = await create(
        desk,
        WORKER,
        "CorePerson",
        {"name": "马小满", "sex": "2", "birthDate": "2002-01-15", "idno": "640522200201159984", "phone": "15400000002"},
    )
    house = await create(
        desk,
        WORKER,
        "CommunityHouse",
        {
            "compoundId": compound, "buildingId": building["id"], "unitNo": "2", "roomNo": "301", "floor": 3,
            "area": "88.50", "houseCode": "640522100203990000000301", "stdAddress": "海城镇山门家园99号楼2单元301室",
            "ownerId": person["id"],
        },
    )  # fmt: skip
    await create(
        desk, WORKER, "CommunityHousePerson", {"houseId": house["id"], "personId": person["id"], "relation": "owner"}
    )
    await create(
        desk, WORKER, "CommunityVehicle", {"plate": "宁EA1234", "compoundId": compound, "ownerId": person["id"]}
    )
    text = """query($id: ID!, $owner: ID!) {
      communityHouse(id: $id) {
        division unitNo roomNo floor area building { buildingNo units }
        people { nodes { relation person { name phone idno maskedFields } } }
      }
      communityVehicles(where: {ownerId: {eq: $owner}}) { nodes { plate kind compoundId division } }
    }"""
    found = await desk.ask(text, WORKER, {"id": house["id"], "owner": person["id"]})
    assert found["communityHouse"] == {
        "division": VILLAGE,
        "unitNo": "2",
        "roomNo": "301",
        "floor": 3,
        "area": "88.50",
        "building": {"buildingNo": "99", "units": 2},
        "people": {
            "nodes": [
                {
                    "relation": "owner",
                    "person": {
                        "name": "马小满",
                        "phone": "15400000002",
                        "idno": "640522********9984",
                        "maskedFields": [
                            "idno",
                            "birthDate",
                            "ethnicity",
                            "education",
                            "marital",
                            "location",
                            "labels",
                        ],
                    },
                }
            ]
        },
    }
    assert found["communityVehicles"]["nodes"] == [
        {"plate": "宁EA1234", "kind": "owner", "compoundId": compound, "division": VILLAGE}
    ]


async def test_staff_write_in_their_own_village_only(desk: House, county: County) -> None:
    sql = f"SELECT id FROM community_compound WHERE division <> '{VILLAGE}' ORDER BY id LIMIT 1"
    other = str(await county.value(sql))
    values = {"compoundId": other, "buildingNo": "99", "name": "99号楼"}
    assert await refused(desk, WORKER, "CommunityBuilding", values) in ("PERMISSION_DENIED", "INVALID_INPUT")
    sql = f"SELECT count(*) FROM community_building WHERE compound_id = '{other}' AND building_no = '99'"
    assert await county.value(sql) == 0


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin"])
async def test_administrators_see_no_resident(desk: House, role: str) -> None:
    admin = Actor(id="a", kind="admin", roles=frozenset({"anonymous", role}))
    result = await desk.ordinary("{ corePersons { nodes { id } } }", admin, {})
    assert [getattr(error.original_error, "code", "") for error in result.errors or ()] == ["PERMISSION_DENIED"]


async def test_the_civil_affairs_officer_sees_masks(desk: House) -> None:
    roles = frozenset({"anonymous", "civil_affairs_officer"})
    officer = Actor(id="o", kind="staff", roles=roles, division="640522000000")
    text = "{ corePersons(first: 20) { nodes { phone idno birthDate location { lng } maskedFields } } }"
    nodes = (await desk.ask(text, officer))["corePersons"]["nodes"]
    assert len(nodes) == 20
    for node in nodes:
        assert node["birthDate"] is None
        assert node["location"] is None
        assert {"idno", "birthDate", "location"} <= set(node["maskedFields"])
        assert node["phone"] is None or "****" in node["phone"]
