"""Part: timers of cases. 100,000 open cases, each with a timer; 5,000 of them come due in one minute, one worker.

Half are levels of escalation, half lead the case on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from core.cases import Case, Task
from core.cases.deadlines import ESCALATE, STATE_DUE
from core.cases.timers import timer_row
from core.fields.times import utc_now
from core.store.case_tables import CASE, TASK
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.rows import read
from core.store.statement import load_row
from core.store.tables import table_of
from tests.bench.place import Place
from tests.cases.conftest import Office, opened
from tests.cases.timed import TEXTS

FIRING, TARGET_S = 5_000, 60
#: Cases written per transaction.
BATCH = 1_000


def timers(place: Place, say: Callable[[str], None], cases: int) -> Iterator[dict[str, Any]]:
    say(f"{place.kind}: {cases:,} open cases")
    yield asyncio.run(_run(place, cases, min(FIRING, cases)))


async def _run(place: Place, cases: int, firing: int) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        async with opened((place.url, place.schema), place.folder, patch, **TEXTS) as office:
            await office.citizen("马大妈")
            for name, role in (("派遣员", "works_desk"), ("负责人", "works_chief"), ("值班长", "duty_leader")):
                await office.member(name, role)
            await _fill(office, await office.report(service="timed"), cases, firing)
            begun = time.perf_counter()
            fired = await office.cases.firing.run_all()
            seconds = time.perf_counter() - begun
            assert fired == firing, fired
            assert await office.count("tb_timer WHERE poisoned IS NOT NULL OR tries > 0") == [0]
            [done] = await office.count("tb_case_step WHERE action IN ('escalate', 'overrun')")
            assert done == firing, done
            return {
                "part": "timers", "database": place.kind, "cases": cases, "timers": firing,
                "seconds": round(seconds, 2), "target": TARGET_S,
            }  # fmt: skip


async def _fill(office: Office, first: Case, cases: int, firing: int) -> None:
    """The first case again and again, each with its row, its task and a timer."""
    host = office.host
    database, dialect = host.database, host.database.dialect
    [task] = await read(database, dialect, Task, "case_id = {case_id}", case_id=first.id)
    table = table_of(host.generation.world.entities[first.entity])
    names = tuple(column.name for column in table.columns)
    [raw] = await database.fetch(f"SELECT {', '.join(names)} FROM {table.name}", [])
    row, past = load_row(dialect, table, names, raw), utc_now() - timedelta(minutes=1)
    async with database.transaction() as tx:
        await tx.execute("DELETE FROM tb_timer")
    for begin in range(0, cases, BATCH):
        found: list[Insert] = []
        for number in range(begin, begin + BATCH):
            case = replace(first, id=uuid7(), row_id=uuid7(), number=f"WK{number:020d}")
            todo = replace(task, id=uuid7(), case_id=case.id, number=case.number)
            at = past + timedelta(milliseconds=12 * number) if number < firing else utc_now() + timedelta(days=2)
            is_level = number % 2 == 0
            kind = ESCALATE if is_level else STATE_DUE
            args: dict[str, Any] = {"percent": 80} if is_level else {"action": "overrun"}
            found += [
                Insert(table, {**row, "id": case.row_id, "case_no": case.number}),
                Insert(CASE, _values(case)),
                Insert(TASK, _values(todo)),
                timer_row(kind, at, case_id=case.id, task_id=None if is_level else todo.id, **args),
            ]
        found.sort(key=lambda insert: insert.table.name)
        async with database.transaction() as tx:
            await tx.insert(found)


def _values(row: Any) -> dict[str, Any]:
    return {part.name: getattr(row, part.name) for part in fields(row)}
