"""The timed part: the servers take turns, one at a time, and each figure is the median of its rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import load
from tests.bench.compare import check
from tests.bench.operations import Operation, Sample
from tests.bench.process import Server

BODIES = 1000
COMPARED = 25
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Timed:
    """One server on one operation."""

    server: str
    operation: str
    per_s: float
    #: CPU time of the server process per request.
    cpu_ms: float
    p99_ms: float
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long and how often."""

    seconds: float
    rounds: int
    connections: int = 32


def race(
    servers: Sequence[Server],
    token: str,
    operation: Operation,
    sample: Sample,
    rounds: Rounds,
    folder: Path,
    after_round: Callable[[], None] = lambda: None,
) -> list[Timed]:
    """Compare the answers, warm up, then interleave: first, second, third, first, …"""
    bodies = operation.bodies(sample, BODIES)
    check(servers, token, operation, random.Random(1).sample(bodies, COMPARED))
    file = folder / f"{operation.id}.jsonl"
    file.write_bytes(b"\n".join(bodies) + b"\n")
    seen: dict[str, list[tuple[load.Answered, float]]] = {server.name: [] for server in servers}
    for turn in range(-1, rounds.rounds):
        for server in servers:
            seconds = rounds.seconds if turn >= 0 else min(WARM_UP_S, rounds.seconds)
            before = server.cpu_s()
            options = {"writes": operation.writes, "seconds": seconds, "connections": rounds.connections}
            answered = load.run(server.port, token, file, **options)  # type: ignore[arg-type]  # mixed keyword values
            if turn >= 0:
                seen[server.name].append((answered, server.cpu_s() - before))
            after_round()
    return [_timed(server.name, operation.id, seen[server.name]) for server in servers]


def _timed(server: str, operation: str, seen: Sequence[tuple[load.Answered, float]]) -> Timed:
    return Timed(
        server,
        operation,
        median(answered.per_s for answered, _ in seen),
        median(cpu_s / max(1, answered.requests) * 1000 for answered, cpu_s in seen),
        median(answered.p99_ms for answered, _ in seen),
        tuple(round(answered.per_s, 1) for answered, _ in seen),
    )
