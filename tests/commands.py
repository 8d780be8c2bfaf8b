"""Commands as an operator runs them, each in a process of its own. It begins with the host imported, which takes
seconds and is no part of what these tests prove; tests/api/test_cli.py starts the real thing.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["core.app", "core.cli.demo", "core.cli.serve", "tests.commands"])
ROOT = Path(__file__).parents[1]


def run(folder: Path, *words: str, timeout_s: float = 120, **env: str) -> CompletedProcess[str]:
    """`python server.py <words>` with `folder` as its data folder and no other setting but these."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TONGBAN_")}
    with TemporaryDirectory() as told:
        out, err = Path(told, "out"), Path(told, "err")
        process = _PROCESSES.Process(
            target=_main, args=(words, {**clean, "TONGBAN_DATA_DIR": str(folder), **env}, out, err)
        )
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(words)
        return CompletedProcess(words, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _main(words: tuple[str, ...], env: Mapping[str, str], out: Path, err: Path) -> None:
    from core.cli import main

    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    os.umask(0o077)
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
    sys.argv = ["server.py", *words]
    sys.exit(main(list(words)))
