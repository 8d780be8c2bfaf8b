"""A running case keeps the definitions it began with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError

from core.cases.definitions import Definitions
from tests.cases.conftest import Office, opened
from tests.cases.folders import REPAIR

NEW = REPAIR.replace("version: 1", "version: 2").replace("from: [new], to: working", "from: [new], to: ruling")


async def _people(office: Office) -> None:
    await office.citizen("马大妈")
    await office.member("派遣员", "works_desk")
    await office.member("负责人", "works_chief")


async def test_cases_of_two_versions_run_side_by_side(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_place, tmp_path, monkeypatch) as office:
        await _people(office)
        people = office.people
        cases = [await office.report() for _ in range(3)]
    async with opened(database_place, tmp_path, monkeypatch, workflows__repair=NEW) as office:
        office.people = people
        new = await office.report()
        assert [case.workflow_version for case in (*cases, new)] == [1, 1, 1, 2]
        assert (await office.act("派遣员", new, "assign")).state == "ruling"
        for case in cases:
            assert (await office.act("派遣员", case, "assign")).state == "working"
        rows = await office.fetch("SELECT id FROM tb_definition ORDER BY id")
        assert rows == [("service:works.repair@1",), ("workflow:works.repair@1",), ("workflow:works.repair@2",)]


async def test_another_content_under_the_same_version_is_refused(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_place, tmp_path, monkeypatch) as office:
        await _people(office)
        people, case = office.people, await office.report()
    changed = NEW.replace("version: 2", "version: 1")
    async with opened(database_place, tmp_path, monkeypatch, workflows__repair=changed) as office:
        office.people = people
        before = await office.count("tb_case", "works_report", "tb_task")
        with pytest.raises(ConflictError, match="第 1 版的内容改过"):
            await office.report()
        assert await office.count("tb_case", "works_report", "tb_task") == before
        # The case that runs goes on as it began.
        assert (await office.act("派遣员", case, "assign")).state == "working"


async def test_what_is_rolled_back_is_not_kept(office: Office) -> None:
    definitions = Definitions(office.host.database)
    workflow = office.host.generation.world.plugins["works"].workflows["auto"]

    async def fail() -> None:
        async with office.host.database.transaction() as tx:
            await definitions.keep(tx, workflow)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await office.count("tb_definition") == [0]
    async with office.host.database.transaction() as tx:
        await definitions.keep(tx, workflow)
    assert await office.fetch("SELECT id FROM tb_definition") == [("workflow:works.auto@1",)]
