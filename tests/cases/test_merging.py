"""Two people report one thing: one case, two answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.errors import ConflictError, NotFoundError

from core.cases import Case
from tests.cases.conftest import Office, opened
from tests.cases.folders import SERVICE

#: Wuzhong's neighbour: 0.0004° of latitude are 44 m, of longitude at 37° 36 m.
HERE: dict[str, Any] = {"lng": 105.5, "lat": 37.5, "crs": "CGCS2000"}
MENDED = """workflow: mended
version: 1
title: 随手拍
entity: report
mirror: state
start: new
merge: {within_m: 50, within_h: 24, same: kind, point: at}
states:
  new: {title: 待办, roles: [works_desk], public: 已收到}
  done: {title: 已修好, end: done}
  withdrawn: {title: 已撤回, end: withdrawn}
  merged: {title: 已并入, end: merged}
actions:
  finish: {title: 修好, from: [new], to: done, roles: [works_desk]}
  withdraw: {title: 撤回, from: [new], to: withdrawn, roles: [applicant], kind: withdraw}
  merge: {title: 并入, from: [new], to: merged, roles: [works_desk]}
"""


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    texts = {
        "workflows__mended": MENDED,
        "services__mended": SERVICE.format(id="mended", title="随手拍", workflow="mended"),
    }
    async with opened(database_place, tmp_path, monkeypatch, **texts) as office:
        for name in ("马大妈", "王大爷"):
            await office.citizen(name)
        await office.member("派遣员", "works_desk")
        yield office


async def seen(office: Office, who: str, *, north: float = 0.0, east: float = 0.0, **values: Any) -> Case:
    here = {**HERE, "lat": HERE["lat"] + north, "lng": HERE["lng"] + east}
    return await office.report(who, "mended", at=here, **values)


async def test_a_second_report_joins_the_first_and_both_are_answered(office: Office) -> None:
    first = await seen(office, "马大妈")
    second = await seen(office, "王大爷", north=0.0004, note="井盖没了")
    assert (second.phase, second.state, second.joined, second.due_at) == ("merged", "merged", first.id, None)
    assert await office.count("works_report", "tb_task", "tb_case_party", "tb_case_record") == [2, 1, 1, 2]
    # Both see how it goes on; the row of each is her own.
    for who in ("马大妈", "王大爷"):
        assert (await office.cases.get(office[who], first.number)).state == "new"
    found = await office.cases.joined(office["王大爷"], second.number)
    assert found is not None
    assert found.number == first.number
    with pytest.raises(NotFoundError):
        await office.cases.get(office["马大妈"], second.number)
    trail = await office.cases.trail(office["王大爷"], second.number)
    assert [entry.title for entry in trail] == ["提交申请", "并入已有办件"]
    assert [entry.title for entry in await office.cases.trail(office["马大妈"], first.number)] == ["提交申请"]
    with pytest.raises(ConflictError, match="现在是“已并入”"):
        await office.act("王大爷", second, "withdraw")
    with pytest.raises(ConflictError, match="别人也反映了"):
        await office.act("马大妈", first, "withdraw")
    await office.act("派遣员", first, "finish")
    rows = await office.fetch("SELECT phase, outcome, closed_at IS NULL FROM tb_case ORDER BY filed_at")
    assert [(phase, outcome, bool(is_open)) for phase, outcome, is_open in rows] == [
        ("done", "done", False), ("merged", "done", False),
    ]  # fmt: skip
    assert await office.fetch("SELECT outcome FROM tb_case_record WHERE closed_at IS NULL") == []
    # What is over takes no more reports in.
    assert (await seen(office, "王大爷")).phase == "open"


async def test_another_place_kind_or_day_is_another_case(office: Office) -> None:
    await seen(office, "马大妈")
    assert (await seen(office, "王大爷", north=0.0006)).phase == "open"
    assert (await seen(office, "王大爷", east=0.0007)).phase == "open"
    assert (await seen(office, "王大爷", kind="lamp")).phase == "open"
    assert (await office.report("王大爷", "mended")).phase == "open"
    async with office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_case SET filed_at = '2020-01-01T00:00:00+00:00'")
    assert (await seen(office, "王大爷")).phase == "open"


async def test_of_reports_at_one_moment_one_is_the_case(office: Office) -> None:
    found = await asyncio.gather(*(seen(office, who) for who in ["马大妈", "王大爷"] * 5))
    assert sorted(case.phase for case in found) == ["merged"] * 9 + ["open"]
    assert await office.count("tb_task", "tb_case_party") == [1, 9]
