"""Time passes: levels of escalation, limits of states, suspensions, extensions, withdrawal, reopening, tickets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from core.cases import Case
from core.cases.suspending import Wish
from core.cases.timing import colour, stood_s
from core.clock import share
from core.clock.notices import NoticeDay, YearNotice
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.manifest.cases import Limit
from core.store.case_tables import TIMER
from tests.cases.conftest import COUNTY, VILLAGE, Office, opened
from tests.cases.test_following import ADMIN
from tests.cases.timed import TEXTS

TABLES = ("tb_case", "tb_task", "tb_case_step", "tb_timer", "tb_case_pause", "tb_supervision", "tb_case_party")
#: A Tuesday morning in China, weeks before the next holiday.
START = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)


class Now:
    """The time of the engine."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def go(self, at: datetime) -> None:
        self.at = at


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    clock = Now()
    for module in ("step", "filing", "firing", "holding"):
        monkeypatch.setattr(f"core.cases.{module}.utc_now", clock)
    return clock


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Now
) -> AsyncIterator[Office]:
    async with opened(database_place, tmp_path, monkeypatch, **TEXTS) as office:
        await office.citizen("马大妈")
        await office.member("派遣员", "works_desk")
        await office.member("负责人", "works_chief")
        await office.member("值班长", "duty_leader", COUNTY, "指挥中心")
        await office.member("县领导", "county_leader", COUNTY, "县政府")
        yield office


async def filed(office: Office) -> Case:
    return await office.report(service="timed")


async def at(office: Office, kind: str) -> list[datetime]:
    load = office.host.database.dialect.load
    rows = await office.fetch(f"SELECT at FROM tb_timer WHERE kind = '{kind}' ORDER BY at")
    return [load(TIMER.by_name["at"], raw) for (raw,) in rows]


async def actions(office: Office) -> list[str]:
    return [str(action) for (action,) in await office.fetch("SELECT action FROM tb_case_step ORDER BY seq")]


async def test_the_chain_hears_of_a_late_case_and_opens_a_ticket(office: Office, now: Now) -> None:
    case = await filed(office)
    calendar = await office.host.clock.calendars.of(VILLAGE)
    moments = [share(calendar, START, Limit(3, "WD"), percent) for percent in (80, 100, 200)]
    assert await at(office, "escalate") == moments
    assert case.due_at == moments[1]
    assert (china_day(moments[1]), china_day(moments[2])) == (date(2026, 9, 4), date(2026, 9, 10))
    assert await office.cases.watched(office["值班长"]) == []
    now.go(START + timedelta(hours=2))
    await office.cases.firing.run_all()
    assert (await office.cases.get(office["派遣员"], case.number)).state == "late"
    for moment, name in zip(moments[:2], ("负责人", "值班长"), strict=True):
        now.go(moment)
        await office.cases.firing.run_all()
        assert [found.number for found in await office.cases.watched(office[name])] == [case.number]
    assert await office.cases.supervisions(office["值班长"], case.number) == []
    now.go(moments[2])
    await office.cases.firing.run_all()
    case = await office.cases.get(office["派遣员"], case.number)
    assert colour(case, now.at) == "purple"
    [ticket] = await office.cases.supervisions(office["值班长"], case.number)
    assert (ticket.cause, ticket.number, ticket.answer, ticket.closed_at) == ("late", case.number, None, None)
    assert ticket.due_at is not None
    assert china_day(ticket.due_at) == date(2026, 9, 15)
    assert await actions(office) == ["submit", "overrun", "escalate", "escalate", "escalate"]
    assert await office.cases.supervisions(office["马大妈"], case.number) == []
    trail = await office.cases.trail(office["马大妈"], case.number)
    assert [entry.title for entry in trail] == ["提交申请", "超时转出"]
    now.go(ticket.due_at)
    await office.cases.firing.run_all()
    assert (await actions(office))[-1] == "supervision_due"
    assert await office.count("tb_timer") == [0]


async def test_a_ticket_is_answered_by_who_has_the_case_and_closed_by_a_leader(office: Office) -> None:
    case = await filed(office)
    await office.cases.claim(office["派遣员"], (await office.task("派遣员", case)).id)
    cases, before = office.cases, await office.count(*TABLES)
    with pytest.raises(PermissionDeniedError, match="由县领导或值班长"):
        await cases.supervise(office["派遣员"], case.number, "太慢")
    with pytest.raises(NotFoundError):
        await cases.supervise(office["县领导"], "WK1", "太慢")
    with pytest.raises(InvalidInputError, match="请写明督办的事由"):
        await cases.supervise(office["县领导"], case.number, " ")
    assert await office.count(*TABLES) == before
    ticket = await cases.supervise(office["县领导"], case.number, "群众多次反映")
    assert ticket.cause == "leader"
    with pytest.raises(ConflictError, match="已有一张"):
        await cases.supervise(office["值班长"], case.number, "太慢")
    with pytest.raises(ConflictError, match="还没有答复"):
        await cases.close_supervision(office["县领导"], ticket.id)
    with pytest.raises(PermissionDeniedError, match="由承办人"):
        await cases.answer_supervision(office["值班长"], ticket.id, "在办")
    with pytest.raises(NotFoundError, match="找不到这张督办单"):
        await cases.answer_supervision(office["马大妈"], "no id", "在办")
    ticket = await cases.answer_supervision(office["派遣员"], ticket.id, "今天修好")
    assert ticket.answer == "今天修好"
    ((sealed,),) = await office.fetch("SELECT answer FROM tb_supervision")
    assert sealed.startswith("tb1.")
    with pytest.raises(ConflictError, match="已经答复过"):
        await cases.answer_supervision(office["派遣员"], ticket.id, "再说一遍")
    ticket = await cases.close_supervision(office["值班长"], ticket.id)
    assert ticket.closed_at is not None
    with pytest.raises(ConflictError, match="已经办结"):
        await cases.close_supervision(office["县领导"], ticket.id)


