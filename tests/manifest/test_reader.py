"""Folders to plugins: the model, order, isolation of bad plugins, reuse."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.expr import evaluate
from core.fields import SYSTEM_FIELDS
from core.manifest import plugin_folders, read_plugins, read_world
from tests.manifest.folders import GOOD, HEAD, changed, ids, lines, read, write


def other(id: str, **keys: list[str]) -> str:
    return HEAD.format(id=id) + "".join(f"{key}: [{', '.join(value)}]\n" for key, value in keys.items())


def test_good_plugins_have_no_problems(tmp_path: Path) -> None:
    reading = read(tmp_path)
    assert reading.problems == []
    assert [(r.id, r.state) for r in reading.plugins] == [("core", "ok"), ("alpha", "ok")]


def test_the_model_says_what_the_files_say(tmp_path: Path) -> None:
    world = read(tmp_path).world()
    alpha = world.plugins["alpha"]
    house = alpha.entities["house"]
    assert (alpha.version, alpha.version_code, alpha.case_prefix, alpha.data_level_max) == ("0.1.0", 1, "TS", "L4")
    assert (alpha.purposes["care"].basis, alpha.purposes["care"].retention) == ("consent", "P3Y")
    assert (alpha.roles["alpha_clerk"].title, world.roles["resident"].code) == ("办事员", "R01")
    assert (house.type_name, house.list_name, house.table) == ("AlphaHouse", "alphaHouses", "alpha_house")
    assert house.fields["block"].to == "alpha.block"  # type: ignore[attr-defined]  # it is a Ref
    assert house.fields["owner"].to == "core.person"  # type: ignore[attr-defined]  # it is a Ref
    assert (house.fields["use"].default, house.fields["phone"].level, house.fields["room"].level) == (
        "living",
        "L3",
        "L2",
    )
    assert house.fields["kind"].codes == {"a": None, "a1": "a"}  # type: ignore[attr-defined]  # it is a Code
    assert house.indexes == (("use", "-created_at"),)
    assert house.unique == (("block", "room"),)
    assert (house.history, house.display, house.division_from) == (True, "room", "block")
    assert world.codes["colours"].items["r1"].parent == "r"
    assert world.codes["colours"].items["r"].parent is None
    assert [dict(row) for data in alpha.data for row in data.rows] == [
        {"name": "一号楼", "floors": 6, "is_old": True},
        {"name": "二号楼", "floors": 12, "is_old": False},
        {"name": "三号楼"},
    ]
    nightly, later = alpha.jobs["nightly"], alpha.jobs["later"]
    assert (nightly.key, nightly.cron, nightly.timeout_s, nightly.max_tries) == ("alpha.nightly", "30 2 * * *", 5.0, 3)
    assert (later.cron, later.timeout_s, later.max_tries) == ("", 60.0, 5)
    assert alpha.parts["i18n"]["en"]["entities.house.title"] == "House"
    assert alpha.parts["demo"][0]["rows"][1]["entity"] == "house"
    assert (house.place.line, alpha.rules[1].place.line) == (1, 3)


def test_rules_are_expanded_and_reading_does_not_open_system_fields_to_writing(tmp_path: Path) -> None:
    own, read_part, write_part, person, block = read(tmp_path).world().rules
    house = read(tmp_path).world().plugins["alpha"].entities["house"]
    assert own.id == "alpha/access.yaml#1"
    assert own.fields == {*house.fields, *SYSTEM_FIELDS}
    assert own.clear == {"phone"}
    assert own.where is not None
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert evaluate(own.where, {"owner": "p1"}, {"person": "p1"}, now) is True
    assert [sorted(read_part.can), sorted(write_part.can)] == [["read"], ["update"]]
    assert read_part.fields == {"room", "area", *SYSTEM_FIELDS}
    assert write_part.fields == {"room", "area"}
    assert (read_part.id, write_part.id) == ("alpha/access.yaml#2", "alpha/access.yaml#2.write")
    assert (person.entity, person.fields) == ("core.person", frozenset(SYSTEM_FIELDS))
    assert (sorted(block.can), block.where, sorted(block.clear)) == (["create", "delete"], None, [])


def test_decimals_keep_their_digits(tmp_path: Path) -> None:
    house = GOOD["alpha/entities/house.yaml"].replace("scale: 2}", 'scale: 2, default: "1.50"}')
    field = (
        read(tmp_path, {**GOOD, "alpha/entities/house.yaml": house}).world().plugins["alpha"].entities["house"].fields
    )
    assert str(field["area"].default) == "1.50"
    assert isinstance(field["area"].default, Decimal)


def test_equal_files_give_an_equal_hash_and_any_byte_changes_it(tmp_path: Path) -> None:
    first = read(tmp_path / "a").plugins[1].plugin
    second = read(tmp_path / "b").plugins[1].plugin
    third = read(tmp_path / "c", changed("alpha/README.md", "", "x")).plugins[1].plugin
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.hash == second.hash != third.hash


def test_a_bad_plugin_leaves_the_others_alone(tmp_path: Path) -> None:
    reading = read(tmp_path, {**changed("alpha/access.yaml", "resident", "nobody"), "beta/plugin.yaml": other("beta")})
    assert [(r.id, r.state) for r in reading.plugins] == [("core", "ok"), ("alpha", "invalid"), ("beta", "ok")]
    assert list(reading.world().plugins) == ["core", "beta"]


def test_dependency_order_and_implied_core(tmp_path: Path) -> None:
    files = {
        "core/plugin.yaml": HEAD.format(id="core"),
        "a/plugin.yaml": other("a", requires=["c"]),
        "b/plugin.yaml": other("b", after=["d", "absent"]),
        "c/plugin.yaml": other("c"),
        "d/plugin.yaml": other("d"),
    }
    reading = read(tmp_path, files)
    assert reading.problems == []
    assert [r.id for r in reading.plugins] == ["core", "c", "a", "d", "b"]


def test_a_missing_dependency_waits_and_so_does_who_needs_it(tmp_path: Path) -> None:
    files = {
        **GOOD,
        "beta/plugin.yaml": other("beta", requires=["alpa"]),
        "gamma/plugin.yaml": other("gamma", requires=["beta"]),
    }
    reading = read(tmp_path, files)
    states = {r.id: (r.state, r.waits_for) for r in reading.plugins}
    assert states["beta"] == ("waiting", ("alpa",))
    assert states["gamma"] == ("waiting", ("beta",))
    assert states["alpha"] == ("ok", ())
    assert lines(reading, tmp_path) == [
        "beta/plugin.yaml:8:11 plugin.requires-missing",
        "gamma/plugin.yaml:8:11 plugin.waits",
    ]
    assert "alpha" in reading.problems[0].hint


def test_without_core_everything_waits(tmp_path: Path) -> None:
    reading = read(tmp_path, {"beta/plugin.yaml": other("beta")})
    assert [(r.state, r.waits_for) for r in reading.plugins] == [("waiting", ("core",))]
    assert reading.world().plugins == {}


def test_a_cycle_is_named(tmp_path: Path) -> None:
    files = {
        **GOOD,
        "b/plugin.yaml": other("b", requires=["c"]),
        "c/plugin.yaml": other("c", requires=["d"]),
        "d/plugin.yaml": other("d", after=["b"]),
        "e/plugin.yaml": other("e", requires=["b"]),
    }
    reading = read(tmp_path, files)
    cycles = [p for p in reading.problems if p.id == "plugin.cycle"]
    assert {p.message for p in cycles} == {"依赖成环：b → c → d → b"}
    assert len(cycles) == 3
    assert {r.id: r.state for r in reading.plugins if r.id in "bcde"} == dict.fromkeys("bcd", "invalid") | {
        "e": "waiting"
    }
    assert list(reading.world().plugins) == ["core", "alpha"]


def test_two_folders_claiming_one_id(tmp_path: Path) -> None:
    write(tmp_path / "one", GOOD)
    write(tmp_path / "two", {"alpha/plugin.yaml": GOOD["alpha/plugin.yaml"]})
    reading = read_plugins([*plugin_folders(tmp_path / "one"), *plugin_folders(tmp_path / "two")])
    assert lines(reading, tmp_path) == ["two/alpha/plugin.yaml:2:5 plugin.id-taken"]
    assert [r.state for r in reading.plugins] == ["ok", "ok", "invalid"]
    assert "house" in reading.world().plugins["alpha"].entities


def test_rivals_do_not_share_a_world(tmp_path: Path) -> None:
    reading = read(tmp_path, {**GOOD, "beta/plugin.yaml": other("beta", conflicts=["alpha"])})
    assert [(p.id, p.level) for p in reading.problems] == [("plugin.conflict", "warning")]
    assert list(reading.world().plugins) == ["core", "alpha"]
    assert list(reading.world({"core", "beta"}).plugins) == ["core", "beta"]


def test_a_world_of_enabled_plugins_holds_only_what_can_stand(tmp_path: Path) -> None:
    files = {**GOOD, "beta/plugin.yaml": other("beta", requires=["alpha"])}
    write(tmp_path, files)
    folders = plugin_folders(tmp_path)
    assert list(read_world(folders)[0].plugins) == ["core", "alpha", "beta"]
    assert list(read_world(folders, {"core", "beta"})[0].plugins) == ["core"]
    assert read_world(folders, {"core", "beta"})[1] == []


def test_a_plugin_may_name_only_what_it_requires(tmp_path: Path) -> None:
    files = {
        **GOOD,
        "beta/plugin.yaml": other("beta"),
        "beta/entities/b.yaml": "entity: b\ntitle: 乙\nfields:\n  h: {type: ref, title: 房, to: alpha.house}\n",
        "beta/access.yaml": "rules:\n  - {role: alpha_clerk, entity: alpha.house, can: [read], except: [illness]}\n",
    }
    reading = read(tmp_path, files)
    assert lines(reading, tmp_path) == [
        "beta/access.yaml:2:12 access.role-unknown",
        "beta/access.yaml:2:33 plugin.not-required",
        "beta/entities/b.yaml:4:32 plugin.not-required",
    ]
    files["beta/plugin.yaml"] = other("beta", requires=["alpha"])
    # Known now, but what alpha's clerk may see of alpha is for alpha to say.
    assert lines(read(tmp_path, files), tmp_path) == ["beta/access.yaml:2:12 access.foreign-role"]
    files["beta/access.yaml"] = files["beta/access.yaml"].replace("alpha.house", "b").replace(", except: [illness]", "")
    assert read(tmp_path, files).problems == []


def test_the_whole_world_is_checked_for_clashes(tmp_path: Path) -> None:
    """alpha_b.c and alpha.b_c are one table and one type; who needs the loser waits."""
    files = {
        **GOOD,
        "alpha/entities/b_c.yaml": "entity: b_c\ntitle: 甲\nfields:\n  x: {type: string, title: 甲}\n",
        "alpha_b/plugin.yaml": other("alpha_b"),
        "alpha_b/entities/c.yaml": "entity: c\ntitle: 甲\nfields:\n  x: {type: string, title: 甲}\n",
        "gamma/plugin.yaml": other("gamma", requires=["alpha_b"]),
    }
    reading = read(tmp_path, files)
    assert ids(reading) == {"entity.graphql-duplicate", "plugin.waits"}
    assert {r.id: r.state for r in reading.plugins}["alpha_b"] == "invalid"
    assert list(reading.world().plugins) == ["core", "alpha"]


def test_unchanged_plugins_are_taken_from_before(tmp_path: Path) -> None:
    files = {**GOOD, "beta/plugin.yaml": other("beta", requires=["alpha"]), "gamma/plugin.yaml": other("gamma")}
    first = read(tmp_path, files)
    before = {r.id: r.plugin for r in first.plugins}
    write(tmp_path, changed("alpha/entities/block.yaml", "楼名", "名字"))
    second = read_plugins(plugin_folders(tmp_path), first)
    after = {r.id: r.plugin for r in second.plugins}
    assert after["core"] is before["core"]
    assert after["gamma"] is before["gamma"]
    assert after["alpha"] is not before["alpha"]
    # Its own files are the same, but what it stands on is not.
    assert after["beta"] is not before["beta"]
    assert second.world().plugins["alpha"].entities["block"].fields["name"].title == "名字"


def test_a_link_added_to_an_unchanged_plugin_is_found(tmp_path: Path) -> None:
    first = read(tmp_path)
    (tmp_path / "alpha/i18n/fr.yaml").symlink_to("/etc/hostname")
    second = read_plugins(plugin_folders(tmp_path), first)
    assert lines(second, tmp_path) == ["alpha/i18n/fr.yaml:0:0 file.symlink"]
    assert list(second.world().plugins) == ["core"]


def test_an_unchanged_plugin_still_waits_for_one_that_went(tmp_path: Path) -> None:
    first = read(tmp_path, {**GOOD, "beta/plugin.yaml": other("beta", requires=["alpha"])})
    (tmp_path / "alpha/plugin.yaml").write_text("id: [")
    second = read_plugins(plugin_folders(tmp_path), first)
    assert {r.id: r.state for r in second.plugins} == {"core": "ok", "alpha": "invalid", "beta": "waiting"}
    write(tmp_path, {"alpha/plugin.yaml": GOOD["alpha/plugin.yaml"]})
    third = read_plugins(plugin_folders(tmp_path), second)
    assert third.problems == []
    assert [r.id for r in third.plugins] == ["core", "alpha", "beta"]


@pytest.mark.parametrize("name", ["entities", "access.yaml"])
def test_a_folder_meant_as_a_plugin_is_told_what_is_missing(tmp_path: Path, name: str) -> None:
    plugin = tmp_path / "beta"
    write(plugin, {f"{name}/x.yaml" if name == "entities" else name: "rules: []\n"})
    reading = read_plugins(plugin_folders(plugin))
    assert "plugin.file-missing" in ids(reading)
