"""Blocks → rows: how many, under which parents, with which values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any

from core.demo.generators import BASE_DATE, DemoError, Maker, Run, maker, path_of
from core.demo.row import Group, Row, read
from core.expr.clock import CHINA

#: Rows without a declared time were entered one after the other, a year before the base date.
FIRST_ENTRY = datetime.combine(BASE_DATE, time(8), CHINA) - timedelta(days=365)
#: Uneven but never empty: how strongly parents differ in size.
SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of `rows`, with the entity's full key."""

    name: str
    entity: str
    spec: Mapping[str, Any]
    #: Ref field whose row gives the division.
    division_from: str = ""


def build_rows(block: Block, run: Run, number: int) -> list[Row]:
    """All rows of a block. `number` counts rows over the whole run: later rows were entered later."""
    random = Random(f"{run.seed}:{block.name}")
    spec = block.spec
    lets = _makers(spec.get("let", {}), run, random)
    fields = _makers(spec.get("fields", {}), run, random)
    rows = []
    for i, (n, parent) in enumerate(_places(block, run, random)):
        row = Row(parent, {"i": i, "n": n, "division": _division(parent, run)})
        for name, make in (*lets, *fields):
            row.put(name, make(row))
        if block.division_from:
            row.values["division"] = read(row, (block.division_from, "division"))
        _stamp(row, number + i, random)
        rows.append(row)
    if link := spec.get("first_child"):
        _link_first(rows, link)
    return rows


def _makers(specs: Mapping[str, Any], run: Run, random: Random) -> list[tuple[str, Maker]]:
    return [(name, maker(spec, run, random)) for name, spec in specs.items()]


def _places(block: Block, run: Run, random: Random) -> Iterator[tuple[int, Row | None]]:
    """Position inside the parent, and the parent, for every row of the block."""
    spec = block.spec
    total = _total(spec, run)
    if "over" not in spec:
        yield from ((n, None) for n in range(total or 1))
        return
    if spec["over"] not in run.groups:
        raise DemoError(f"{block.name} 的上级组 {spec['over']} 尚未生成")
    only = {path_of(path): value for path, value in spec.get("only", {}).items()}
    parents = [
        row
        for row in run.groups[spec["over"]].rows[: spec.get("first")]
        if all(read(row, path) == value for path, value in only.items())
    ]
    each = spec.get("each", 1)
    counts: Sequence[int]
    if total is not None:
        counts = _with_first(_shares(total, len(parents), random), spec.get("first_at_least", 0))
    elif isinstance(each, int):
        counts = [each] * len(parents)
    else:
        counts = [random.randint(*each) for _ in parents]
    for parent, count in zip(parents, counts, strict=True):
        yield from ((n, parent) for n in range(count))


def _total(spec: Mapping[str, Any], run: Run) -> int | None:
    total = spec.get("total") or (round(spec["ratio"] * run.people) if "ratio" in spec else None)
    if total is not None and (beside := spec.get("counting")):
        total -= len(run.groups[beside].rows)
    return total


def _shares(total: int, parents: int, random: Random) -> list[int]:
    """Split a total over parents unevenly; nobody is left out while there is enough."""
    if not parents:
        return []
    floor = 1 if total >= parents else 0
    weights = [random.lognormvariate(0, SPREAD) for _ in range(parents)]
    spare = total - floor * parents
    exact = [spare * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    order = sorted(range(parents), key=lambda index: counts[index] - exact[index])
    for index in order[: spare - sum(counts)]:
        counts[index] += 1
    return [floor + count for count in counts]


def _with_first(counts: list[int], least: int) -> list[int]:
    """The first parent gets at least so many; whoever has most gives them up."""
    while counts and counts[0] < least <= sum(counts):
        most = max(range(1, len(counts)), key=counts.__getitem__)
        counts[0], counts[most] = counts[0] + 1, counts[most] - 1
    return counts


def _division(parent: Row | None, run: Run) -> str:
    found = parent.values.get("division") if parent else None
    return found or run.county.ljust(12, "0")


def _stamp(row: Row, number: int, random: Random) -> None:
    created_at = row.values.get("created_at") or (FIRST_ENTRY + timedelta(seconds=number)).isoformat()
    row.values["created_at"] = row.values["updated_at"] = created_at
    row.values["id"] = _uuid7(datetime.fromisoformat(created_at), random)


def _uuid7(moment: datetime, random: Random) -> str:
    """RFC 9562 version 7, its random part from the seed."""
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000)
    number = milliseconds << 80 | 0x7 << 76 | random.getrandbits(12) << 64 | 0b10 << 62 | random.getrandbits(62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _link_first(rows: Sequence[Row], link: str) -> None:
    for row in rows:
        if row.values["n"] == 0 and row.up:
            row.up.put(link, row)


def select(rows: Sequence[Row], block: Block, run: Run) -> Group:
    """The existing rows a block asks for."""
    where = block.spec.get("where", {})
    inside = block.spec.get("inside")
    return Group(
        [
            row
            for row in rows
            if all(read(row, path_of(path)) == value for path, value in where.items())
            and (not inside or str(row.values.get(inside)).startswith(run.county))
        ]
    )
