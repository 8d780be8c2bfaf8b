"""Part one: ours, the limit and the naive server on the same rows, in turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from tests.bench.compare import check
from tests.bench.data import Size
from tests.bench.operations import Operation, Sample
from tests.bench.place import STAFF, Place
from tests.bench.process import Server, server
from tests.bench.race import Contestant, Rounds, race
from tests.bench.report import race_record

OURS = ("server.py", "serve", "--host", "127.0.0.1", "--port", "PORT")
NAMES = ("limit", "ours", "naive")
#: Answers compared per operation before it is timed.
COMPARED = 25


def contest(
    place: Place, size: Size, operations: Sequence[Operation], rounds: Rounds, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Prepare the database, start the three servers, race every operation. Yields one record per operation."""
    say(f"{place.kind}: migrating, loading {size.events:,} events and {size.people:,} people")
    place.command("migrate")
    place.fill(size)
    sample, token = Sample.of(size), place.token(STAFF)
    with ExitStack() as stack:
        servers = [stack.enter_context(start(name, place)) for name in NAMES]
        for operation in operations:
            check(servers, token, operation, random.Random(1).choices(operation.bodies(sample, 200), k=COMPARED))
            say(f"{place.kind}: {operation.id}, answers compared")
            contestants = [Contestant(one.name, one, token) for one in servers]
            after_round = place.forget_events if operation.writes else lambda: None
            timed = race(contestants, operation, sample, rounds, place.folder, after_round)
            yield race_record(place.kind, operation.id, operation.title, timed)
        yield {
            "part": "memory",
            "database": place.kind,
            "mb": {one.name: round(one.memory_mb(), 1) for one in servers},
            "own_mb": {one.name: round(one.memory_mb("RssAnon"), 1) for one in servers},
            "peak_mb": {one.name: round(one.memory_mb("VmHWM"), 1) for one in servers},
        }


def start(name: str, place: Place) -> AbstractContextManager[Server]:
    """One running server of the contest."""
    if name == "ours":
        return server(name, OURS, place.env)
    words = [
        "-m",
        "tests.bench.serve",
        name,
        "--database",
        place.url,
        "--secrets",
        str(place.secrets),
        "--port",
        "PORT",
    ]
    return server(name, words + (["--schema", place.schema] if place.schema else []), {})
