"""The demo county: equal for equal seeds, plausible, and no number of a real person."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from core.fields.refs import Ref
from core.privacy.people import years_old
from core.store.database import Database
from tests.manifests.county import PEOPLE, County, load_county

#: Personal texts of children are sealed.
OPEN = "substr({}, 1, 4) <> 'tb1.'"
IN_COUNTY = pytest.mark.asyncio(loop_scope="module")


@IN_COUNTY
async def test_the_counts_follow_the_population(county: County) -> None:
    rows = county.loaded.rows
    assert rows["core.person"] == rows["core.household_member"] == rows["community.house_person"] == PEOPLE
    assert rows["core.household"] == rows["community.house"] == round(PEOPLE * 0.3)
    assert rows["community.repair_order"] == round(PEOPLE * 0.1)
    assert rows["community.compound"] == 159
    for entity, count in rows.items():
        assert await county.value(f"SELECT count(*) FROM {county.world.entities[entity].table}") == count, entity


@IN_COUNTY
async def test_nobody_lives_in_a_virtual_division(county: County) -> None:
    homes = {code for (code,) in await county.fetch("SELECT DISTINCT division FROM core_person")}
    real = await county.fetch("SELECT code FROM core_division WHERE level = 'village' AND NOT is_virtual")
    assert homes <= {code for (code,) in real}


@IN_COUNTY
async def test_identity_numbers_keep_to_the_fixture_rule(county: County) -> None:
    rows = await county.fetch(
        f"SELECT idno, birth_date, sex FROM core_person WHERE idno IS NOT NULL AND {OPEN.format('idno')}"
    )
    assert len(rows) > PEOPLE * 0.75
    for number, birth, sex in rows:
        born = date.fromisoformat(str(birth))
        is_small = number[:6] in ("642222", "640421", "640522") and number[14:17] in ("998", "999")
        assert is_small or (number[:6] == "640522" and born.year < 2003), number
        assert number[6:14] == born.strftime("%Y%m%d")
        assert int(number[16]) % 2 == int(sex) % 2


@IN_COUNTY
async def test_phones_are_of_a_range_that_is_not_given_out(county: County) -> None:
    for table, column in (("core_person", "phone"), ("community_visitor", "visitor_phone"), ("core_staff", "phone")):
        phones = await county.fetch(
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL AND {OPEN.format(column)}"
        )
        assert phones
        assert all(re.fullmatch("154[0-9]{8}", phone) for (phone,) in phones)


@IN_COUNTY
async def test_points_lie_in_the_box_of_the_county(county: County) -> None:
    for table in ("core_person", "community_repair_order", "community_device"):
        # Those of children lie sealed.
        rows = await county.fetch(f"SELECT location_lng7, location_lat7 FROM {table} WHERE location_lng7 IS NOT NULL")
        assert rows
        assert all(1052500000 <= lng <= 1060500000 and 362500000 <= lat <= 369500000 for lng, lat in rows)


@IN_COUNTY
async def test_a_home_is_one_place(county: County) -> None:
    """House, household and people of one home agree on address and village."""
    rows = await county.fetch(
        "SELECT h.std_address, p.address, h.division, p.division, c.division FROM community_house_person x"
        " JOIN community_house h ON h.id = x.house_id JOIN core_person p ON p.id = x.person_id"
        " JOIN community_compound c ON c.id = h.compound_id"
    )
    assert len(rows) == PEOPLE
    rows = [row for row in rows if not row[1].startswith("tb1.")]
    assert len(rows) > PEOPLE * 0.75
    assert all(row[0] == row[1] and row[2] == row[3] == row[4] for row in rows)


@IN_COUNTY
async def test_grown_ups_represent_companies(county: County) -> None:
    rows = await county.fetch(
        "SELECT p.birth_date FROM core_legal_entity e JOIN core_person p ON p.id = e.representative_id"
    )
    assert len(rows) >= 5
    assert [born for (born,) in rows if years_old(date.fromisoformat(str(born))) < 18] == []


@IN_COUNTY
async def test_every_ref_leads_to_a_row(county: County) -> None:
    for entity in county.world.entities.values():
        for field in entity.fields.values():
            if isinstance(field, Ref):
                target = county.world.entities[field.to].table
                sql = (
                    f"SELECT count(*) FROM {entity.table} a LEFT JOIN {target} b ON b.id = a.{field.column_name}"
                    f" WHERE a.{field.column_name} IS NOT NULL AND b.id IS NULL"
                )
                assert await county.value(sql) == 0, f"{entity.key}.{field.name}"


@IN_COUNTY
async def test_the_citizen_of_the_demo_has_a_house_and_orders(county: County) -> None:
    citizen = county.loaded.personas["citizen"]["id"]
    assert await county.value(f"SELECT count(*) FROM community_house WHERE owner_id = '{citizen}'") == 1
    assert await county.value(f"SELECT count(*) FROM community_repair_order WHERE reporter_id = '{citizen}'") >= 3
    first = await county.value("SELECT id FROM core_person ORDER BY id LIMIT 1")
    assert str(first) == citizen


@IN_COUNTY
async def test_the_staff_of_the_demo_have_posts_roles_and_a_division(county: County) -> None:
    staff = county.loaded.personas["staff"]
    assert staff["division"] == "640522100000"
    ((account, work_division),) = await county.fetch(
        f"SELECT account, work_division FROM core_staff WHERE id = '{staff['id']}'"
    )
    assert (account, work_division) == ("town.640522100000", "640522100000")


@IN_COUNTY
async def test_one_seed_one_county_on_every_database(county: County, tmp_path: Path) -> None:
    digests = [county.loaded.digest]
    for seed in (1, 2):
        path = tmp_path / f"{seed}.sqlite3"
        database = await Database.open(f"sqlite:///{path}")
        try:
            digests.append((await load_county(database, people=PEOPLE, seed=seed)).loaded.digest)
        finally:
            await database.close()
    assert digests[0] == digests[1] != digests[2]
