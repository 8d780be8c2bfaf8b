"""The first household is the one stories are told about: mother, son, and a child with a guardian."""

from __future__ import annotations

import pytest

from core.demo.build import _with_first
from core.store.database import Database
from tests.manifests.county import County, load_county


@pytest.mark.parametrize(
    ("counts", "least", "expected"),
    [([1, 5, 2], 4, [4, 2, 2]), ([4, 1], 4, [4, 1]), ([1, 1], 4, [1, 1]), ([], 4, []), ([1, 2, 2], 0, [1, 2, 2])],
)
def test_the_first_takes_from_the_largest(counts: list[int], least: int, expected: list[int]) -> None:
    assert _with_first(counts, least) == expected
    assert sum(expected) == sum(counts)


async def test_mother_son_and_the_child_he_is_guardian_of(database: Database) -> None:
    county: County = await load_county(database, people=120)
    personas = {name: county.loaded.personas[name]["id"] for name in ("citizen", "son", "child")}
    homes = await county.fetch(
        "SELECT person_id, relation, household_id FROM core_household_member WHERE person_id IN ("
        + ", ".join(f"'{id}'" for id in personas.values())
        + ")"
    )
    assert len({str(home) for _, _, home in homes}) == 1
    assert {str(id): relation for id, relation, _ in homes} == {
        personas["citizen"]: "head", personas["son"]: "child", personas["child"]: "grandchild",
    }  # fmt: skip
    facts = dict(await county.fetch("SELECT CAST(id AS text), sex FROM core_person"))
    assert (facts[personas["citizen"]], facts[personas["son"]]) == ("2", "1")
    links = await county.fetch(
        "SELECT CAST(guardian_id AS text), state, relation FROM core_guardian_link"
        f" WHERE ward_id = '{personas['child']}'"
    )
    assert links == [(personas["son"], "verified", "parent")]


async def test_every_child_has_a_verified_guardian_and_nobody_else_has(database: Database) -> None:
    county = await load_county(database, people=200)
    wards = await county.fetch("SELECT CAST(ward_id AS text) FROM core_guardian_link WHERE state = 'verified'")
    children = await county.fetch(
        "SELECT CAST(id AS text) FROM core_person WHERE birth_date > '2012-11-20'"
        if database.dialect.name == "sqlite"
        else "SELECT CAST(id AS text) FROM core_person WHERE birth_date > DATE '2012-11-20'"
    )
    assert sorted(wards) == sorted(children)
    assert len(children) > 10


async def test_there_is_somebody_for_every_role_of_staff(database: Database) -> None:
    county = await load_county(database, people=100)
    lists = [
        *await county.fetch("SELECT CAST(roles AS text) FROM core_staff"),
        *await county.fetch("SELECT CAST(roles AS text) FROM core_post"),
    ]
    roles = {role for (text,) in lists for role in _names(text)}
    shared = {role.id for role in county.world.plugins["core"].roles.values() if role.code}
    citizens = {"resident", "delegate", "legal_person", "merchant"}
    administrators = {"system_admin", "security_admin", "audit_admin"}
    assert roles == shared - citizens - administrators | {"civil_affairs_officer"}


def _names(text: str | None) -> list[str]:
    return [part.strip(' "') for part in (text or "[]").strip("[]").split(",") if part.strip()]
