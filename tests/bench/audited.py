"""Part: what the audit costs a creation. The same server twice on one database, the second one without its lines.

Neighbours in time are compared, round by round: what else runs on the machine then weighs on both. CPU of the process
says more than creations a second where these wait for a disk or for other programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from tests.bench.contest import start
from tests.bench.data import Size
from tests.bench.operations import OPERATIONS, Sample
from tests.bench.place import STAFF, Place
from tests.bench.process import server
from tests.bench.race import Contestant, Rounds, race

#: Of what is done without audit, in the same time or with the same CPU, what is done with it.
RATIO_MIN = 0.8
UNAUDITED = ("-m", "tests.bench.unaudited", "PORT")


def audited(place: Place, size: Size, rounds: Rounds, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield one record: creations a second with and without, in turns."""
    say(f"{place.kind}: migrating, loading {size.events:,} events to create beside")
    place.command("migrate")
    place.fill(size)
    token = place.token(STAFF)
    [create] = [operation for operation in OPERATIONS if operation.id == "M1"]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(start("ours", place)),
            stack.enter_context(server("unaudited", UNAUDITED, place.env)),
            stack.enter_context(start("limit", place)),
        ]
        contestants = [Contestant(one.name, one, token) for one in servers]
        with_, without, limit = race(contestants, create, Sample.of(size), rounds, place.folder, place.forget_events)
    yield {
        "part": "audited",
        "database": place.kind,
        "with_per_s": round(with_.per_s, 1),
        "without_per_s": round(without.per_s, 1),
        "limit_per_s": round(limit.per_s, 1),
        "with_cpu_ms": round(with_.cpu_ms, 3),
        "without_cpu_ms": round(without.cpu_ms, 3),
        "limit_cpu_ms": round(limit.cpu_ms, 3),
        "rounds": {"with": with_.rounds, "without": without.rounds},
        "cpu_rounds": {"with": with_.cpu_rounds, "without": without.cpu_rounds},
        "ratio": _ratio(with_.rounds, without.rounds),
        "cpu_ratio": _ratio(without.cpu_rounds, with_.cpu_rounds),
        "target": RATIO_MIN,
    }


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over the rounds."""
    return round(median(a / b for a, b in zip(above, below, strict=True)), 3)
