"""The permit follows the permit law: due dates by the calendar of 2026, a notice of correction, one extension."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, PermissionDeniedError

from core.cases import Case
from core.expr.clock import CHINA
from tests.grid.conftest import Move, Town, town

SIGN = {
    "content": "山门土特产", "place": "政府街 12 号", "width": "3.00", "height": "1.20", "starts_on": "2026-11-01",
    "ends_on": "2027-10-31",
}  # fmt: skip


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=CHINA)


async def apply(town: Town, **values: str) -> Case:
    return await town.cases.submit(town["儿子"], "grid.advert", {**SIGN, **values}, consents=("truth",))


def due(case: Case) -> str:
    assert case.due_at is not None
    return case.due_at.astimezone(CHINA).date().isoformat()


async def test_the_clock_stands_still_while_she_corrects(tmp_path: Path, move: Move) -> None:
    move(at(9, 24))
    async with town(tmp_path) as t:
        case = await apply(t)
        assert due(case) == "2026-10-29"
        assert await t.cases.explain(t["儿子"], case.number) == (
            "自2026年9月24日受理次日起算20个工作日，扣除中秋节3天、国庆节7天、周末5天，计入调休上班1天，"
            "应于2026年10月29日18:00前办结（行政许可法第四十二条）"
        )
        move(at(9, 28))
        case = await t.act("审批员", case, "correct", "请补效果图")
        assert (case.state, case.phase, case.due_at) == ("correcting", "paused", None)
        assert await t.cases.explain(t["儿子"], case.number) == "因申请人补正材料，办理时限暂停计算"
        move(at(10, 12))
        case = await t.act("儿子", case, "supplement", drawing=await t.picture("儿子"))
        # 29 and 30 September, 8, 9, 10 (worked) and 12 October do not count.
        assert due(case) == "2026-11-06"
        assert await t.cases.explain(t["儿子"], case.number) == (
            "自2026年9月24日受理次日起算20个工作日，扣除中秋节3天、国庆节7天、周末7天，期间因申请人补正材料暂停6个工作日，"
            "应于2026年11月6日18:00前办结（行政许可法第四十二条）"
        )


async def test_a_notice_comes_once(tmp_path: Path, move: Move) -> None:
    move(at(9, 24))
    async with town(tmp_path) as t:
        case = await t.act("审批员", await apply(t), "correct", "请补效果图")
        case = await t.act("儿子", case, "supplement", drawing=await t.picture("儿子"))
        with pytest.raises(ConflictError, match="至多 1 次"):
            await t.act("审批员", case, "correct", "再补一张")


async def test_ten_days_more_once_and_with_a_reason(tmp_path: Path, move: Move) -> None:
    move(at(9, 24))
    async with town(tmp_path) as t:
        case = await t.act("审批员", await apply(t), "accept")
        with pytest.raises(InvalidInputError):
            await t.act("局长", case, "extend")
        case = await t.act("局长", case, "extend", "需要现场勘验")
        # 29 October and ten working days.
        assert (case.state, due(case)) == ("reviewing", "2026-11-12")
        with pytest.raises(ConflictError, match="至多 1 次"):
            await t.act("局长", case, "extend", "再延")


async def test_who_examines_does_not_decide(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        case = await t.act("审批员", await apply(t), "accept")
        with pytest.raises(InvalidInputError):
            await t.act("审批员", case, "review")
        case = await t.act("审批员", case, "review", opinion="符合规划")
        with pytest.raises(PermissionDeniedError):
            await t.act("审批员", case, "grant")
        case = await t.act("局长", case, "refuse", "遮挡交通标志")
        assert (case.state, case.phase) == ("refused", "refused")
        assert (await t.cases.trail(t["儿子"], case.number))[-1].reason == "遮挡交通标志"


async def test_dates_the_wrong_way_round_are_no_application(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        with pytest.raises(InvalidInputError, match="结束日期应晚于开始日期"):
            await apply(t, ends_on="2026-10-31")
        assert await t.count("tb_case", "grid_advert_permit") == [0, 0]
