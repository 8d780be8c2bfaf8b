"""An application that is off, or drains, in one division: what lies there stands still; everywhere else it goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tongban_sdk.errors import UnavailableError

from core.cases.timers import timer_row
from core.fields.times import utc_now
from tests.cases.conftest import VILLAGE, Office


async def test_off_in_a_village_nothing_is_filed_or_done_there(office: Office) -> None:
    case = await office.report()
    before = await office.count("tb_case", "tb_case_step", "works_report")
    await office.host.registry.set_state("works", "off", VILLAGE)
    with pytest.raises(UnavailableError):
        await office.report()
    with pytest.raises(UnavailableError):
        await office.act("派遣员", case, "assign")
    with pytest.raises(UnavailableError):
        await office.cases.comment(office["派遣员"], case.number, "在吗")
    # A timer of such a case waits, and counts no try.
    await office.host.database.insert([timer_row("resume", utc_now() - timedelta(seconds=1), case_id=case.id)])
    assert await office.cases.firing.turn() == 1
    assert await office.fetch("SELECT tries FROM tb_timer WHERE kind = 'resume'") == [(0,)]
    assert await office.count("tb_case", "tb_case_step", "works_report") == before
    assert (await office.cases.get(office["马大妈"], case.number)).state == "new"
    await office.host.registry.set_state("works", "on", VILLAGE)
    assert (await office.act("派遣员", case, "assign")).state == "working"


async def test_a_draining_application_takes_no_new_cases_and_finishes_the_open_ones(office: Office) -> None:
    case = await office.report()
    await office.host.registry.set_state("works", "draining", VILLAGE)
    with pytest.raises(UnavailableError, match="不再受理新的申请"):
        await office.report()
    assert await office.count("tb_case", "works_report") == [1, 1]
    assert (await office.act("派遣员", case, "assign")).state == "working"
