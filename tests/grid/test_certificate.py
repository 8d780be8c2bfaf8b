"""The certificate of residence: written out when the registers agree, by people when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tongban_sdk.errors import InvalidInputError, PermissionDeniedError

from core.cases import Case
from tests.cases.conftest import VILLAGE
from tests.grid.conftest import GRID, Town, town


async def apply(town: Town) -> Case:
    values = {"kind": "residence", "purpose": "子女入学"}
    return await town.cases.submit(town["儿子"], "community.residence", values, consents=("truth",))


async def live_in(town: Town, grid: str) -> None:
    """He is registered in a household of this grid, and down as living in GRID."""
    person = town["儿子"].person
    house = await town.create("core.household", code="H-1", head=person, grid=grid, division=VILLAGE)
    await town.create("core.household_member", household=house, person=person, relation="head", division=VILLAGE)


async def test_registers_that_agree_need_nobody(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        await live_in(t, GRID)
        case = await apply(t)
        assert (case.state, case.phase, case.number[:10]) == ("signed", "done", "CMZM640522")
        assert await t.fetch("SELECT count(*) FROM tb_task") == [(0,)]
        assert [entry.by_system for entry in await t.cases.trail(t["儿子"], case.number)] == [False, True]


async def test_registers_that_differ_go_to_the_community(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        await t.member("社区工作者", "community_worker", VILLAGE, "山门村委会")
        await t.member("网格长", "grid_leader", VILLAGE, "山门村委会")
        await live_in(t, VILLAGE + "002")
        case = await apply(t)
        assert (case.state, case.phase) == ("verifying", "open")
        with pytest.raises(InvalidInputError):
            await t.act("社区工作者", case, "confirm")
        case = await t.act("社区工作者", case, "confirm", facts={"入户": "属实"})
        with pytest.raises(PermissionDeniedError):
            await t.act("社区工作者", case, "sign")
        case = await t.act("网格长", case, "sign")
        assert (case.state, case.phase) == ("signed", "done")
        assert await t.fetch("SELECT CAST(signed_by_id AS text) FROM community_certificate_request") == [
            (t["网格长"].staff,)
        ]


async def test_a_refusal_says_why(tmp_path: Path) -> None:
    async with town(tmp_path) as t:
        await t.member("社区工作者", "community_worker", VILLAGE, "山门村委会")
        case = await apply(t)
        with pytest.raises(InvalidInputError):
            await t.act("社区工作者", case, "refuse")
        case = await t.act("社区工作者", case, "refuse", "入户时无人居住")
        assert case.phase == "refused"
        assert (await t.cases.trail(t["儿子"], case.number))[-1].reason == "入户时无人居住"
