"""`server.py minors-report`."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.cli import main


def test_the_years_report_is_two_files_and_one_audit_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TONGBAN_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TONGBAN_DATABASE_URL", raising=False)
    assert main(["demo", "--people", "200"]) == 0
    capsys.readouterr()
    assert main(["minors-report", "--year", "2026", "--out", str(tmp_path / "out")]) == 0
    json_file, csv_file = map(Path, capsys.readouterr().out.split())
    report = json.loads(json_file.read_text("utf-8"))
    assert (report["year"], json_file.name, csv_file.name) == (2026, "minors-2026.json", "minors-2026.csv")
    assert len(list(csv.reader(csv_file.read_text("utf-8-sig").splitlines()))) > 1
    with closing(sqlite3.connect(tmp_path / "tongban.sqlite3")) as connection:
        lines = connection.execute(
            "SELECT action, kind, result, detail FROM tb_audit WHERE action <> 'demo'"
        ).fetchall()
    assert lines == [("minors_report", "system", "ok", "2026")]
