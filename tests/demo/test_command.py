"""`server.py demo`: a whole county into an empty data directory, once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from core.cli import main


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONGBAN_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TONGBAN_DATABASE_URL", raising=False)
    return tmp_path


def count(data_dir: Path, table: str) -> int:
    with sqlite3.connect(data_dir / "tongban.sqlite3") as connection:
        (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return int(found)


def test_it_loads_once_and_then_refuses(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--people", "100"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert printed.err == ""
    assert facts["rows"]["core.person"] == count(data_dir, "core_person") == 100
    assert set(facts["personas"]) == {"citizen", "staff", "admin", "property"}
    assert main(["demo", "--people", "100"]) == 1
    assert "已有数据" in capsys.readouterr().err
    assert main(["demo", "--people", "100", "--if-empty"]) == 0
    assert count(data_dir, "core_person") == 100


def test_another_county_has_its_own_people(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--division", "150621000000", "--people", "200"]) == 0
    assert json.loads(capsys.readouterr().out)["personas"]["citizen"]["division"].startswith("150621")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--division", "64"], "区划代码"),
        (["--division", "640522100000"], "区划代码"),
        (["--division", "110101"], "没有 110101"),
        (["--people", "0"], "人口数"),
        (["--people", "2000000"], "人口数"),
    ],
)
def test_a_wrong_word_is_named_and_nothing_is_written(
    data_dir: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["demo", *words]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert not (data_dir / "tongban.sqlite3").exists() or count(data_dir, "core_person") == 0
