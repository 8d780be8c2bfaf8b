"""The five operations: one document and its variables, the same bytes for every server."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.bench.data import STAFF_COUNTY, STATES, Size, divisions, events

Variables = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """What the variables of a run are drawn from: rows that the restricted user may read."""

    size: Size
    event_ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, size: Size, wanted: int = 5000) -> Sample:
        ids = []
        for row in events(size):
            if row["division"].startswith(STAFF_COUNTY[:6]):
                ids.append(row["id"])
            if len(ids) == wanted:
                break
        return cls(size, ids)


@dataclass(frozen=True)
class Operation:
    """One line of the table."""

    id: str
    title: str
    document: str
    variables: Callable[[random.Random, Sample], Variables]
    #: Writes; the variable `key` is replaced by a fresh one for every request.
    writes: bool = False

    def bodies(self, sample: Sample, count: int) -> list[bytes]:
        chance = random.Random(sample.size.seed)
        return [orjson.dumps(self._body(self.variables(chance, sample))) for _ in range(count)]

    def _body(self, variables: Variables) -> dict[str, Any]:
        return {"query": self.document, "operationName": self.id, "variables": variables}


def _township(chance: random.Random, _: Sample) -> Variables:
    return {"division": chance.choice(divisions(STAFF_COUNTY)), "state": chance.choice(STATES)}


def _after_number(chance: random.Random, sample: Sample) -> Variables:
    return {
        "division": chance.choice(divisions(STAFF_COUNTY)),
        "number": chance.randrange(max(1, sample.size.people // 3)),
    }


#: Same width as every key a load generator puts in its place.
KEY_MARK = "KEY-000000000000-000000000000"


def _new_event(chance: random.Random, sample: Sample) -> Variables:
    return {
        "input": {
            "division": chance.choice(divisions(STAFF_COUNTY)),
            "title": "路灯不亮",
            "category": "light",
            "state": "open",
            "amount": "12.50",
            # Older than every generated event, so that the lists stay as they are.
            "happenedAt": "2020-02-03T04:05:06.789Z",
            "score": chance.randrange(101),
            "urgent": True,
        },
        "key": KEY_MARK,
    }


EIGHT = "id title category state amount happenedAt score urgent"

OPERATIONS = (
    Operation(
        "Q1",
        "one event by id, 8 fields",
        f"query Q1($id: ID!) {{ benchEvent(id: $id) {{ {EIGHT} }} }}",
        lambda chance, sample: {"id": chance.choice(sample.event_ids)},
    ),
    Operation(
        "Q2",
        "50 events × 8 fields, filtered, newest first",
        f"""query Q2($division: String!, $state: BenchEventState!) {{
  benchEvents(
    where: {{division: {{eq: $division}}, state: {{eq: $state}}}}
    orderBy: [{{field: happenedAt, direction: DESC}}]
    first: 50
  ) {{ nodes {{ {EIGHT} }} }}
}}""",
        _township,
    ),
    Operation(
        "Q3",
        "20 events, each with its reporter",
        """query Q3($division: String!, $state: BenchEventState!) {
  benchEvents(
    where: {division: {eq: $division}, state: {eq: $state}}
    orderBy: [{field: happenedAt, direction: DESC}]
    first: 20
  ) { nodes { id title state happenedAt reporter { id name phone sex } } }
}""",
        _township,
    ),
    Operation(
        "Q4",
        "20 people, 5 newest events of each",
        """query Q4($division: String!, $number: Int!) {
  benchPeople(
    where: {division: {eq: $division}, number: {gt: $number}}
    orderBy: [{field: number, direction: ASC}]
    first: 20
  ) {
    nodes {
      id name
      events(orderBy: [{field: happenedAt, direction: DESC}], first: 5) { nodes { id title state happenedAt score } }
    }
  }
}""",
        _after_number,
    ),
    Operation(
        "M1",
        "create one event, idempotent, durable",
        """mutation M1($input: BenchEventInput!, $key: String!) {
  createBenchEvent(input: $input, idempotencyKey: $key) { id title state amount version }
}""",
        _new_event,
        writes=True,
    ),
)


def chosen(only: Iterable[str]) -> tuple[Operation, ...]:
    wanted = set(only)
    return tuple(operation for operation in OPERATIONS if not wanted or operation.id in wanted)