async def test_a_suspension_is_asked_granted_and_ended(office: Office, now: Now) -> None:
    case = await filed(office)
    first, before = case.due_at, await office.count(*TABLES)
    with pytest.raises(InvalidInputError, match="填写的内容有误"):
        await suspend(office, case, Wish("court"), "等法院", result=None)
    with pytest.raises(InvalidInputError) as refused:
        await suspend(office, case, Wish("rain", START - timedelta(days=1)), "等法院")
    assert [problem.id for problem in refused.value.problems] == ["case.pause-reason", "case.pause-until"]
    assert await office.count(*TABLES) == before
    case = await suspend(office, case, Wish("court"), "等法院")
    assert (case.phase, case.due_at) == ("open", first)
    approval = await office.task("负责人", case, "+pause")
    assert (approval.title, approval.role) == ("批准挂起：等待裁判", "works_chief")
    with pytest.raises(ConflictError, match="已有一个挂起申请"):
        await suspend(office, case, Wish("court"), "等法院")
    with pytest.raises(PermissionDeniedError, match="批准人"):
        await decide(office, office["派遣员"], case, True)
    with pytest.raises(InvalidInputError, match="不同意挂起的理由"):
        await decide(office, office["负责人"], case, False)
    case = await decide(office, office["负责人"], case, True)
    assert (case.phase, case.due_at) == ("paused", None)
    task = await office.task("派遣员", case)
    assert task.due_at is None
    assert await office.count("tb_timer") == [0]
    with pytest.raises(ConflictError, match="办件已挂起"):
        await office.act("派遣员", case, "finish")
    # Seven days later, at the same hour: five working days were left out, and the task goes on as if nothing had been.
    now.go(START + timedelta(days=7))
    [pause] = await office.cases.pauses(office["派遣员"], case.number)
    assert stood_s([pause], now.at) == 7 * 86400
    case = await office.cases.resume(office["派遣员"], case.number)
    assert case.due_at is not None
    assert first is not None
    assert (case.phase, china_day(first), china_day(case.due_at)) == ("open", date(2026, 9, 4), date(2026, 9, 11))
    task = await office.task("派遣员", case)
    assert task.due_at == START + timedelta(days=7, hours=2)
    assert await at(office, "state_due") == [task.due_at]
    assert len(await at(office, "escalate")) == 3
    with pytest.raises(ConflictError, match="没有挂起"):
        await office.cases.resume(office["负责人"], case.number)
    sentence = await office.cases.explain(office["派遣员"], case.number)
    assert "等待裁判" in sentence


async def decide(office: Office, who: Actor, case: Case, agrees: bool, reason: str = "") -> Case:
    version = (await office.cases.get(who, case.number)).version
    return await office.cases.decide_pause(who, case.number, agrees, version=version, reason=reason)


async def suspend(office: Office, case: Case, wish: Wish, reason: str, **values: Any) -> Case:
    desk = office["派遣员"]
    now = await office.cases.get(desk, case.number)
    given = {"result": "法院受理通知书", **values}
    return await office.cases.act(
        desk, case.number, "suspend", version=now.version, values=given, reason=reason, wish=wish
    )


async def test_a_level_that_was_told_is_not_told_again(office: Office, now: Now) -> None:
    case = await filed(office)
    now.go((await at(office, "escalate"))[0])
    await office.cases.firing.run_all()
    case = await suspend(office, case, Wish("court"), "等法院")
    both = replace(office["派遣员"], roles=office["派遣员"].roles | {"works_chief"})
    with pytest.raises(PermissionDeniedError, match="不能批准自己申请的挂起"):
        await decide(office, both, case, True)
    # Under another account she is still who asked, and nobody grants what stops his own case.
    person = str(office["马大妈"].person)
    await office.member("亲属", "works_chief", person=person)
    with pytest.raises(PermissionDeniedError, match="不能批准自己申请的挂起"):
        await decide(office, office["亲属"], case, True)
    with pytest.raises(ConflictError, match="新的进展"):
        await office.cases.decide_pause(office["负责人"], case.number, True, version=case.version - 1)
    assert await office.fetch("SELECT status FROM tb_case_pause") == [("asked",)]
    await decide(office, office["负责人"], case, True)
    await office.cases.resume(office["负责人"], case.number)
    assert len(await at(office, "escalate")) == 2


