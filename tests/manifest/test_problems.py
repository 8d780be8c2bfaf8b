"""Every problem id: shown by an input that has it, at its place, and documented."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from core.manifest import plugin_folders, read_plugins
from core.settings import ROOT
from tests.manifest import (
    cases_bookings,
    cases_connectors,
    cases_fees,
    cases_flows,
    cases_items,
    cases_layers,
    cases_meaning,
    cases_numbers,
    cases_reading,
    cases_rules,
    cases_workflows,
)
from tests.manifest.folders import GOOD, Files, lines, read, write

MODULES = (
    cases_reading,
    cases_meaning,
    cases_numbers,
    cases_rules,
    cases_items,
    cases_workflows,
    cases_flows,
    cases_fees,
    cases_bookings,
    cases_connectors,
    cases_layers,
)
CASES = [case for module in MODULES for case in module.CASES]
_ID = re.compile(r"[a-z0-9]+\.[a-z0-9-]+")
_MAKERS = {"Problem", "error", "warning", "refuse", "_refuse", "_report"}


@pytest.mark.parametrize(("files", "expected"), [pytest.param(f, e, id=name) for name, f, e in CASES])
def test_a_bad_input_is_told_with_its_place_and_nothing_else(tmp_path: Path, files: Files, expected: list[str]) -> None:
    reading = read(tmp_path, files)
    assert lines(reading, tmp_path) == expected
    assert all(problem.message for problem in reading.problems)
    errors = [line for line, p in zip(expected, reading.problems, strict=True) if p.level == "error"]
    bad = {line.partition("/")[0] for line in errors}
    assert bad.isdisjoint(reading.world().plugins)


def test_a_symlink_that_leaves_the_folder(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    secret = tmp_path / "secret.yaml"
    secret.write_text("title: secret\n")
    (tmp_path / "alpha/i18n/fr.yaml").symlink_to(secret)
    (tmp_path / "alpha/i18n/loop.yaml").symlink_to(tmp_path / "alpha/i18n/loop.yaml")
    (tmp_path / "alpha/more").symlink_to(tmp_path)
    reading = read_plugins(plugin_folders(tmp_path))
    assert lines(reading, tmp_path) == [
        "alpha/i18n/fr.yaml:0:0 file.symlink",
        "alpha/i18n/loop.yaml:0:0 file.symlink",
        "alpha/more:0:0 file.symlink",
    ]
    assert "secret" not in reading.problems[0].message


def test_a_plugin_folder_that_is_itself_a_link_away(tmp_path: Path) -> None:
    write(tmp_path / "far", GOOD)
    (tmp_path / "near").mkdir()
    (tmp_path / "near/alpha").symlink_to(tmp_path / "far/alpha")
    reading = read_plugins(plugin_folders(tmp_path / "near"))
    assert lines(reading, tmp_path) == ["near/alpha/plugin.yaml:0:0 file.symlink"]


def test_a_link_inside_the_folder_is_a_file_like_others(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "alpha/i18n/fr.yaml").symlink_to("en.yaml")
    assert read_plugins(plugin_folders(tmp_path)).problems == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    os.mkfifo(tmp_path / "alpha/i18n/fr.yaml")
    assert lines(read_plugins(plugin_folders(tmp_path)), tmp_path) == ["alpha/i18n/fr.yaml:0:0 file.special"]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "alpha/i18n/fr.yaml").symlink_to("gone.yaml")
    assert lines(read_plugins(plugin_folders(tmp_path)), tmp_path) == ["alpha/i18n/fr.yaml:0:0 file.unreadable"]


def test_names_that_cannot_be_printed(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    for name in (b"a\nb.yaml", b"\xff.yaml"):
        Path(os.fsdecode(bytes(tmp_path) + b"/alpha/i18n/" + name)).write_text("title: x\n")
    reading = read_plugins(plugin_folders(tmp_path))
    assert lines(reading, tmp_path) == ["alpha/plugin.yaml:0:0 file.unreadable"] * 2
    assert all(str(problem).isprintable() for problem in reading.problems)


def test_every_id_is_on_the_page_and_in_a_test() -> None:
    page = (ROOT / "docs/problems.md").read_text(encoding="utf-8")
    documented = re.findall(r"^## (\S+)$", page, re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == set(_ids_in_code())
    tests = "".join(
        Path(str(file)).read_text(encoding="utf-8") for file in (__file__, *(module.__file__ for module in MODULES))
    )
    tested = set(re.findall(_ID, tests))
    assert set(documented) - tested == set()


def test_every_section_of_the_page_says_what_why_and_how() -> None:
    page = (ROOT / "docs/problems.md").read_text(encoding="utf-8")
    for section in page.split("\n## ")[1:]:
        assert re.fullmatch(r"\S+\n\n\S.+\n\n- Why: \S.+\n- Fix: \S.+\n*", section), section


def _ids_in_code() -> set[str]:
    """First arguments that look like ids, of calls that make problems, anywhere in core."""
    found = set()
    for file in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in _MAKERS and _ID.fullmatch(str(node.args[0].value)):
                    found.add(str(node.args[0].value))
    return found
