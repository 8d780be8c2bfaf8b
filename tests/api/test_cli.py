import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
import pytest

from core.cli import COMMANDS, MODULES, main
from core.identity.keys import KeyRing
from core.identity.personas import build_persona
from core.identity.tokens import Tokens
from core.settings import ROOT

POSTGRES_URL = os.environ.get("TONGBAN_TEST_DATABASE_URL", "")


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TONGBAN_")}
    return {**kept, "TONGBAN_DATA_DIR": str(folder), **more}


def command(folder: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, str(ROOT / "server.py"), *words]
    return subprocess.run(argv, env=environment(folder, **env), capture_output=True, text=True, timeout=60)


@contextmanager
def serving(folder: Path, **env: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """A server on a free port, and its URL; SIGINT ignored at its start, as in a shell's background job."""
    argv = [
        "sh",
        "-c",
        'trap "" INT; exec "$@"',
        "sh",
        sys.executable,
        str(ROOT / "server.py"),
        "serve",
        "--port",
        "0",
        "--profile",
        "dev",
    ]
    process = subprocess.Popen(
        argv, env=environment(folder, **env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        url = next(m[1] for line in process.stderr if (m := re.search(r'"url": "(http://[\d.:]+)"', line)))
        yield process, url
    finally:
        process.kill()
        process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("persona", "role"), [("citizen", "resident"), ("staff", "street_admin"), ("admin", "system_admin")]
)
def test_token_prints_the_token_alone(tmp_path: Path, persona: str, role: str) -> None:
    done = command(tmp_path, "token", "--as", persona, "--division", "640522100000", TONGBAN_PROFILE="dev")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    claims = jwt.decode(done.stdout.strip(), options={"verify_signature": False})
    assert (claims["kind"], claims["roles"], claims["division"]) == (
        persona,
        sorted(["anonymous", role]),
        "640522100000",
    )


def test_a_citizen_who_is_somebody_has_been_checked(tmp_path: Path) -> None:
    """As after a log-in: only a checked document binds an account to a person."""
    person = "019a9ef6-b640-74b9-9271-f7dc171a468d"
    assert (
        build_persona("citizen", tmp_path, person=person).real_name,
        build_persona("citizen", tmp_path).real_name,
    ) == (2, 0)


@pytest.mark.parametrize("profile", ["", "prod", "audit"])
def test_token_is_refused_outside_dev_and_makes_no_key(tmp_path: Path, profile: str) -> None:
    done = command(tmp_path, "token", "--as", "admin", TONGBAN_PROFILE=profile)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("错误：")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"), [(("--as", "root"), 1), ((), 2), (("--as", "staff", "--division", "6405"), 1)]
)
def test_token_says_what_is_wrong(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    done = command(tmp_path, "token", *words, TONGBAN_PROFILE="dev")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr


def test_a_rotation_in_production_keeps_old_tokens_good(tmp_path: Path) -> None:
    token = command(tmp_path, "token", "--as", "staff", TONGBAN_PROFILE="dev").stdout.strip()
    old = jwt.get_unverified_header(token)["kid"]
    done = command(tmp_path, "token", "--rotate", TONGBAN_PROFILE="prod")
    assert (done.returncode, done.stderr) == (0, "")
    tokens = Tokens(KeyRing(tmp_path / "secrets"), takes_development=True)
    assert done.stdout.strip() == tokens.ring.active.kid != old
    assert tokens.verify(token).actor.kind == "staff"


def test_serve_answers_refuses_a_second_and_stops_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, url):
        request = urllib.request.Request(
            f"{url}/graphql", b'{"query":"{__typename}"}', {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer) == {"data": {"__typename": "Query"}}
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            assert 'event_loop="uvloop.Loop"' in answer.read().decode()
        second = command(tmp_path, "serve", "--port", "0")
        assert (second.returncode, second.stdout) == (1, "")
        assert str(tmp_path) in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    with serving(tmp_path) as (process, _):  # the lock went with the process
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


def test_serve_after_kill_starts_again(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        process.kill()
        process.wait(timeout=20)
    started = time.monotonic()
    with serving(tmp_path):
        assert time.monotonic() - started < 30


@pytest.mark.parametrize("words", [("serve", "--profile", "x"), ("serve", "--port", "x"), ("serve", "--port", "65536")])
def test_serve_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert command(tmp_path, *words).returncode == 2


def test_a_database_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    done = command(tmp_path, "serve", "--port", "0", TONGBAN_DATABASE_URL="mysql://x/y")
    assert done.returncode == 1
    assert "错误：启动失败：不认识的数据库地址" in done.stderr


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as (_, url):
        done = command(tmp_path / "b", "serve", "--port", url.rpartition(":")[2])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"错误：不能监听 127.0.0.1:{url.rpartition(':')[2]}：")


@pytest.mark.parametrize(
    "words",
    ["plugins list", "migrate", "demo", "explain --as admin --read core.person/01890000-0000-7000-8000-000000000001"],
)
def test_every_command_says_that_the_database_is_away(tmp_path: Path, words: str) -> None:
    done = command(tmp_path, *words.split(), TONGBAN_DATABASE_URL="postgres://x@127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().startswith("错误：连不上 Postgres 数据库：")


@pytest.mark.parametrize("words", ["serve --port 0", "plugins list", "migrate", "demo"])
def test_every_command_says_that_the_data_directory_cannot_be_used(tmp_path: Path, words: str) -> None:
    (tmp_path / "file").touch()
    done = command(tmp_path / "file" / "data", *words.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().startswith("错误：")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_with_an_example_of_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "-h"])
    assert end.value.code == 0
    example = importlib.import_module(f"core.cli.{MODULES.get(name, name)}").EXAMPLE
    assert capsys.readouterr().out.splitlines()[-1] == f"例：{example}"


def test_another_python_is_told_which_one_to_use() -> None:
    # -S: no site-packages, like an interpreter nobody installed anything for
    done = subprocess.run([sys.executable, "-S", str(ROOT / "server.py"), "version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("错误：这个 Python 里没有 tongban_sdk：先运行 make setup")


def test_what_commands_write_is_for_their_account_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    before = os.umask(0o022)
    try:
        assert command(folder, "migrate").returncode == 0
    finally:
        os.umask(before)
    assert (folder / "tongban.sqlite3").exists()
    assert {oct(path.stat().st_mode & 0o077) for path in (folder, *folder.rglob("*"))} == {"0o0"}
