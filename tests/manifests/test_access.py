"""What each role sees of the demo county, counted in the database."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from tongban_sdk.actor import ANONYMOUS, Actor

from core.access import AccessModel
from tests.manifests.county import County, shipped

IN_COUNTY = pytest.mark.asyncio(loop_scope="module")
WORLD, _ = shipped()
ACCESS = AccessModel(WORLD)
OPEN = {
    "core.division", "core.code_item", "core.place", "core.grid", "core.org_unit", "community.compound",
    "community.fee_item", "community.notice", "community.activity", "community.topic", "community.volunteer_project",
    "community.provider", "community.service_offer", "community.venue",
}  # fmt: skip


def actor(role: str, **more: str | tuple[str, ...] | None) -> Actor:
    return Actor(id="a", kind="staff", roles=frozenset({"anonymous", role}), **more)  # type: ignore[arg-type]  # test data


def readable(roles: Iterable[str]) -> set[str]:
    return {key for key in WORLD.entities if ACCESS.rules(frozenset(roles), key, "read")}


def test_anonymous_reads_what_is_public_and_writes_nothing() -> None:
    assert readable(["anonymous"]) == OPEN
    assert [r.id for r in WORLD.rules if r.role == "anonymous" and r.can != {"read"}] == []
    for rule in WORLD.rules:
        if rule.role == "anonymous":
            fields = WORLD.entities[rule.entity].fields
            assert {fields[name].level for name in rule.fields & fields.keys()} <= {"L1", "L2"}, rule.id
            assert not rule.clear, rule.id


def test_nobody_learns_who_wrote_what_is_shown_without_its_author() -> None:
    """The account of a row tells as much as its author field does."""
    accounts = {"created_by", "updated_by"}
    for rule in WORLD.rules:
        if "read" in rule.can and (rule.role == "anonymous" or rule.entity == "community.neighbour_post"):
            hides_author = rule.role == "anonymous" or "author" not in rule.fields
            assert accounts.isdisjoint(rule.fields) == hides_author, rule.id


@IN_COUNTY
async def test_anonymous_sees_published_notices_only(county: County) -> None:
    rows = await county.visible(ANONYMOUS, "community.notice", "x.state")
    assert rows
    assert {state for (state,) in rows} == {"published"}
    published = await county.value("SELECT count(*) FROM community_notice WHERE state = 'published'")
    assert len(rows) == published < await county.value("SELECT count(*) FROM community_notice")


@IN_COUNTY
async def test_a_resident_sees_his_own_life_only(county: County) -> None:
    person = county.loaded.personas["citizen"]["id"]
    me = actor("resident", person=person)
    ((home,),) = await county.fetch(f"SELECT household_id FROM core_household_member WHERE person_id = '{person}'")
    for entity, column in (("core.household", "x.id"), ("core.household_member", "x.household_id")):
        rows = await county.visible(me, entity, column)
        assert rows
        assert {str(id) for (id,) in rows} == {str(home)}
    people = await county.visible(me, "core.person")
    family = await county.fetch(f"SELECT person_id FROM core_household_member WHERE household_id = '{home}'")
    assert people is not None
    assert len(family) >= 4
    assert sorted(people) == sorted(family)
    orders = await county.visible(me, "community.repair_order", "x.reporter_id")
    assert orders is not None
    assert len(orders) >= 3
    assert {str(reporter) for (reporter,) in orders} == {person}
    for entity, column, least in (
        ("community.house", "owner_id", 1),
        ("community.fee_bill", "payer_id", 2),
        ("community.vehicle", "owner_id", 0),
    ):
        rows = await county.visible(me, entity, f"x.{column}")
        assert rows is not None
        assert len(rows) >= least
        assert {str(owner) for (owner,) in rows} <= {person}
    for closed in ("core.staff", "community.device", "community.alarm", "community.patrol_task"):
        assert await county.visible(me, closed) is None


@IN_COUNTY
async def test_a_stranger_with_no_person_sees_no_personal_row(county: County) -> None:
    for entity in ("core.person", "community.house", "community.repair_order", "community.fee_bill"):
        assert await county.visible(actor("resident"), entity) == []


@IN_COUNTY
async def test_property_staff_see_the_compounds_of_their_company(county: County) -> None:
    id = county.loaded.personas["property"]["id"]
    ((org,),) = await county.fetch(f"SELECT org_unit_id FROM core_staff WHERE id = '{id}'")
    me = actor("property_staff", org=str(org))
    compounds = await county.visible(me, "community.compound", "x.property_org_id")
    assert compounds
    managed = f"SELECT id FROM community_compound WHERE property_org_id = '{org}'"
    for entity in ("house", "repair_order", "vehicle", "parking_space", "device"):
        rows = await county.visible(me, f"community.{entity}")
        sql = f"SELECT count(*) FROM community_{entity} WHERE compound_id IN ({managed})"
        assert rows is not None
        assert len(rows) == await county.value(sql) < await county.value(f"SELECT count(*) FROM community_{entity}")
    assert await county.visible(me, "core.person") is None


@pytest.mark.parametrize(
    ("role", "division", "prefix"),
    [("street_admin", "640522100000", "640522100"), ("community_worker", "640522100203", "640522100203")],
)
@IN_COUNTY
async def test_staff_see_their_division_and_not_its_neighbours(
    county: County, role: str, division: str, prefix: str
) -> None:
    me = actor(role, division=division)
    for entity in ("core.person", "core.household", "community.house", "community.repair_order"):
        rows = await county.visible(me, entity, "x.division")
        table = entity.replace(".", "_")
        assert rows is not None
        assert {found[: len(prefix)] for (found,) in rows} == {prefix}
        assert len(rows) == await county.value(f"SELECT count(*) FROM {table} WHERE division LIKE '{prefix}%'")


@IN_COUNTY
async def test_a_grid_worker_sees_the_people_of_his_grids(county: County) -> None:
    ((grid,),) = await county.fetch("SELECT grid FROM core_person ORDER BY id LIMIT 1")
    rows = await county.visible(actor("grid_worker", grids=(grid,)), "core.person", "x.grid")
    assert rows
    assert {found for (found,) in rows} == {grid}
    assert await county.visible(actor("grid_worker"), "core.person") == []


@pytest.mark.parametrize("role", ["system_admin", "security_admin", "audit_admin"])
def test_administrators_neither_see_nor_change_residents(role: str) -> None:
    about_people = {key for key, found in WORLD.entities.items() if found.subject_paths}
    about_people -= {
        "core.staff",
        "core.grid_assignment",
        "community.repair_order",
        "community.house",
        "core.legal_entity",
    }
    assert readable(["anonymous", role]) & about_people == set()
    for rule in WORLD.rules:
        if rule.role == role:
            assert rule.entity not in about_people, rule.id
            assert not rule.clear, rule.id
            assert not rule.unmask, rule.id
            levels = {
                WORLD.entities[rule.entity].fields[n].level
                for n in rule.fields & WORLD.entities[rule.entity].fields.keys()
            }
            assert levels <= {"L1", "L2"}, rule.id


def test_the_system_administrator_keeps_units_and_posts() -> None:
    roles = frozenset({"anonymous", "system_admin"})
    assert {"core.staff", "core.org_unit", "core.post", "core.file"} <= readable(roles)


def test_only_the_security_administrator_gives_roles_away() -> None:
    givers = {
        rule.role
        for rule in WORLD.rules
        if rule.entity in ("core.post", "core.staff") and rule.can & {"create", "update"} and "roles" in rule.fields
    }
    assert givers == {"security_admin"}
    assert {r.can for r in WORLD.rules if r.role == "audit_admin"} == {frozenset({"read"})}


def test_nobody_sees_both_a_birth_date_and_the_identity_number_whose_mask_hides_it() -> None:
    """110101********1234 hides the date of birth and nothing else."""
    rules = [r for r in WORLD.rules if r.entity == "core.person" and "read" in r.can and "idno" not in r.clear]
    ages = {r.role for r in rules if "birth_date" in r.clear}
    numbers = {r.role for r in rules if "idno" in r.fields}
    # An operator's own row: he knows both.
    assert ages & numbers == {"legal_person"}
    assert ages == {"legal_person", "grid_worker", "grid_leader"}


def test_a_resident_cannot_close_or_price_his_own_order() -> None:
    rules = [r for r in WORLD.rules if r.role == "resident" and r.entity == "community.repair_order"]
    written = {name for rule in rules if rule.can & {"create", "update"} for name in rule.fields}
    assert not written & {"state", "worker", "cost", "due_at", "finished_at", "materials", "division", "org"}