async def test_a_suspension_ends_by_its_day(office: Office, now: Now) -> None:
    until = START + timedelta(days=2)
    case = await suspend(office, await filed(office), Wish("material", until), "等材料")
    case = await decide(office, office["负责人"], case, True)
    assert await at(office, "resume") == [until]
    now.go(until)
    await office.cases.firing.run_all()
    case = await office.cases.get(office["派遣员"], case.number)
    assert case.due_at is not None
    assert (case.phase, china_day(case.due_at)) == ("open", date(2026, 9, 8))
    assert (await actions(office))[-1] == "resume"


async def test_a_refused_suspension_changes_no_date(office: Office) -> None:
    case = await filed(office)
    first = case.due_at
    case = await suspend(office, case, Wish("material"), "等材料")
    case = await decide(office, office["负责人"], case, False, reason="材料已在库中")
    assert (case.phase, case.due_at) == ("open", first)
    assert [p.status for p in await office.cases.pauses(office["派遣员"], case.number)] == ["refused"]
    assert (await office.act("派遣员", case, "finish")).phase == "done"


async def test_a_limit_is_extended_once(office: Office) -> None:
    case = await filed(office)
    with pytest.raises(PermissionDeniedError):
        await office.act("派遣员", case, "extend", "案情复杂")
    case = await office.act("负责人", case, "extend", "案情复杂")
    assert case.due_at is not None
    assert (case.limit, china_day(case.due_at)) == ([5, "WD", "CN", "行政许可法第四十二条"], date(2026, 9, 8))
    assert (await at(office, "escalate"))[1] == case.due_at
    before = await office.count(*TABLES)
    with pytest.raises(ConflictError, match="只能延长一次"):
        await office.act("负责人", case, "extend", "还要一些时间")
    assert await office.count(*TABLES) == before


async def test_the_applicant_withdraws_a_suspended_case(office: Office) -> None:
    case = await suspend(office, await filed(office), Wish("material"), "等材料")
    case = await decide(office, office["负责人"], case, True)
    case = await office.act("马大妈", case, "withdraw", "不需要了")
    assert (case.phase, case.outcome, case.closed_at is not None) == ("withdrawn", "withdrawn", True)
    assert await office.count("tb_timer") == [0]
    assert {status for (status,) in await office.fetch("SELECT status FROM tb_task")} == {"cancelled", "done"}
    assert [p.status for p in await office.cases.pauses(office["派遣员"], case.number)] == ["ended"]


async def test_a_closed_case_is_opened_again_and_the_time_between_does_not_count(office: Office, now: Now) -> None:
    case = await office.act("派遣员", await filed(office), "finish")
    assert (case.phase, await office.count("tb_timer")) == ("done", [0])
    now.go(START + timedelta(days=7))
    with pytest.raises(InvalidInputError, match="填写的内容有误"):
        await office.act("负责人", case, "reopen")
    case = await office.act("负责人", case, "reopen", "漏了一处")
    assert case.due_at is not None
    assert (case.phase, case.state, case.closed_at, case.outcome) == ("open", "working", None, None)
    assert china_day(case.due_at) == date(2026, 9, 11)
    assert await office.fetch("SELECT closed_at, outcome FROM tb_case_record") == [(None, None)]
    assert "办结后重开" in await office.cases.explain(office["派遣员"], case.number)
    assert (await office.act("派遣员", case, "finish")).phase == "done"


async def test_a_notice_moves_the_levels_and_the_step_of_a_limit(office: Office, now: Now) -> None:
    now.go(utc_now())
    case = await filed(office)
    first, clock, tomorrow = await at(office, "escalate"), office.host.clock, china_day(now.at) + timedelta(days=1)
    days = [NoticeDay(tomorrow + timedelta(days=number), "rest", "停工") for number in range(14)]
    for year in sorted({day.day.year for day in days}):
        notice = YearNotice(COUNTY, year, [day for day in days if day.day.year == year], "县府办发〔2026〕1号")
        await clock.apply(ADMIN, notice, (await clock.preview(notice)).version)
    assert await office.cases.follow_calendar(clock) == 1
    moved, levels = await office.cases.get(office["派遣员"], case.number), await at(office, "escalate")
    assert levels[1] == moved.due_at
    assert [later > before for later, before in zip(levels, first, strict=True)] == [True] * 3
    # Hours of the clock on the wall are what they were.
    assert len(await at(office, "state_due")) == 1


async def test_the_approver_answers_the_wish_and_not_for_the_case(office: Office, now: Now) -> None:
    case = await filed(office)
    await suspend(office, case, Wish("court"), "等法院")
    task = await office.task("负责人", case, "+pause")
    claimed = await office.cases.claim(office["负责人"], task.id)
    assert claimed.owner == office["派遣员"].staff
    before = await office.count(*TABLES)
    with pytest.raises(ConflictError, match="挂起申请不会签"):
        await office.cases.sign(office["负责人"], task.id, True)
    assert await office.count(*TABLES) == before
    with pytest.raises(ConflictError, match="挂起审批还没有答复"):
        await office.act("派遣员", case, "finish")
