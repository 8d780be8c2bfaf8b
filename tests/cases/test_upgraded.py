"""A workflow moves on while a thousand cases run: each keeps the version it began with, in a host that goes on."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.errors import ConflictError

from core.cases import Case, Task
from core.store.case_tables import CASE, TASK
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.rows import read
from core.store.statement import load_row
from core.store.tables import table_of
from tests.cases.conftest import Office, opened
from tests.cases.folders import REPAIR

CASES, ACTED = 1_000, 10
SECOND = REPAIR.replace("version: 1", "version: 2").replace("from: [new], to: working", "from: [new], to: ruling")
#: The same number, another content.
SLY = SECOND.replace("派单", "改派")


async def _reload(office: Office, folder: Path, workflow: str) -> None:
    """Another manifest on the disk, and the plugin off and on again: the host runs on."""
    (folder / "manifests" / "works" / "workflows" / "repair.yaml").write_text(workflow, "utf-8")
    for state in ("off", "on"):
        await office.host.registry.set_state("works", state)


def _values(row: Any) -> dict[str, Any]:
    return {part.name: getattr(row, part.name) for part in fields(row)}


async def _plant(office: Office, first: Case) -> list[str]:
    """So many cases as the first one is, with row and task; their numbers."""
    database = office.host.database
    [task] = await read(database, database.dialect, Task, "case_id = {case_id}", case_id=first.id)
    table = table_of(office.host.generation.world.entities[first.entity])
    names = tuple(column.name for column in table.columns)
    [raw] = await database.fetch(f"SELECT {', '.join(names)} FROM {table.name}", [])
    row = load_row(database.dialect, table, names, raw)
    found: list[Insert] = []
    numbers = [f"WK640522{n:015d}" for n in range(1, CASES)]
    for number in numbers:
        case = replace(first, id=uuid7(), row_id=uuid7(), number=number)
        todo = replace(task, id=uuid7(), case_id=case.id, number=number)
        found += [
            Insert(table, {**row, "id": case.row_id, "case_no": number}),
            Insert(CASE, _values(case)),
            Insert(TASK, _values(todo)),
        ]
    found.sort(key=lambda insert: insert.table.name)
    async with database.transaction() as tx:
        await tx.insert(found)
    return [first.number, *numbers]


async def test_an_upgrade_leaves_a_thousand_running_cases_on_their_version(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_place, tmp_path, monkeypatch) as office:
        await office.citizen("马大妈")
        for name, role in (("派遣员", "works_desk"), ("负责人", "works_chief")):
            await office.member(name, role)
        numbers = await _plant(office, await office.report())
        await _reload(office, tmp_path, SECOND)
        new = await office.report()
        versions = "SELECT workflow_version, count(*) FROM tb_case GROUP BY 1 ORDER BY 1"
        assert await office.fetch(versions) == [(1, CASES), (2, 1)]
        # Each by its own definition, at one moment, in one process.
        desk, some = office["派遣员"], [*numbers[:: CASES // ACTED], new.number]
        done = await asyncio.gather(*(office.cases.act(desk, number, "assign", version=1) for number in some))
        states = [(case.workflow_version, case.state) for case in done]
        assert states == [*[(1, "working")] * ACTED, (2, "ruling")]

        await _reload(office, tmp_path, SLY)
        before = await office.count("tb_case", "works_report", "tb_task", "tb_outbox", "tb_audit")
        with pytest.raises(ConflictError, match="第 2 版的内容改过") as refused:
            await office.report()
        assert refused.value.hint == "请把 version 加一"
        assert await office.count("tb_case", "works_report", "tb_task", "tb_outbox", "tb_audit") == before
        # What runs goes on: of both versions, the second as it was when its case began.
        old = await office.cases.act(desk, numbers[1], "assign", version=1)
        assert (old.workflow_version, old.state) == (1, "working")
        ruled = await office.act("负责人", new, "rule", "由本队处理")
        assert (ruled.workflow_version, ruled.state) == (2, "working")
        assert await office.fetch(versions) == [(1, CASES), (2, 1)]
