"""The harness works on tiny sizes, and the three servers answer alike: without that no figure means anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.bench import load
from tests.bench.compare import Different, check
from tests.bench.contest import NAMES, start
from tests.bench.data import Size, events, people
from tests.bench.operations import OPERATIONS, Sample
from tests.bench.place import STAFF, Place, postgres_place, sqlite_place
from tests.bench.race import Contestant, Rounds, race
from tests.bench.report import lines, race_record
from tests.conftest import POSTGRES, needed

SIZE = Size(events=2000, people=400)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with sqlite_place() if request.param == "sqlite" else postgres_place(needed(POSTGRES)) as place:
        yield place


def test_three_servers_answer_alike_and_are_timed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "WRK", None)  # wrk runs for a second at least
    place.command("migrate")
    place.fill(SIZE)
    sample, token = Sample.of(SIZE), place.token(STAFF)
    with ExitStack() as stack:
        servers = [stack.enter_context(start(name, place)) for name in NAMES]
        sizes = {o.id: check(servers, token, o, o.bodies(sample, 8)) for o in OPERATIONS}
        by_id = OPERATIONS[0]
        timed = race([Contestant(s.name, s, token) for s in servers], by_id, sample, Rounds(1.0, 1, 4), place.folder)
        with pytest.raises(Different):
            check(servers, "no token at all", by_id, by_id.bodies(sample, 1))
    assert all(size > 90 for size in sizes.values()), sizes
    assert min(sizes["Q2"], sizes["Q4"]) > 1000, sizes
    record = race_record(place.kind, by_id.id, by_id.title, timed)
    assert all(record[name]["per_s"] > 0 for name in NAMES)
    assert f"== {place.kind}" in lines("race", [record])


def test_rows_are_the_same_in_every_run() -> None:
    size = Size(events=50, people=20)
    assert list(events(size)) == list(events(size))
    assert len({row["happened_at"] for row in events(Size(events=5000, people=20))}) == 5000
    assert {row["reporter_id"] for row in events(size)} <= {row["id"] for row in people(size)}
