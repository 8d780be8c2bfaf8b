"""`python server.py check`: one line or object a problem, exit 1 on any error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.settings import ROOT
from tests.manifest.folders import GOOD, HEAD, changed, write


def beta(**more: str) -> dict[str, str | bytes]:
    return {"beta/plugin.yaml": HEAD.format(id="beta"), **more}


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["check", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_good_folders_print_nothing_and_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, GOOD)
    assert run(capsys, tmp_path) == (0, "", "检查了 2 个插件：0 个错误，0 个警告\n")
    assert run(capsys, tmp_path, "--json") == (0, "[]\n", "检查了 2 个插件：0 个错误，0 个警告\n")


def test_every_problem_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**changed("alpha/access.yaml", "resident", "residnt"), "alpha/x/y.yaml": "a: 1\n"})
    code, out, err = run(capsys, tmp_path)
    assert code == 1
    first, second = out.splitlines()
    assert (
        first
        == f"{tmp_path}/alpha/access.yaml:2:12 error access.role-unknown  没有角色 residnt  提示：是不是想写 resident？"
    )
    assert second.startswith(f"{tmp_path}/alpha/x/y.yaml:0:0 error file.unknown  ")
    assert err == "检查了 2 个插件：2 个错误，0 个警告\n"


def test_json_has_the_promised_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, changed("alpha/access.yaml", "resident", "residnt"))
    code, out, _ = run(capsys, tmp_path, "--json")
    assert code == 1
    assert json.loads(out) == [
        {
            "id": "access.role-unknown",
            "level": "error",
            "file": f"{tmp_path}/alpha/access.yaml",
            "line": 2,
            "column": 12,
            "message": "没有角色 residnt",
            "hint": "是不是想写 resident？",
        }
    ]


def test_files_are_shown_relative_to_the_working_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "manifests", changed("alpha/access.yaml", "resident", "residnt"))
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "manifests")[1].startswith("manifests/alpha/access.yaml:2:12 error access.role-unknown  ")


def test_warnings_alone_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {**GOOD, "beta/plugin.yaml": HEAD.format(id="beta") + "conflicts: [alpha]\n"})
    code, out, err = run(capsys, tmp_path)
    assert code == 0
    assert " warning plugin.conflict  " in out
    assert err == "检查了 3 个插件：0 个错误，1 个警告\n"


def test_one_folder_is_judged_beside_the_plugins_of_the_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entity = "entity: b\ntitle: 乙\nfields:\n  who: {type: ref, title: 人, to: core.person}\n"
    write(tmp_path, beta(**{"beta/entities/b.yaml": entity}))
    assert run(capsys, tmp_path / "beta") == (0, "", "检查了 1 个插件：0 个错误，0 个警告\n")


def test_a_folder_that_is_not_there_or_holds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, tmp_path / "none")
    assert (code, out) == (1, "")
    assert err == f"错误：没有文件夹 {tmp_path / 'none'}\n"
    code, out, err = run(capsys, tmp_path)
    assert (code, out) == (1, "")
    assert "里没有插件" in err


def test_configured_folders_are_checked_by_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, beta(**{"beta/x.yaml": "a: 1\n"}))
    monkeypatch.setenv("TONGBAN_MANIFESTS", str(tmp_path))
    code, out, _ = run(capsys)
    assert code == 1
    assert f"{tmp_path}/beta/x.yaml:0:0 error file.unknown" in out


def test_a_plugin_that_takes_a_name_of_the_tree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"core/plugin.yaml": HEAD.format(id="core")})
    monkeypatch.setenv("TONGBAN_MANIFESTS", str(tmp_path))
    code, out, _ = run(capsys)
    assert code == 1
    assert [line.split()[2] for line in out.splitlines()] == ["plugin.id-taken"]


def test_the_manifests_of_the_tree_have_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, ROOT / "manifests")
    assert out == ""
    assert code == 0
