"""Due dates after a change of the calendar, and drafts that have served."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import RequestError

from core.clock.notices import NoticeDay, YearNotice
from core.expr.clock import CHINA
from core.forms.drafts import Drafts
from tests.cases.conftest import COUNTY, Office

ADMIN = Actor("adm", "admin", roles=frozenset({"anonymous", "system_admin"}))


async def _rest(office: Office, days: int) -> None:
    """The county rests from tomorrow on."""
    clock, today = office.host.clock, datetime.now(CHINA).date()
    coming = [today + timedelta(days=number) for number in range(1, days + 1)]
    for year, group in groupby(coming, key=lambda day: day.year):
        notice = YearNotice(COUNTY, year, [NoticeDay(day, "rest", "停工") for day in group], "县府办发〔2026〕1号")
        effect = await clock.preview(notice)
        await clock.apply(ADMIN, notice, effect.version)


async def test_cases_and_tasks_move_with_the_calendar(office: Office) -> None:
    case = await office.report()
    assert await office.cases.follow_calendar(office.host.clock) == 0
    await _rest(office, 14)
    assert await office.cases.follow_calendar(office.host.clock) == 1
    moved = await office.cases.get(office["马大妈"], case.number)
    assert case.due_at is not None
    assert moved.due_at is not None
    assert moved.due_at > case.due_at + timedelta(days=7)
    assert moved.version == 2
    trail = await office.cases.trail(office["马大妈"], case.number)
    assert trail[-1].title == "日历调整，办理期限随之调整"
    assert await office.cases.follow_calendar(office.host.clock) == 0


async def test_a_draft_goes_with_the_filing(office: Office) -> None:
    drafts = Drafts(office.host.database, office.host.vault)
    draft = await drafts.save(office["马大妈"], "works.repair", 1, {"kind": "cover"})
    with pytest.raises(RequestError):
        await office.cases.submit(office["马大妈"], "works.repair", {"kind": "ufo"}, draft=draft.id)
    assert await office.count("tb_draft") == [1]
    await office.cases.submit(office["马大妈"], "works.repair", {"kind": "cover"}, draft=draft.id)
    assert await office.count("tb_draft", "tb_case") == [0, 1]
