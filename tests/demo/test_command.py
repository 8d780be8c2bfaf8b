"""`server.py demo`: a whole county into an empty data directory, once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import jwt
import pytest

from core.cli import main
from core.identity.personas import read_personas

#: Personas of the demo and what each of them is.
ROLES = {
    "citizen": {"resident"},
    "son": {"resident"},
    "child": {"resident"},
    "staff": {"street_admin"},
    "grid_worker": {"grid_worker"},
    "grid_leader": {"grid_leader"},
    "community_worker": {"community_worker"},
    "window_clerk": {"window_clerk"},
    "civil_affairs": {"civil_affairs_officer"},
    "property": {"property_staff"},
    "dispatcher": {"dispatcher"},
    "duty_leader": {"duty_leader"},
    "hotline_agent": {"hotline_agent"},
    "unit_head": {"unit_head"},
    "sewer_company": {"grid_repair"},
    "road_company": {"grid_repair"},
    "permit_officer": {"grid_permit"},
}


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


def lines(data_dir: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(data_dir / "tongban.sqlite3") as connection:
        found = connection.execute("SELECT action, result, detail FROM tb_audit WHERE actor LIKE 'cli:%'").fetchall()
    connection.close()
    return found


def test_it_loads_once_and_then_refuses(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--people", "100"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert printed.err == ""
    assert facts["rows"]["core.person"] == count(data_dir, "core_person") == 100
    assert set(facts["personas"]) == set(ROLES)
    assert lines(data_dir) == [("demo", "ok", f"640522: {sum(facts['rows'].values())} rows")]
    assert main(["demo", "--people", "100"]) == 1
    assert "已有数据" in capsys.readouterr().err
    assert main(["demo", "--people", "100", "--if-empty"]) == 0
    assert count(data_dir, "core_person") == 100


def test_everybody_of_the_demo_gets_a_development_token(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONGBAN_PROFILE", "dev")
    assert main(["token", "--as", "grid_worker"]) == 1
    assert "--as 'grid_worker' 应为 citizen、staff、admin" in capsys.readouterr().err
    assert main(["demo", "--people", "600"]) == 0
    capsys.readouterr()
    claims = {}
    for name in read_personas(data_dir):
        assert main(["token", "--as", name]) == 0
        claims[name] = jwt.decode(capsys.readouterr().out.strip(), options={"verify_signature": False})
    roles = {name: set(found["roles"]) - {"anonymous"} for name, found in claims.items()}
    assert roles == ROLES
    worker = claims["grid_worker"]
    assert (worker["kind"], len(worker["grids"]), worker["staff"]) == (
        "staff",
        1,
        read_personas(data_dir)["grid_worker"]["id"],
    )
    assert worker["org_path"].startswith("/640522")
    with sqlite3.connect(data_dir / "tongban.sqlite3") as connection:
        persons = dict(connection.execute("SELECT grid IN (?), max(id) FROM core_person GROUP BY 1", worker["grids"]))
    connection.close()
    for is_his, word in ((1, "看得到"), (0, "看不到")):
        assert main(["explain", "--as", "grid_worker", "--read", f"core.person/{persons[is_his]}"]) == 0
        assert capsys.readouterr().out.splitlines()[2].startswith(word)


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
