"""The shape of the tree: what sits where, how long a module may be, whose name shadows whose."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import graphql
import pytest

import core

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for folder in ("core", "plugins", "sdk", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if ".venv" not in path.parts
)


def test_the_graphql_folder_holds_no_python() -> None:
    assert list((ROOT / "graphql").rglob("*.py")) == []
    assert "site-packages" in str(graphql.__file__)


def test_core_is_the_tree_and_not_a_stranger() -> None:
    # A set: an editable installation may find the tree a second time.
    assert {Path(path) for path in core.__path__} == {ROOT / "core"}


def test_tests_are_no_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, "split it by noun"


def test_no_catch_all_module() -> None:
    forbidden = {"utils", "helpers", "common", "manager", "misc"}
    assert [path for path in SOURCES if path.stem in forbidden] == []


def test_version_and_changelog_agree() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert newest.split()[1] == declared == version("tongban")


def test_graphql_operations_are_documents() -> None:
    for path in (ROOT / "graphql" / "operations").glob("*"):
        assert path.suffix == ".graphql"
        graphql.parse(path.read_text())
