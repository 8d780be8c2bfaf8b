"""Who works on a case without deciding it: the clerk who filed it, a colleague who notes something, a unit's people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError, NotFoundError

from tests.cases.conftest import ELSEWHERE, TOWN, opened
from tests.cases.folders import SERVICE

BOTH = """workflow: both
version: 1
title: 两个角色
entity: report
start: new
states:
  new: {title: 待办, roles: [works_crew, works_chief]}
  done: {title: 已办, end: done}
actions:
  finish: {title: 办结, from: [new], to: done, roles: [assignee]}
"""


async def test_the_counter_and_the_colleagues(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"workflows__both": BOTH, "services__both": SERVICE.format(id="both", title="两个角色", workflow="both")}
    async with opened(database_place, tmp_path, monkeypatch, **texts) as office:
        await office.citizen("马大妈")
        for name, role, place, unit in (
            ("派遣员", "works_desk", TOWN, "市政局"), ("同事", "works_desk", TOWN, "市政局"),
            ("丙", "works_crew", ELSEWHERE, "供排水公司"), ("丁", "works_crew", ELSEWHERE, "另一公司"),
        ):  # fmt: skip
            await office.member(name, role, place, unit)
        clerk = replace(office["派遣员"], roles=office["派遣员"].roles | {"window_clerk"})
        # Filed at the counter: she goes on seeing it, wherever it lies by now and whatever her roles work in.
        case = await office.cases.submit(
            clerk, "works.repair", {"kind": "lamp"}, channel="window", applicant=office["马大妈"].person
        )
        async with office.host.database.transaction() as tx:
            await tx.execute(f"UPDATE tb_case SET division = '{ELSEWHERE}', grid = NULL, org = NULL")
            await tx.execute(f"UPDATE tb_task SET division = '{ELSEWHERE}'")
        assert (await office.cases.get(office["派遣员"], case.number)).number == case.number
        with pytest.raises(NotFoundError):
            await office.cases.get(office["同事"], case.number)
        # A note moves nothing that others decide by.
        case = await office.report()
        await office.cases.comment(clerk, case.number, "已电话核实")
        task = await office.task("派遣员", case)
        assert (await office.cases.claim(clerk, task.id)).version == case.version
        await office.cases.release(clerk, task.id)
        done = await office.cases.act(office["同事"], case.number, "refuse", version=case.version, reason="不属于市政")
        assert done.version == case.version + 1
        # A task of two roles at a unit is seen by its people of one of them, and by nobody of another unit.
        case = await office.report(service="both")
        async with office.host.database.transaction() as tx:
            await tx.execute(f"UPDATE tb_task SET org = '{office.units['供排水公司']}' WHERE number = '{case.number}'")
        assert (await office.cases.get(office["丙"], case.number)).number == case.number
        with pytest.raises(NotFoundError):
            await office.cases.get(office["丁"], case.number)
        # Two cases never have one number, and what cannot be filed says so.
        taken = f"{case.number[:-7]}{int(case.number[-7:]) + 1:07}"
        async with office.host.database.transaction() as tx:
            await tx.execute(f"UPDATE tb_case SET number = '{taken}' WHERE number = '{case.number}'")
        before = await office.count("tb_case", "works_report", "tb_outbox")
        with pytest.raises(ConflictError, match=f"编号 {taken} 已是另一件办件的"):
            await office.report()
        assert await office.count("tb_case", "works_report", "tb_outbox") == before


EXTRA = """workflow: extra
version: 1
title: 带任务
entity: report
start: new
states:
  new: {title: 待办, roles: [works_desk]}
  done: {title: 已办, end: done}
  refused: {title: 不予, end: refused}
actions:
  begin: {title: 派人看, from: [new], to: "", roles: [assignee], effects: [{task: {title: 现场看, roles: [works_crew],
          within: {value: 2, unit: H}}}]}
  finish: {title: 办结, from: [new], to: done, roles: [assignee]}
  refuse: {title: 不予, from: [new], to: refused, roles: [assignee], kind: refuse}
"""


async def test_a_task_besides_blocks_nothing_and_is_done_by_itself(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"workflows__extra": EXTRA, "services__extra": SERVICE.format(id="extra", title="带任务", workflow="extra")}
    async with opened(database_place, tmp_path, monkeypatch, **texts) as office:
        await office.citizen("马大妈")
        await office.member("派遣员", "works_desk", TOWN)
        await office.member("乙", "works_crew", TOWN)
        case = await office.report(service="extra")
        case = await office.act("派遣员", case, "begin")
        (task,) = (await office.cases.inbox(office["乙"])).items
        assert (task.title, task.status, task.due_at is not None) == ("现场看", "open", True)
        with pytest.raises(ConflictError, match="不在您手上"):
            await office.cases.finish_task(office["乙"], task.id)
        await office.cases.claim(office["乙"], task.id)
        # The desk has the case still, and goes on without waiting.
        assert (await office.cases.get(office["派遣员"], case.number)).owner == office["派遣员"].staff
        mine = await office.task("派遣员", case)
        with pytest.raises(ConflictError, match="由办理的步骤完成"):
            await office.cases.finish_task(office["派遣员"], mine.id)
        case = await office.act("派遣员", case, "finish")
        assert case.phase == "done"
        shown = [(t.title, t.status) for t in await office.cases.tasks(office["派遣员"], case.number)]
        assert shown == [("现场看", "claimed")]
        await office.cases.finish_task(office["乙"], task.id, "看过了")
        trail = await office.cases.trail(office["派遣员"], case.number)
        assert [entry.title for entry in trail][-1] == "另派的任务已做完"
        shown = [(t.title, t.status) for t in await office.cases.tasks(office["派遣员"], case.number)]
        assert shown == [("现场看", "done")]
        # Of a case that was refused nothing is left to do.
        case = await office.act("派遣员", await office.report(service="extra"), "begin")
        await office.act("派遣员", case, "refuse", "不属于市政")
        assert [t.status for t in await office.cases.tasks(office["派遣员"], case.number)] == ["cancelled"]
        assert (await office.cases.inbox(office["乙"])).items == ()
