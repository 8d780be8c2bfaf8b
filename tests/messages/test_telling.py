"""What steps tell: in the words of their end, to who has the case then, and nothing that anybody wrote."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tongban_sdk.errors import PermissionDeniedError

from core.cases import Case
from core.cases.deadlines import ESCALATE
from core.cases.holding import system_step
from core.fields.times import utc_now
from core.messages import Recipient
from core.messages.gateway import FileGateway, NoGateway
from core.store.case_tables import CASE_PARTY
from core.store.database import Insert
from core.store.ids import uuid7
from tests.cases.conftest import VILLAGE, Office, opened
from tests.cases.folders import CREW, REPAIR

NOTE, RESULT, REASON, PHONE = "canary-确诊肺结核", "canary-低保户", "canary-家暴", "13900000009"
TEMPLATES = """messages:
  sent:
    title: 派单通知
    text: "您的{item}（{case_no}）已{action}，现在{state}，由{unit}办理"
    to: applicant
    channels: [inbox, sms]
    urgent: true
  work: {title: 新任务, text: "{item}（{case_no}）{state}", to: assignee}
  all: {title: 完工, text: "{item}{state}", to: reporters}
  chief: {title: 待核查, text: "{case_no}待核查", to: works_chief}
  must:
    title: 必达
    text: "{case_no}{state}"
    to: applicant
    channels: [sms, phone]
    must_reach_within: {value: 1, unit: S}
    urgent: true
