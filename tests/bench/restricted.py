"""Part two: what the row rule and the masks cost a restricted user, against an administrator, on a large table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.compare import ask
from tests.bench.contest import start
from tests.bench.data import STATES, Size
from tests.bench.operations import EIGHT, OPERATIONS, Operation, Sample
from tests.bench.place import ADMIN, STAFF, Place
from tests.bench.process import Server
from tests.bench.race import Contestant, Rounds, race

#: Times an administrator's cost that a restricted user may cost.
RATIO_MAX = 1.3

#: No division in the filter: the row rule alone says which of the newest rows are the caller's.
UNFILTERED = Operation(
    "Q2b",
    "50 newest events of a state, no division given",
    f"""query Q2b($state: BenchEventState!) {{
  benchEvents(where: {{state: {{eq: $state}}}}, orderBy: [{{field: happenedAt, direction: DESC}}], first: 50) {{
    nodes {{ {EIGHT} }}
  }}
}}""",
    lambda chance, sample: {"state": chance.choice(STATES)},
)
LISTS = (*(operation for operation in OPERATIONS if operation.id == "Q2"), UNFILTERED)


def restricted(place: Place, size: Size, rounds: Rounds, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield one record per list: administrator, staff of one county, and the ratio of the two."""
    say(f"{place.kind}: loading {size.events:,} events for the restricted user")
    place.command("migrate")
    place.fill(size)
    sample = Sample.of(size)
    with start("ours", place) as server:
        callers = [Contestant("admin", server, place.token(ADMIN)), Contestant("staff", server, place.token(STAFF))]
        for operation in LISTS:
            for caller in callers:
                _answers(server, caller.token, operation, sample)
            admin, staff = race(callers, operation, sample, rounds, place.folder)
            yield {
                "part": "restricted",
                "database": place.kind,
                "operation": operation.id,
                "title": operation.title,
                "events": size.events,
                "admin_per_s": round(admin.per_s, 1),
                "staff_per_s": round(staff.per_s, 1),
                "ratio": round(admin.per_s / staff.per_s, 3),
                "target": RATIO_MAX,
            }


def _answers(server: Server, token: str, operation: Operation, sample: Sample) -> None:
    answer = ask(server, token, operation.bodies(sample, 1)[0])["answer"]
    if answer.get("errors") or not answer["data"]["benchEvents"]["nodes"]:
        raise RuntimeError(f"{operation.id} answers {answer}")
