"""Every row of the inventory is claimed once, and a claim that something works names a test that exists."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import pytest

from core.cli import main
from core.cli.coverage import FOLDER, read_coverage
from core.settings import ROOT

ROWS, PROBLEMS = read_coverage(FOLDER)


def is_test(id: str) -> bool:
    """Whether a pytest id "tests/x/test_y.py::test_z" or "…::TestC::test_z" names a function of that file."""
    file, *names = re.sub(r"\[.*\]$", "", id).split("::")
    if not (ROOT / file).is_file() or not names:
        return False
    scope: ast.AST = ast.parse((ROOT / file).read_text("utf-8"))
    for name in names:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = [n for n in ast.iter_child_nodes(scope) if isinstance(n, kinds) and n.name == name]
        if not found:
            return False
        scope = found[0]
    return names[-1].startswith("test_")


def test_every_row_is_claimed_once_and_fits() -> None:
    assert PROBLEMS == []
    assert len(ROWS) == 413
    lines = re.findall(r"^  ([A-Z][0-9]+):", (FOLDER / "coverage.yaml").read_text("utf-8"), re.MULTILINE)
    assert len(lines) == len(set(lines)) == 413


def test_a_named_test_exists() -> None:
    assert [(row.id, id) for row in ROWS for id in row.tests if not is_test(id)] == []


def test_the_finder_of_tests_can_say_no() -> None:
    here = "tests/manifests/test_coverage.py"
    assert is_test(f"{here}::test_the_finder_of_tests_can_say_no")
    assert not is_test(f"{here}::test_nowhere")
    assert not is_test("tests/manifests/test_missing.py::test_x")
    assert not is_test(f"{here}::is_test")


def test_rows_that_work_stand_on_something_that_exists() -> None:
    for row in ROWS:
        if row.state in ("works", "simulated"):
            assert (ROOT / row.where.split(":")[0]).exists(), row.id


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  A01: {state: planned", "  Z99: {state: planned", "A01 没有写进 coverage.yaml"),
        (
            "  A01: {state: planned",
            "  A01: {state: done",
            "A01 的状态 done 无效",
        ),
        ("  A01: {state: planned", "  A01: {state: works", "A01 称 works，却没有测试"),
        ("where: manifests/registers}", "where: ''}", "A01 没有写明 where"),
    ],
)
def test_a_wrong_claim_is_found(tmp_path: Path, old: str, new: str, problem: str) -> None:
    shutil.copy(FOLDER / "inventory.csv", tmp_path)
    text = (FOLDER / "coverage.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "coverage.yaml").write_text(text.replace(old, new, 1), "utf-8")
    assert any(found.startswith(problem) for found in read_coverage(tmp_path)[1])


def test_the_command_prints_a_list_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coverage", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == 413
    assert set(listed[0]) == {"id", "group", "state", "where", "tests"}
    assert main(["coverage"]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert last.split()[0] == "all"
    assert last.split()[-1] == "413"