"""
FLOW = REPAIR.replace(
    "roles: [works_desk], fields: [kind, unit]}",
    "roles: [works_desk], fields: [kind, unit], effects: [{message: sent}, {message: work}]}",
).replace("effects: [{set:", "effects: [{message: all}, {message: chief}, {set:")


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    # Nobody has to accept first: who is chosen has the task.
    crew = CREW.replace("accept_within: {value: 15, unit: MIN}\n", "")
    texts = {"messages": TEMPLATES, "workflows__repair": FLOW, "dispatch__crew": crew}
    async with opened(database_place, tmp_path, monkeypatch, **texts) as office:
        office.host.messages.delivering.gateway = FileGateway(tmp_path)
        person = await office.create(
            "core.person", name="马大妈", sex="1", birth_date="1980-05-01", division=VILLAGE, phone=PHONE,
            labels=["low_income"],
        )  # fmt: skip
        await office.citizen("王大爷")
        office.people["马大妈"] = replace(office["王大爷"], id="acc-ma", person=person)
        await office.member("派遣员", "works_desk")
        await office.member("负责人", "works_chief")
        await office.member("甲", "works_crew", VILLAGE)
        yield office


async def told(office: Office, who: str) -> list[str]:
    return [message.text for message in await office.host.messages.mine(office[who])]


async def join(office: Office, case: Case, who: str) -> None:
    values = {"id": uuid7(), "case_id": case.id, "kind": "reporter", "person": office[who].person}
    await office.host.database.insert([Insert(CASE_PARTY, {**values, "joined_at": utc_now()})])


async def test_a_step_tells_whom_it_concerns(office: Office, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    case = await office.report(note=NOTE)
    number = case.number
    await office.act("派遣员", case, "assign", reason=REASON)
    assert await told(office, "马大妈") == [f"您的报修（{number}）已派单，现在处理中，由市政局办理"]
    # Dispatch found him after the effect's turn: words are of the end of the step.
    assert await told(office, "甲") == [f"报修（{number}）处理中"]
    await join(office, case, "王大爷")
    await office.act("甲", case, "finish", result=RESULT)
    assert await told(office, "负责人") == [f"{number}待核查"]
    assert (await told(office, "马大妈"))[0] == "报修待核查"
    assert await told(office, "王大爷") == ["报修待核查"]
    declared = office.host.generation.world.plugins["works"].messages
    assert [declared[id].is_urgent for id in ("sent", "all")] == [True, False]
    await office.host.messages.delivering.run_all()
    [post] = (tmp_path / "outbox" / "messages").iterdir()
    assert f'"address": "{PHONE}"' in post.read_text("utf-8")
    rows = repr(await office.fetch("SELECT * FROM tb_message")) + repr(await office.fetch("SELECT * FROM tb_delivery"))
    assert len(rows) > 1000
    assert "canary" not in rows + post.read_text("utf-8") + caplog.text
    assert "low_income" not in rows
    assert PHONE not in rows + caplog.text


async def test_a_step_that_is_refused_tells_nobody(office: Office) -> None:
    case = await office.report()
    await office.act("派遣员", case, "assign")
    before = await office.count("tb_message", "tb_delivery")
    with pytest.raises(Exception, match="处理结果至少写两个字"):
        await office.act("甲", case, "finish", result="好")
    assert await office.count("tb_message", "tb_delivery") == before


async def test_staff_hear_of_what_reached_nobody(office: Office) -> None:
    case = await office.report()
    await office.act("派遣员", case, "assign")
    office.host.messages.delivering.retry_s = ()
    await _tell(office, case, "must")
    office.host.messages.delivering.gateway = NoGateway()
    await office.host.messages.delivering.run_all()
    assert (await told(office, "甲"))[0] == f"报修（{case.number}）的消息都没有送达，请当面或上门告知"
    trail = await office.cases.trail(office["负责人"], case.number)
    assert (trail[-1].action, trail[-1].by_system) == ("unreached", True)
    assert "unreached" not in [entry.action for entry in await office.cases.trail(office["马大妈"], case.number)]
    free = await office.report(kind="lamp")
    await _tell(office, free, "must")
    await office.host.messages.delivering.run_all()
    # Nobody has it yet: who may take it hears of it.
    assert await told(office, "派遣员") == [f"报修（{free.number}）的消息都没有送达，请当面或上门告知"]


async def test_the_chain_of_escalation_has_words(office: Office) -> None:
    case = await office.report()
    run = office.cases.effects.functions[ESCALATE]
    async with office.cases.engine.transaction() as tx:
        step = await system_step(office.cases.engine, tx, case.id, ESCALATE)
        await run(tx, step, {"percent": 80, "to": "works_chief", "staff": [office["负责人"].staff]})
        await step.finish()
    [text] = await told(office, "负责人")
    assert text.startswith(f"报修（{case.number}）现在已收到，办结期限20")
    assert text.endswith("，请督促办理")


async def _tell(office: Office, case: Case, template: str) -> None:
    found = office.host.generation.world.plugins["works"].messages[template]
    async with office.host.database.transaction() as tx:
        to = [Recipient(person=case.applicant)]
        await office.host.messages.send_in(tx, found, to, {"case_no": case.number}, case.number)


async def test_a_childs_guardian_is_told_and_finds_it_in_her_data(office: Office) -> None:
    child = await office.create("core.person", name="马小宝", sex="1", birth_date="2020-05-01", division=VILLAGE)
    link = {"guardian": office["王大爷"].person, "ward": child, "relation": "grandparent"}
    id = await office.create("core.guardian_link", **link)
    office.people["马小宝"] = replace(office["王大爷"], id="acc-bao", person=child)
    for state, count in (("pending", 0), ("verified", 1)):
        async with office.host.database.transaction() as tx:
            await tx.execute(f"UPDATE core_guardian_link SET state = '{state}' WHERE id = '{id}'")
        case = await office.report("马小宝")
        await office.act("派遣员", case, "assign")
        assert [len(await told(office, who)) for who in ("马小宝", "王大爷")] == [count + 1, count]
    privacy = office.host.privacy
    held = {one.id: rows for one, rows in await privacy.engine_rows(office["王大爷"], child)}
    assert {id: len(rows) for id, rows in held.items()} == {"engine.case": 2, "engine.message": 2}
    assert held["engine.case"][0]["number"] == case.number
    assert [one.id for one, _ in await privacy.engine_rows(office["王大爷"])] == ["engine.message"]
    other = replace(office["王大爷"], agent=office["马大妈"].person, scopes=("bureau",))
    assert await privacy.engine_rows(other) == []
    with pytest.raises(PermissionDeniedError):
        await privacy.engine_rows(office["马大妈"], child)
