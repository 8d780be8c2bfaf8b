"""manifests/core: no problems, the real divisions, the standard codes, levels on everything personal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from core.fields.structured import List
from tests.manifests.county import shipped

WORLD, PROBLEMS = shipped()


def divisions() -> list[Mapping[str, Any]]:
    return [row for data in WORLD.plugins["core"].data if data.entity == "core.division" for row in data.rows]


def test_the_shipped_manifests_have_no_problem() -> None:
    assert [str(problem) for problem in PROBLEMS] == []
    assert list(WORLD.plugins) == ["core", "community"]


@pytest.mark.parametrize(
    ("county", "townships", "villages", "virtual"),
    [
        ("640522", 21, 162, {"640522400598", "640522401598", "640522406498"}),
        ("630102", 10, 60, {"630102400498"}),
        ("150621", 17, 161, {"150621400498", "150621401498"}),
        ("341623", 25, 363, {"341623401498", "341623402498"}),
    ],
)
def test_divisions_of_a_county(county: str, townships: int, villages: int, virtual: set[str]) -> None:
    rows = [row for row in divisions() if row["code"].startswith(county)]
    assert Counter(row["level"] for row in rows) == {"county": 1, "township": townships, "village": villages}
    assert {row["code"] for row in rows if row["is_virtual"]} == virtual


def test_every_division_hangs_under_a_known_one_of_the_level_above() -> None:
    levels = {row["code"]: row["level"] for row in divisions()}
    order = ["province", "city", "county", "township", "village"]
    assert len(levels) == len(divisions()) == 831
    for row in divisions():
        above = order[order.index(row["level"]) - 1] if row["level"] != "province" else None
        assert levels.get(row.get("parent") or "") == above, row["code"]


@pytest.mark.parametrize(
    ("code_set", "count", "some"),
    [
        ("gbt2261_1", 4, {"1": "男性", "2": "女性"}),
        ("gbt2261_2", 8, {"20": "已婚", "30": "丧偶"}),
        ("gbt3304", 56, {"01": "汉族", "03": "回族", "56": "基诺族"}),
        ("gbt4658", 40, {"21": "大学本科毕业", "81": "小学毕业"}),
    ],
)
def test_codes_of_the_standards(code_set: str, count: int, some: dict[str, str]) -> None:
    items = WORLD.codes[code_set].items
    assert len(items) == count
    assert {code: items[code].title for code in some} == some


def test_the_shared_roles_are_there_and_the_administrators_are_three() -> None:
    roles = WORLD.plugins["core"].roles
    assert sorted(role.code for role in roles.values() if role.code) == [f"R{n:02}" for n in range(1, 25)]
    assert {roles[name].code for name in ("system_admin", "security_admin", "audit_admin")} == {"R22", "R23", "R24"}
    assert "anonymous" in roles


def test_everything_personal_of_a_person_is_at_least_level_3() -> None:
    fields = WORLD.entities["core.person"].fields
    personal = ["idno", "name", "birth_date", "ethnicity", "education", "marital", "phone", "address", "location"]
    assert {name: fields[name].level for name in personal} == dict.fromkeys(personal, "L3")
    assert fields["labels"].level == "L4"
    assert isinstance(fields["labels"], List)


#: L4 in clear, one row at a time: people themselves and their guardians; the officer who answers a correction.
CLEAR_SECRETS = {
    ("resident", "core.person"), ("resident", "core.correction_request"), ("case_officer", "core.correction_request"),
}  # fmt: skip


def test_every_level_4_field_has_a_purpose_and_nobody_reads_it_by_default() -> None:
    for entity in WORLD.entities.values():
        secret = {name for name, field in entity.fields.items() if field.level == "L4"}
        for name in secret:
            assert entity.fields[name].purpose, f"{entity.key}.{name}"
        for rule in WORLD.rules:
            if rule.entity == entity.key and rule.fields & secret and "read" in rule.can:
                assert rule.relation, rule.id
            if rule.entity == entity.key and rule.clear & secret:
                assert (rule.role, rule.entity) in CLEAR_SECRETS, rule.id
