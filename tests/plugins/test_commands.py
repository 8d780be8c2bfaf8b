"""The commands `plugins` and `worker`, as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path

from core.plugins.states import States
from core.store.database import Database
from tests.commands import run
from tests.conftest import REDIS, needed

ROOT = Path(__file__).parents[2]


def test_switch_and_list(tmp_path: Path) -> None:
    done = run(tmp_path, "plugins", "disable", "community", "--json")
    assert done.returncode == 0, done.stderr
    states = {row["id"]: row["state"] for row in json.loads(done.stdout)}
    assert (states["core"], states["community"]) == ("on", "off")
    done = run(tmp_path, "plugins", "enable", "community", "--division", "640522100000", "--json")
    [row] = [row for row in json.loads(done.stdout) if row["id"] == "community"]
    assert (row["state"], row["divisions"]) == ("on", {"640522100000": "on"})
    assert "智慧社区" in run(tmp_path, "plugins", "list").stdout
    assert run(tmp_path, "plugins", "disable", "nothing").returncode == 1
    with sqlite3.connect(tmp_path / "tongban.sqlite3") as database:
        told = database.execute("SELECT action, result, detail FROM tb_audit WHERE actor LIKE 'cli:%' ORDER BY at")
        assert told.fetchall() == [
            ("set_plugin_state", "ok", "community off"),
            ("set_plugin_state", "ok", "community on 640522100000"),
            ("set_plugin_state", "NOT_FOUND", "nothing"),
        ]


def test_faults_of_the_user_are_said_clearly(tmp_path: Path) -> None:
    done = run(tmp_path, "plugins", "disable", "nothing")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "错误：没有插件 nothing\n")
    done = run(tmp_path, "plugins", "redrive", "00000000-0000-7000-8000-000000000000")
    assert (done.returncode, done.stdout) == (1, "")
    assert run(tmp_path, "plugins").returncode == 2


def test_a_worker_without_redis_says_why_not(tmp_path: Path) -> None:
    done = run(tmp_path, "worker")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("错误：worker 需要 Redis：请设置 TONGBAN_REDIS_URL")


async def test_a_worker_is_a_node_and_leaves_nothing_behind(tmp_path: Path) -> None:
    url = needed(REDIS)
    assert run(tmp_path, "migrate").returncode == 0
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TONGBAN_")}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "server.py", "worker", cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={**clean, "TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_REDIS_URL": url},
    )  # fmt: skip
    database = await Database.open(f"sqlite:///{tmp_path / 'tongban.sqlite3'}")
    try:
        assert worker.stderr is not None
        line = await asyncio.wait_for(worker.stderr.readline(), 30)
        assert line.decode().startswith("worker 已启动：第 0 代")
        assert len(await States(database).nodes()) == 1
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 10) == 0
        assert await States(database).nodes() == []
    finally:
        await database.close()
        if worker.returncode is None:
            worker.kill()
            await worker.wait()


async def test_a_worker_says_in_its_log_that_redis_is_away(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").returncode == 0
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TONGBAN_")}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "server.py", "worker", cwd=ROOT, stderr=asyncio.subprocess.PIPE,
        env={**clean, "TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_REDIS_URL": "redis://127.0.0.1:1/0"},
    )  # fmt: skip
    try:
        assert worker.stderr is not None
        async with asyncio.timeout(30):
            while not (line := await worker.stderr.readline()).startswith(b"{"):
                assert line.decode().startswith("worker 已启动："), line
        said = json.loads(line)
        assert (said["level"], said["logger"]) == ("warning", "tongban.jobs")
        assert said["event"].startswith("Redis is away")
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 10) == 0
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
