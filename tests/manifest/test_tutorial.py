"""The tutorial's files are a whole application: what a department copies works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.manifest.reader import read_world
from core.settings import ROOT

PAGE = ROOT / "docs" / "first-service.md"
PLUGIN = """manifest: 1
id: trees
title: 园林
version: {name: 0.1.0, code: 100}
department: {uscc: 1164052201TEA0063E, name: 园林绿化部门}
case_prefix: TR
data_level_max: L2
roles:
  trees_service: {title: 园林后台}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every block of YAML that says which file it is."""
    found = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(found) == 4
    for name, text in [("plugin.yaml", PLUGIN), *found]:
        path = tmp_path / "trees" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "trees"


def test_the_tutorial_has_no_problem(folder: Path) -> None:
    world, problems = read_world((ROOT / "manifests" / "core", folder))
    assert problems == []
    assert [version.title for version in world.plugins["trees"].services["tree"]] == ["植树申请"]
