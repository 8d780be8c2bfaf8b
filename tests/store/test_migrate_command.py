"""python server.py migrate: results on standard output, problems on standard error, exit codes."""

from __future__ import annotations

import ast
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from core.settings import ROOT


def migrate(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_DATABASE_URL": ""}
    command = [sys.executable, str(ROOT / "server.py"), "migrate", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def tables(tmp_path: Path) -> set[str]:
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names


def test_plan_changes_nothing_then_migrate_does_it_once(tmp_path: Path) -> None:
    planned = migrate(tmp_path, "--plan")
    assert planned.returncode == 0, planned.stderr
    assert 'CREATE TABLE "core_person"' in planned.stdout
    assert tables(tmp_path) == set()
    done = migrate(tmp_path)
    assert done.returncode == 0, done.stderr
    assert planned.stdout in done.stdout
    assert {"core_person", "tb_history"} <= tables(tmp_path)
    again = migrate(tmp_path)
    assert again.stdout == "-- 数据库已是声明的样子\n-- 参考数据：新增或更新 0 行\n"


def _until_closed(terminal: IO[bytes]) -> Iterator[bytes]:
    with suppress(OSError):  # how Linux says that the other side is gone
        while chunk := terminal.read(4096):
            yield chunk


def test_progress_is_shown_on_a_terminal_and_not_in_a_pipe(tmp_path: Path) -> None:
    assert "\r" not in (piped := migrate(tmp_path / "piped")).stderr + piped.stdout
    ours, theirs = pty.openpty()
    env = {**os.environ, "TONGBAN_DATA_DIR": str(tmp_path / "seen"), "TONGBAN_DATABASE_URL": ""}
    command = [sys.executable, str(ROOT / "server.py"), "migrate"]
    with (tmp_path / "out").open("w+b") as out, os.fdopen(ours, "rb", buffering=0) as terminal:
        running = subprocess.Popen(command, env=env, stdout=out, stderr=theirs)
        os.close(theirs)
        seen = b"".join(_until_closed(terminal)).decode()
        assert running.wait(60) == 0
    assert seen.startswith("\r\x1b[K第 1 步\r\x1b[K第 2 步")
    assert seen.endswith("参考数据\r\x1b[K")
    assert (tmp_path / "out").read_text("utf-8") == piped.stdout


def test_what_would_lose_data_exits_1_and_says_so(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as connection:
        connection.execute("CREATE TABLE core_person (id TEXT_UUID PRIMARY KEY NOT NULL, name INTEGER)")
    connection.close()
    refused = migrate(tmp_path)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "store.type-changed" in refused.stderr
    assert "提示" in refused.stderr
    assert tables(tmp_path) == {"core_person"}


def test_an_unreachable_database_exits_1(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "TONGBAN_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "TONGBAN_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, str(ROOT / "server.py"), "migrate"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("错误：连不上 Postgres")
    assert "Traceback" not in done.stderr


def test_every_refusal_is_documented() -> None:
    page = (ROOT / "docs/migration.md").read_text(encoding="utf-8")
    code = ast.walk(ast.parse((ROOT / "core/store/ddl.py").read_text(encoding="utf-8")))
    texts = {node.value for node in code if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert set(re.findall(r"^### (\S+)$", page, re.MULTILINE)) == {
        t for t in texts if re.fullmatch(r"store\.[a-z-]+", t)
    }
