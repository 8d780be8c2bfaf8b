"""The timed part: contestants take turns, one at a time, and each figure is the median of its rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import load
from tests.bench.operations import Operation, Sample
from tests.bench.process import Server

BODIES = 1000
WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server, asked by somebody."""

    name: str
    server: Server
    token: str


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long and how often."""

    seconds: float
    rounds: int
    connections: int = 32


@dataclass(frozen=True, slots=True)
class Timed:
    """One contestant on one operation."""

    name: str
    per_s: float
    #: CPU time of the server process per request.
    cpu_ms: float
    p99_ms: float
    #: Requests per second of each round.
    rounds: tuple[float, ...]
    #: Milliseconds of CPU per request of each round.
    cpu_rounds: tuple[float, ...]


def race(
    contestants: Sequence[Contestant],
    operation: Operation,
    sample: Sample,
    rounds: Rounds,
    folder: Path,
    after_round: Callable[[], None] = lambda: None,
) -> list[Timed]:
    """Warm up, then interleave: first, second, third, first, …; `after_round` is not timed."""
    bodies = folder / f"{operation.id}.jsonl"
    bodies.write_bytes(b"\n".join(operation.bodies(sample, BODIES)) + b"\n")
    seen: dict[str, list[tuple[load.Answered, float]]] = {contestant.name: [] for contestant in contestants}
    for turn in range(rounds.rounds + 1):
        for one in contestants:
            seconds = rounds.seconds if turn else min(WARM_UP_S, rounds.seconds)
            before = one.server.cpu_s()
            answered = load.run(
                one.server.port, one.token, bodies,
                writes=operation.writes, seconds=seconds, connections=rounds.connections,
            )  # fmt: skip
            if turn:
                seen[one.name].append((answered, one.server.cpu_s() - before))
            after_round()
    return [_timed(name, runs) for name, runs in seen.items()]


def _timed(name: str, runs: Sequence[tuple[load.Answered, float]]) -> Timed:
    cpu_ms = [cpu_s / max(1, answered.requests) * 1000 for answered, cpu_s in runs]
    return Timed(
        name,
        median(answered.per_s for answered, _ in runs),
        median(cpu_ms),
        median(answered.p99_ms for answered, _ in runs),
        tuple(round(answered.per_s, 1) for answered, _ in runs),
        tuple(round(ms, 4) for ms in cpu_ms),
    )
