"""Part: filing. A form of 20 fields and 2 files, with case, task, trail, audit and outbox, against one transaction
written by hand for the same rows; in one process, in turns.

Wall time of neighbours in time is compared, round by round; CPU is that of this process, so without Postgres itself.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from itertools import count
from statistics import median
from typing import Any

import pytest

from core.store.pool import Connection
from core.store.postgres import PostgresEngine
from core.store.tables import table_of
from tests.bench.by_hand import ByHand, all_rows
from tests.bench.place import Place
from tests.bench.wide import FILES, TEXTS, VALUES
from tests.cases.conftest import MAKER, Office, opened

#: As many as a process of these settings has steps under way.
AT_ONCE = 4
RATIO_MIN = 0.35
#: Submissions before anything is timed, of both.
WARM_UP = 40
Submit = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Spell:
    """What was done in one round."""

    per_s: float
    cpu_ms: float


def submit(place: Place, say: Callable[[str], None], seconds: float = 1, rounds: int = 7) -> Iterator[dict[str, Any]]:
    say(f"{place.kind}: filing")
    yield asyncio.run(_run(place, seconds, rounds))


async def _run(place: Place, seconds: float, rounds: int) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        async with (
            opened((place.url, place.schema), place.folder, patch, **TEXTS) as office,
            _both(place, office) as both,
        ):
            found: dict[str, list[Spell]] = {name: [] for name in both}
            for contestant in both.values():
                await spell(contestant, WARM_UP)
            for _ in range(rounds):
                for name, contestant in both.items():
                    found[name].append(await spell(contestant, 100_000, seconds))
            return record("submit", place, "20 fields, 2 files", found["ours"], found["limit"], RATIO_MIN)


@asynccontextmanager
async def _both(place: Place, office: Office) -> AsyncIterator[dict[str, Submit]]:
    """Ours, and the limit with the very rows that ours has written."""
    who = await office.citizen("马大妈")
    entity = office.host.generation.world.entities["works.wide"]
    files = {name: await _file(office, who.id) for name in FILES}
    numbers = count()

    async def ours(_: int) -> None:
        await office.cases.submit(who, "works.wide", {**VALUES, **files}, key=f"k{next(numbers)}")

    # The second: what is done once per process does not count.
    await ours(0)
    before = await all_rows(office.host.database, table_of(entity))
    await ours(0)
    new = [row for row in await all_rows(office.host.database, table_of(entity)) if row not in before]
    [number] = [row[1] for table, row in new if table.name == "tb_case"]
    counter = str((await office.fetch("SELECT id FROM tb_sequence WHERE id LIKE 'works.wide%'"))[0][0])
    engine = office.host.database.engine
    writers = [ByHand(new, number) for _ in range(AT_ONCE)]
    for writer in writers:
        async with office.host.database.transaction() as tx:
            await tx.execute(writer.opening())
    if isinstance(engine, PostgresEngine):
        async with _connections(place) as connections:
            yield {"ours": ours, "limit": _on_postgres(writers, connections, counter)}
    else:
        with closing(sqlite3.connect(engine.path, isolation_level=None, cached_statements=512)) as connection:
            for pragma in ("busy_timeout=5000", "foreign_keys=ON", "mmap_size=268435456", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}")
            yield {"ours": ours, "limit": _on_sqlite(writers[0], connection, counter)}


@asynccontextmanager
async def _connections(place: Place) -> AsyncIterator[list[Connection]]:
    """Of its own: those of the pool are ours."""
    pool = PostgresEngine(place.url, AT_ONCE, place.schema, 10).pool
    try:
        yield [await pool.acquire() for _ in range(AT_ONCE)]
    finally:
        await pool.close()


def _on_postgres(writers: Sequence[ByHand], connections: Sequence[Connection], counter: str) -> Submit:
    for writer in writers:
        writer.for_postgres()

    async def limit(lane: int) -> None:
        await writers[lane].postgres(connections[lane], counter)

    return limit


def _on_sqlite(writer: ByHand, connection: sqlite3.Connection, counter: str) -> Submit:
    writer.for_sqlite()

    async def limit(_: int) -> None:
        writer.sqlite(connection, counter)

    return limit


async def _file(office: Office, account: str) -> str:
    """A file the citizen has uploaded."""
    entity = office.host.generation.world.entities["core.file"]
    facts = {"sha256": "0" * 64, "name": "租赁合同.pdf", "mime": "application/pdf", "size_bytes": 100_000}
    made = replace(MAKER, id=account)
    return (await office.host.generation.writer.create(made, entity, facts)).id


async def spell(contestant: Submit, most: int, seconds: float = 60, at_once: int = AT_ONCE) -> Spell:
    """As many as fit into the time, at most so many."""
    begun, cpu = time.perf_counter(), _cpu_s()
    numbers = iter(range(most))
    done = 0

    async def work(lane: int) -> None:
        nonlocal done
        for _ in numbers:
            await contestant(lane)
            done += 1
            if time.perf_counter() - begun > seconds:
                return

    await asyncio.gather(*map(work, range(at_once)))
    return Spell(done / (time.perf_counter() - begun), (_cpu_s() - cpu) / done * 1000)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def record(
    part: str, place: Place, title: str, ours: Sequence[Spell], limit: Sequence[Spell], target: float
) -> dict[str, Any]:  # fmt: skip
    """Medians; the ratios are those of neighbours."""
    ratios = [one.per_s / other.per_s for one, other in zip(ours, limit, strict=True)]
    return {
        "part": part, "database": place.kind, "title": title,
        "ours_per_s": round(median(one.per_s for one in ours), 1),
        "limit_per_s": round(median(one.per_s for one in limit), 1),
        "ours_cpu_ms": round(median(one.cpu_ms for one in ours), 3),
        "limit_cpu_ms": round(median(one.cpu_ms for one in limit), 3),
        "rounds": [round(ratio, 3) for ratio in ratios],
        "ratio": round(median(ratios), 3), "target": target,
    }  # fmt: skip
