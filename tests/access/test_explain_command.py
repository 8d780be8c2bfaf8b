from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.cli import main
from tests.worlds import PERSON_ID


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGBAN_DATA_DIR", str(tmp_path))
    for name in ("TONGBAN_DATABASE_URL", "TONGBAN_REDIS_URL", "TONGBAN_MANIFESTS"):
        monkeypatch.delenv(name, raising=False)


def test_answers_in_text_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", "--as", "staff", "--division", "640522100000", "--read", f"core.person/{PERSON_ID}"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["角色：anonymous、street_admin", "看不到：没有这一行，或已删除"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["allowed"], answer["exists"], answer["rule"], answer["plugin"]) == (False, False, None, None)
    assert answer["rules"][0]["role"] == "street_admin"
    with closing(sqlite3.connect(tmp_path / "tongban.sqlite3")) as database:
        told = database.execute("SELECT action, result, detail FROM tb_audit WHERE actor LIKE 'cli:%'").fetchall()
    assert told == [("explain", "ok", f"core.person/{PERSON_ID} as staff")] * 2


def test_speaks_for_a_delegate_and_for_staff_with_units_and_grids(capsys: pytest.CaptureFixture[str]) -> None:
    house = ["--read", f"community.house/{PERSON_ID}"]
    assert main(["explain", "--as", PERSON_ID, "--delegate", "clinic", "--real-name", "3", *house, "--json"]) == 0
    # Whatever delegates may here, a delegation for another plugin is none.
    assert all(
        "delegation" in rule["lacks"]
        for rule in json.loads(capsys.readouterr().out)["rules"]
        if rule["role"] == "delegate"
    )
    words = ["--org-path", "/640522/", "--grid", "640522100203001", "--staff", PERSON_ID]
    assert main(["explain", "--as", "staff", *words, *house]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "角色：anonymous、street_admin"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as", "admin", "--read", "core.person/1"], "标识是 UUID"),
        (["--as", "nobody", "--read", f"core.person/{PERSON_ID}"], "--as 'nobody' 应为"),
        (["--as", "staff", "--division", "6405", "--read", f"core.person/{PERSON_ID}"], "不是 12 位区划代码"),
        (["--as", "staff", "--read", f"core.nothing/{PERSON_ID}"], "没有实体 core.nothing"),
        (["--as", "staff", "--role", "king", "--read", f"core.person/{PERSON_ID}"], "没有角色 king"),
    ],
)
def test_says_what_is_wrong(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *words]) == 1
    out = capsys.readouterr()
    assert out.out == ""
    assert message in out.err
