"""What rules and entities of a manifest become: conditions of the caller, of staff, of delegates; the subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.expr import parse
from core.manifest.model import Rule, World
from tests.manifest.changes import ACCESS, BLOCK, HOUSE, PLUGIN
from tests.manifest.folders import GOOD, Files, read

LINES = """\
  - {role: resident, entity: block, can: [read]}
  - {role: resident, entity: block, can: [read], where: floors > 3, real_name: 3}
  - {role: delegate, entity: block, can: [read], where: floors > 3}
  - {role: alpha_clerk, entity: block, can: [read], scope: staff, where: floors > 3}
  - {role: alpha_clerk, entity: house, can: [read], scope: staff, relation: duty, unmask: "*", clear: [phone]}
  - {role: alpha_clerk, entity: house, can: [aggregate, update], fields: [room]}
"""


def world(folder: Path, files: Files) -> World:
    reading = read(folder, files)
    assert reading.problems == []
    return reading.world()


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, Rule]:
    files: Files = {
        **GOOD,
        "core/plugin.yaml": GOOD["core/plugin.yaml"].replace(
            "roles:\n", "roles:\n  delegate: {title: 代办人, code: R02}\n"
        ),
        PLUGIN: GOOD[PLUGIN] + "real_name: 2\n",
        BLOCK: GOOD[BLOCK].replace("  is_old:", "  area: {type: grid, title: 网格}\n  is_old:")
        + "case: name\ngroup_min: 7\n",
        ACCESS: GOOD[ACCESS] + LINES,
    }
    found = world(tmp_path, files)
    block = found.entities["alpha.block"]
    assert (block.subject_paths, block.case, block.group_min) == ((), "name", 7)
    assert found.entities["core.person"].subject_paths == (("id",),)
    assert found.entities["alpha.house"].subject_paths == (("owner",),)
    return {rule.id.partition("#")[2]: rule for rule in found.rules}


def test_a_row_may_be_about_several_people(tmp_path: Path) -> None:
    text = GOOD[HOUSE].replace("  room: {", "  guest: {type: ref, title: 客, to: core.person}\n  room: {")
    found = world(tmp_path, {**GOOD, HOUSE: text.replace("subject: owner", "subject: [guest, owner]")})
    assert found.entities["alpha.house"].subject_paths == (("guest",), ("owner",))


def test_citizens_are_asked_how_well_they_are_known(rules: dict[str, Rule]) -> None:
    assert (rules["5"].where, rules["5"].real_name) == (parse("me.real_name >= 2"), 2)
    assert (rules["6"].where, rules["6"].real_name) == (parse("floors > 3 && me.real_name >= 3"), 3)
    assert rules["8"].real_name == 0


def test_delegates_need_a_delegation_for_the_plugin(rules: dict[str, Rule]) -> None:
    assert rules["7"].where == parse(
        "floors > 3 && me.real_name >= 2 && ('alpha' in me.scopes || 'alpha.block' in me.scopes)"
    )


def test_the_scope_of_staff_is_units_grids_and_cases(rules: dict[str, Rule]) -> None:
    assert rules["8"].where == parse("floors > 3 && (in_org(org) || area in me.grids || participates(name))")
    assert rules["9"].where == parse("in_org(org)")


def test_what_may_be_unmasked(rules: dict[str, Rule]) -> None:
    unmask, clear = frozenset({"phone", "illness"}), frozenset({"phone"})
    assert (rules["9"].unmask, rules["9"].clear, rules["9"].relation) == (unmask, clear, "duty")
    assert (rules["1"].unmask, rules["1"].relation) == (frozenset(), "self")


def test_counting_and_writing_are_two_rules(rules: dict[str, Rule]) -> None:
    assert rules["10"].can == {"aggregate"}
    assert rules["10.write"].can == {"update"}
    assert rules["10"].fields == rules["10.write"].fields == {"room"}
