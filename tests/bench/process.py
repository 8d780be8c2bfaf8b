"""A server as a child process, and what the operating system says it used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running child that answers POST /graphql."""

    name: str
    pid: int
    port: int
    #: Seconds from the start of the process to the first accepted connection.
    boot_s: float

    def cpu_s(self) -> float:
        """User and system time of the process with all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def memory_mb(self, line: str = "VmRSS") -> float:
        return memory_mb(self.pid, line)


def memory_mb(pid: int, line: str = "VmRSS") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith(f"{line}:")) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(name: str, command: Sequence[str], env: Mapping[str, str], *, timeout_s: float = 60) -> Iterator[Server]:
    """Start `command` (with the port in place of PORT), wait until it listens, stop it at the end."""
    port = free_port()
    words = [str(port) if word == "PORT" else word for word in command]
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        child = subprocess.Popen([sys.executable, *words], cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log)
        try:
            _wait(child, port, started + timeout_s)
            yield Server(name, child.pid, port, time.perf_counter() - started)
        except ServerError as error:
            log.seek(0)
            raise ServerError(f"{name}: {error}\n{log.read()[-4000:].decode(errors='replace')}") from error
        finally:
            _stop(child)


class ServerError(Exception):
    """A server that did not start; the message ends with what it printed."""


def _wait(child: subprocess.Popen[bytes], port: int, deadline: float) -> None:
    while time.perf_counter() < deadline:
        if child.poll() is not None:
            raise ServerError(f"ended with {child.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise ServerError("did not listen in time")


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
