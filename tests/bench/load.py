"""Load: wrk where it is installed, else our own client; both in a process of their own, both keep-alive."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.bench.process import ROOT

WRK = shutil.which("wrk")
GENERATOR = "wrk" if WRK else "own client (wrk is not installed: it takes more CPU than wrk, figures are lower)"
#: Numbers the runs, so that no two use one idempotency key, not even in two benches on one database.
_runs = itertools.count(int(time.time()) % 10**6 * 10**6)


@dataclass(frozen=True, slots=True)
class Answered:
    """What one run of the load generator saw."""

    requests: int
    seconds: float
    failed: int
    bytes: int
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


def run(port: int, token: str, bodies: Path, *, writes: bool, seconds: float, connections: int = 32) -> Answered:
    """Send the bodies of a file in turn for some seconds; every answer must have status 200."""
    words = [str(bodies), token, f"{next(_runs):012d}", "write" if writes else "read"]
    if WRK:
        script = str(Path(__file__).with_name("load.lua"))
        options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s", script]
        command = [WRK, *options, f"http://127.0.0.1:{port}", "--", *words]
    else:
        command = [sys.executable, "-m", "tests.bench.client", str(port), str(connections), str(seconds), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True, env={**os.environ})
    answered = Answered(**orjson.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))))
    if not answered.requests:
        raise RuntimeError(f"no request was answered: {done.stderr[-2000:]}")
    if answered.failed:
        raise RuntimeError(f"{answered.failed} of {answered.requests} requests failed")
    return answered
