"""The command `keys`, as an operator runs it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.commands import run

ROOT = Path(__file__).parents[2]


def _keys(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    listed = run(folder, "keys", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return {(row["use"], row["state"]): row for row in json.loads(listed.stdout)}


def test_rotate_reseal_and_a_key_that_is_gone(tmp_path: Path) -> None:
    assert run(tmp_path, "demo", "--people", "200").returncode == 0
    before = _keys(tmp_path)
    data = before["data", "current"]
    assert data["values"] > 0
    assert before["lookup", "current"]["values"] >= 200

    rotated = run(tmp_path, "keys", "rotate", "data")
    assert (rotated.returncode, rotated.stdout.split("：")[0]) == (0, _keys(tmp_path)["data", "next"]["id"])
    early = run(tmp_path, "keys", "reseal").stdout
    assert f"新密钥 {_keys(tmp_path)['data', 'next']['id']} 还没有启用" in early
    # The waiting time is over.
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as database:
        database.execute("UPDATE tb_key SET active_at = made_at")
    resealed = run(tmp_path, "keys", "reseal")
    assert resealed.returncode == 0, resealed.stderr
    after = _keys(tmp_path)
    assert (after["data", "old"]["id"], after["data", "old"]["values"]) == (data["id"], 0)
    assert after["data", "current"]["values"] == data["values"]

    with sqlite3.connect(tmp_path / "tongban.sqlite3") as database:
        kept = database.execute("SELECT * FROM tb_key WHERE id = ?", [after["data", "current"]["id"]]).fetchone()
        database.execute("DELETE FROM tb_key WHERE id = ?", [kept[0]])
    gone = _keys(tmp_path)
    assert (gone["", "missing"]["id"], gone["", "missing"]["values"]) == (kept[0], data["values"])
    failed = run(tmp_path, "keys", "reseal")
    assert (failed.returncode, kept[0] in failed.stderr) == (1, True)
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as database:
        database.execute(f"INSERT INTO tb_key VALUES ({', '.join('?' * len(kept))})", kept)
    assert run(tmp_path, "keys", "reseal").returncode == 0
    assert ("", "missing") not in _keys(tmp_path)
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as database:
        of_keys = "action IN ('rotate_key', 'reseal')"
        told = database.execute(f"SELECT action, result, detail FROM tb_audit WHERE {of_keys} ORDER BY at")
        assert told.fetchall() == [("rotate_key", "ok", "data"), *[("reseal", "ok", "")] * 4]


def test_without_its_root_key_nothing_starts_and_none_is_made(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").returncode == 0
    root = tmp_path / "secrets/root.key"
    root.unlink()
    for words in (("keys", "list"), ("plugins", "list"), ("serve", "--port", "0")):
        done = run(tmp_path, *words)
        said = done.stderr.splitlines()[-1]
        assert (done.returncode, said[:3], "找不到根密钥" in said) == (1, "错误：", True), done.stderr
    assert not root.exists()


def test_an_unknown_suite_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "keys", "list", TONGBAN_CRYPTO="des")
    assert (done.returncode, done.stderr) == (1, "错误：TONGBAN_CRYPTO 的值 'des' 无效：可用 sm、aes\n")
