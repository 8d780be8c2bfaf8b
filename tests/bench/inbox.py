"""Part: the inbox. 50 of 1,000,000 cases' tasks, for staff of a county, a town and a village, against the statement
somebody would write for exactly this reader; in one process, in turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.cases.rows import Task
from core.store.case_tables import TASK
from core.store.dialect import literal
from core.store.rows import columns
from tests.bench import rows
from tests.bench.data import Row
from tests.bench.place import Place
from tests.bench.submit import Spell, record, spell
from tests.cases.conftest import COUNTY, TOWN, VILLAGE, Office, opened

CASES, FIRST, RATIO_MIN = 1_000_000, 50, 0.6
#: Division, and as much of it as all divisions below begin with.
READERS = {"county": (COUNTY, COUNTY[:6]), "town": (TOWN, TOWN[:9]), "village": (VILLAGE, VILLAGE)}
ROLES = ("works_desk", "works_crew", "works_chief", "other_desk")
#: Of ten tasks: one is free, two are somebody's, seven are done.
STATUSES = ("open", "claimed", "claimed", *["done"] * 7)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def inbox(
    place: Place, say: Callable[[str], None], cases: int = CASES, seconds: float = 1, rounds: int = 7
) -> Iterator[dict[str, Any]]:
    say(f"{place.kind}: tasks of {cases:,} cases")
    yield from asyncio.run(_run(place, cases, seconds, rounds))


async def _run(place: Place, cases: int, seconds: float, rounds: int) -> list[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        async with opened((place.url, place.schema), place.folder, patch) as office:
            desk = await office.member("派遣员", "works_desk")
            await rows.fill(place.url, place.schema, [(TASK, _tasks(cases, desk.staff or ""))])
            found = []
            for name, (division, start) in READERS.items():
                reader = replace(desk, division=division)
                both = {"ours": _ours(office, reader), "limit": _limit(office, reader, start)}
                assert await both["ours"](0) == [row[0] for row in await both["limit"](0)][:FIRST], name
                found.append(await _raced(place, f"{name} of {cases:,}", both, seconds, rounds))
            return found


async def _raced(
    place: Place, title: str, both: dict[str, Callable[[int], Awaitable[Any]]], seconds: float, rounds: int
) -> dict[str, Any]:
    spells: dict[str, list[Spell]] = {name: [] for name in both}
    for _ in range(rounds):
        for name, contestant in both.items():
            spells[name].append(await spell(contestant, 100_000, seconds, at_once=1))
    return record("inbox", place, title, spells["ours"], spells["limit"], RATIO_MIN)


def _tasks(cases: int, staff: str) -> Iterator[Row]:
    """A task of each case, in 12 towns of 12 villages of four roles; what is somebody's is another's."""
    other = f"{staff[:-12]}{'f' * 12}"
    for n in range(cases):
        status, due = STATUSES[n % 10], BEGIN + timedelta(minutes=n * 7919 % cases)
        place = n // 40
        id = f"0190f000-0000-7000-8000-{n:012d}"
        yield {
            "id": id, "case_id": id, "number": f"WK{n:020d}", "plugin_id": "works", "service": "works.repair",
            "state": "new", "part": "", "title": "待派", "role": ROLES[n // 10 % 4],
            "division": f"640522{100 + place % 12}{200 + place // 12 % 12}",
            "assignee": None if status == "open" else other,
            "status": status, "urgency": 0, "opened_at": due - timedelta(days=3), "due_at": due, "ranked_at": due,
            "yellow_at": due - timedelta(days=1), "orange_at": due - timedelta(hours=12),
            "purple_at": due + timedelta(days=3), "is_provisional": False, "version": 1,
        }  # fmt: skip


def _ours(office: Office, reader: Actor) -> Callable[[int], Awaitable[Any]]:
    async def ours(_: int) -> list[str]:
        return [task.id for task in (await office.cases.inbox(reader, first=FIRST)).items]

    return ours


def _limit(office: Office, reader: Actor, start: str) -> Callable[[int], Awaitable[Any]]:
    """Offered to him, of his unit, of his division; each in its order, and merged. Rows as the driver gives them."""
    database = office.host.database
    mark = database.dialect.placeholder
    order, names = f"ORDER BY ranked_at, id LIMIT {FIRST + 1}", columns(Task)
    free, role = "status = 'open' AND assignee IS NULL", "role = 'works_desk'"
    # Who writes it by hand looks at the plan: SQLite is told which index is of no use here.
    off = "+" if database.dialect.name == "sqlite" else ""
    place = f"{off if len(start) == 6 else ''}division"
    covered = f"{place} >= {literal(start)} AND {place} < {literal(start + ':')}"
    wheres = [
        f"assignee = {mark(1)} AND status = 'open'", f"org = {mark(2)} AND {free} AND {off}{role}",
        f"{role} AND {free} AND org IS NULL AND {covered}",
    ]  # fmt: skip
    parts = [
        f"SELECT * FROM (SELECT {names} FROM tb_task WHERE {where} {order}) p{n}" for n, where in enumerate(wheres)
    ]
    text, args = f"SELECT * FROM ({' UNION ALL '.join(parts)}) a {order}", [reader.staff, reader.org]

    async def limit(_: int) -> Any:
        found = await database.fetch(text, args)
        return [(str(row[0]),) for row in found]

    return limit
