"""A broken sewer cover from the photo to the end, and what nobody may do on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, PermissionDeniedError

from core.cases import Case
from tests.grid.conftest import GRID, SPOT, Town, town

TABLES = ("grid_grid_case", "tb_case", "tb_task", "tb_case_step", "tb_timer", "tb_outbox", "tb_history")


async def to_repair(town: Town, *, level: str = "danger") -> Case:
    """Accepted, seen on the spot, filed and sent to whom the component names."""
    case = await town.sewer()
    await town.act("派遣员", case, "accept", level=level)
    await town.act("网格员", case, "verify", verify_photo=await town.picture("网格员"))
    await town.act("派遣员", case, "file")
    return await town.act("派遣员", case, "dispatch_urgent" if level == "danger" else "dispatch")


async def test_a_cover_is_mended(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        case = await to_repair(t)
        assert (case.state, case.number[:8]) == ("urgent", "GR640522")
        # The component says the road centre; it says no, and the dispatcher names the owner.
        task = await t.task("派遣员", case)
        assert (task.org, task.assignee) == (t.units["市政设施养护中心"], None)
        with pytest.raises(PermissionDeniedError):
            await t.act("水务工", case, "return", "不归我们")
        with pytest.raises(InvalidInputError) as refused:
            await t.act("养护工", case, "return")
        assert [problem.id for problem in refused.value.problems] == ["case.reason"]
        case = await t.act("养护工", case, "return", "权属是供排水公司")
        assert case.state == "dispatching"
        case = await t.act("派遣员", case, "dispatch_urgent", unit=t.units["供排水公司"])
        assert (await t.task("派遣员", case)).org == t.units["供排水公司"]
        case = await t.act("网格员", case, "guard", guard_photo=await t.picture("网格员"))
        assert case.state == "urgent"
        before = await t.count(*TABLES)
        with pytest.raises(InvalidInputError, match="填写的内容有误"):
            await t.act("水务工", case, "finish", result="换了新盖")
        assert await t.count(*TABLES) == before
        photo = await t.picture("水务工")
        case = await t.act("水务工", case, "finish", result="换了新盖", after_photo=photo)
        case = await t.act("网格员", case, "pass", check_photo=await t.picture("网格员"))
        case = await t.act("派遣员", case, "close")
        assert (case.state, case.phase) == ("closed", "done")
        steps = [entry.action for entry in await t.cases.trail(t["派遣员"], case.number)]
        assert steps == [
            "submit", "accept", "verify", "file", "dispatch_urgent", "return", "dispatch_urgent", "guard", "finish",
            "pass", "close",
        ]  # fmt: skip
        assert await t.fetch("SELECT state, guarded_at IS NOT NULL, finished_at IS NOT NULL FROM grid_grid_case") == [
            ("closed", 1, 1)
        ]


async def test_the_second_return_goes_to_the_duty_leader(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        case = await to_repair(t, level="normal")
        case = await t.act("养护工", case, "return", "不归我们")
        case = await t.act("派遣员", case, "dispatch", unit=t.units["供排水公司"])
        case = await t.act("水务工", case, "return", "也不归我们")
        assert case.state == "ruling"
        with pytest.raises(PermissionDeniedError):
            await t.act("派遣员", case, "rule", "由供排水公司办", unit=t.units["供排水公司"])
        case = await t.act("值班长", case, "rule", "由供排水公司办", unit=t.units["供排水公司"])
        assert (case.state, (await t.task("值班长", case)).org) == ("handling", t.units["供排水公司"])


async def test_bad_work_is_done_again_once_then_the_duty_leader_rules(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        case, photo = await to_repair(t, level="normal"), await t.picture("养护工")
        for after in ("handling", "ruling"):
            case = await t.act("养护工", case, "finish", result="换了新盖", after_photo=photo)
            before = await t.count(*TABLES)
            with pytest.raises(InvalidInputError) as refused:
                await t.act("网格员", case, "rework")
            assert [problem.id for problem in refused.value.problems] == ["case.reason"]
            assert await t.count(*TABLES) == before
            case = await t.act("网格员", case, "rework", "盖子还是松的")
            assert (case.state, case.phase) == (after, "open")


async def test_danger_and_normal_have_their_own_ways(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        case = await t.sewer()
        await t.act("派遣员", case, "accept")
        await t.act("网格员", case, "verify", verify_photo=await t.picture("网格员"))
        await t.act("派遣员", case, "file")
        before = await t.count(*TABLES)
        with pytest.raises(ConflictError, match="没有危险的按一般案件派遣"):
            await t.act("派遣员", case, "dispatch_urgent")
        assert await t.count(*TABLES) == before
        assert (await t.act("派遣员", case, "dispatch")).state == "handling"


async def test_a_call_without_a_name_is_taken(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        values = {"source": "hotline", "type_code": "01002", "description": "井盖碎了", "location": SPOT, "grid": GRID}
        case = await t.cases.submit(t["话务员"], "grid.hotline", values, channel="hotline")
        assert (case.applicant, case.state, case.division) == (None, "received", GRID[:12])
        before = await t.count(*TABLES)
        with pytest.raises(InvalidInputError):
            await t.cases.submit(t["话务员"], "grid.hotline", {**values, "source": "citizen"}, channel="hotline")
        assert await t.count(*TABLES) == before
