"""A case from its first state to its end, and the steps that are refused on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RealNameRequiredError,
)

from core.cases import Case, entering
from core.cases.timing import colour
from core.fields.times import utc_now
from core.store.account_tables import ACCOUNT_PERSON
from core.store.database import Insert
from core.store.ids import uuid7
from core.store.rows import read
from tests.cases.conftest import VILLAGE, Office

TABLES = (
    "works_report", "tb_case", "tb_task", "tb_case_step", "tb_timer", "tb_case_record", "tb_outbox", "tb_idempotency",
    "tb_history", "core_case_participant",
)  # fmt: skip


async def test_a_case_lives_from_filing_to_its_end(office: Office) -> None:
    case = await office.report()
    assert (case.state, case.phase, case.number[:8], case.version) == ("new", "open", "WK640522", 1)
    assert case.limit == [3, "WD", "CN", ""]
    assert case.due_at is not None
    assert colour(case) == "green"
    case = await office.act("派遣员", case, "assign")
    task = await office.task("派遣员", case)
    assert (case.state, task.assignee, task.status) == ("working", office["甲"].staff, "open")
    case = await office.act("甲", case, "finish", result="换了新盖")
    case = await office.act("负责人", case, "pass")
    assert (case.state, case.phase, case.outcome) == ("closed", "done", "done")
    assert await office.count("tb_timer") == [0]
    rows = await office.fetch("SELECT state, result, finished_at FROM works_report")
    assert rows[0][:2] == ("closed", "换了新盖")
    assert rows[0][2] is not None
    ((outcome, is_on_time, returns),) = await office.fetch("SELECT outcome, is_on_time, returns FROM tb_case_record")
    assert (outcome, bool(is_on_time), returns) == ("done", True, 0)
    trail = await office.cases.trail(office["派遣员"], case.number)
    assert [entry.action for entry in trail] == ["submit", "assign", "finish", "pass"]
    assert [entry.state for entry in trail] == ["待派", "处理中", "待核查", "已办结"]
    topics = {topic for (topic,) in await office.fetch("SELECT topic FROM tb_outbox WHERE topic NOT LIKE 'entity.%'")}
    assert topics == {"case.created", "case.state", "works.finished"}


async def test_the_audit_names_who_did_it_and_the_history_the_step(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    lines = await office.fetch("SELECT actor, action, \"case\" FROM tb_audit WHERE action LIKE 'case.%' ORDER BY at")
    assert lines == [
        (office["马大妈"].id, "case.submit", case.number),
        (office["派遣员"].id, "case.assign", case.number),
    ]
    whys = await office.fetch("SELECT actor, why FROM tb_history WHERE entity = 'works.report' ORDER BY version")
    assert whys == [
        (office["马大妈"].id, "case.submit"),
        ("plugin:works", "case.submit"),
        ("plugin:works", "case.assign"),
    ]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"kind": "ufo"}, InvalidInputError),
        ({"kind": None}, InvalidInputError),
        ({"reporter": "01930000-0000-7000-8000-000000000001"}, InvalidInputError),
        ({"state": "closed"}, InvalidInputError),
    ],
)
async def test_what_is_filed_wrong_leaves_nothing(
    office: Office, values: dict[str, Any], error: type[Exception]
) -> None:
    before = await office.count(*TABLES)
    with pytest.raises(error):
        await office.report(**values)
    assert await office.count(*TABLES) == before


async def test_who_may_not_file_leaves_nothing(office: Office) -> None:
    before, values = await office.count(*TABLES), {"kind": "cover"}
    weak = replace(office["马大妈"], real_name=1)
    with pytest.raises(RealNameRequiredError):
        await office.cases.submit(weak, "works.repair", values)
    with pytest.raises(InvalidInputError, match="不能从网页办理"):
        await office.cases.submit(office["马大妈"], "works.repair", values, channel="web")
    with pytest.raises(PermissionDeniedError, match="由工作人员受理"):
        await office.cases.submit(office["马大妈"], "works.repair", values, channel="window")
    with pytest.raises(PermissionDeniedError, match="只能为本人申请"):
        await office.cases.submit(office["马大妈"], "works.repair", values, applicant=office["王大爷"].person)
    with pytest.raises(NotFoundError, match="没有这个事项"):
        await office.cases.submit(office["马大妈"], "works.nothing", values)
    agent = replace(
        office["马大妈"], agent=office["王大爷"].person, scopes=("other",), roles=frozenset({"anonymous", "delegate"})
    )
    with pytest.raises(PermissionDeniedError, match="委托没有包括"):
        await office.cases.submit(agent, "works.repair", values)
    assert await office.count(*TABLES) == before


async def test_a_clerk_files_for_a_person_present(office: Office) -> None:
    person, desk = office["王大爷"].person, office["派遣员"]
    clerk = replace(desk, roles=desk.roles | {"window_clerk"})
    case = await office.cases.submit(clerk, "works.repair", {"kind": "lamp"}, channel="window", applicant=person)
    assert (case.applicant, case.account, case.channel) == (person, office["派遣员"].id, "window")
    assert (await office.cases.get(office["王大爷"], case.number)).id == case.id
    assert await office.fetch("SELECT CAST(reporter_id AS text) FROM works_report") == [(person,)]


async def test_a_step_is_refused_without_a_trace(office: Office) -> None:
    case = await office.report()
    before = await office.count(*TABLES)
    stale = case.version - 1
    cases, desk = office.cases, office["派遣员"]
    with pytest.raises(ConflictError, match="已有新的进展"):
        await cases.act(desk, case.number, "assign", version=stale)
    with pytest.raises(ConflictError, match="现在是“待派”，不能“核查通过”"):
        await cases.act(office["负责人"], case.number, "pass", version=1)
    with pytest.raises(NotFoundError, match="没有这个办理步骤"):
        await cases.act(desk, case.number, "fly", version=1)
    with pytest.raises(PermissionDeniedError, match="“派单”不由您办理"):
        await cases.act(office["负责人"], case.number, "assign", version=1)
    with pytest.raises(InvalidInputError) as refused:
        await cases.act(desk, case.number, "refuse", version=1, values={"note": "x"})
    assert [(p.path, p.id) for p in refused.value.problems] == [
        (("values", "note"), "input.unknown-field"),
        (("reason",), "case.reason"),
    ]
    with pytest.raises(InvalidInputError, match="填写的内容有误"):
        await cases.act(desk, case.number, "assign", version=1, values={"kind": "ufo"})
    assert await office.count(*TABLES) == before
    assert (await cases.get(desk, case.number)) == case


async def test_guard_and_required_evidence(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    before = await office.count(*TABLES)
    with pytest.raises(InvalidInputError) as refused:
        await office.act("甲", case, "finish")
    assert [(p.path, p.message) for p in refused.value.problems] == [(("values", "result"), "处理结果是必填项")]
    with pytest.raises(ConflictError, match="至少写两个字"):
        await office.act("甲", case, "finish", result="好")
    assert await office.count(*TABLES) == before
    # What another step has filled is there.
    await office.act("甲", case, "note", result="已换盖")
    assert (await office.act("甲", case, "finish")).state == "checking"


async def test_a_case_ends_only_when_its_conditions_hold(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    workflow = office.host.generation.world.plugins["works"].workflows["repair"]
    jump = replace(workflow.actions["finish"], to="closed", required=(), guard=None, effects=())
    monkeypatch.setitem(workflow.actions, "finish", jump)
    before = await office.count(*TABLES)
    with pytest.raises(InvalidInputError, match="还不能办结：没有完工时间；没有写处理结果") as refused:
        await office.act("甲", case, "finish")
    assert [problem.id for problem in refused.value.problems] == ["case.close-condition"] * 2
    assert await office.count(*TABLES) == before


async def test_nobody_approves_his_own_work(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    case = await office.act("甲", case, "finish", result="换了新盖")
    both = replace(office["甲"], roles=office["甲"].roles | {"works_chief"}, division="640522000000")
    before = await office.count(*TABLES)
    with pytest.raises(PermissionDeniedError, match="自己经办的办件"):
        await office.cases.act(both, case.number, "pass", version=case.version)
    assert await office.count(*TABLES) == before
    assert (await office.act("负责人", case, "pass")).state == "closed"


async def test_nobody_approves_his_own_work_under_another_account(office: Office) -> None:
    """One person twice on the staff, and one whose citizen's account did the step before."""
    person = await office.create("core.person", name="甲", sex="1", birth_date="1980-05-01", division=VILLAGE)
    await office.member("一队的甲", "works_crew", VILLAGE, "一队", person)
    head = await office.member("负责的甲", "works_chief", unit="一队", person=person)
    filed = await office.report(unit=office.units["一队"])
    case = await office.act("一队的甲", await office.act("派遣员", filed, "assign"), "finish", result="换了新盖")
    offered = [action.id for action in await office.cases.actions(head, case.number)]
    before = await office.count(*TABLES)
    with pytest.raises(PermissionDeniedError, match="自己经办的办件"):
        await office.cases.act(head, case.number, "pass", version=case.version)
    account, bound = uuid7(), {"real_name": 2, "source": "window", "bound_at": utc_now(), "bound_by": "test"}
    await office.host.database.insert(
        [Insert(ACCOUNT_PERSON, {"id": uuid7(), "account": account, "person": person, **bound})]
    )
    async with office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_case_step SET staff = NULL, actor = '{account}' WHERE action = 'finish'")
        await tx.execute("UPDATE tb_case_step SET staff = NULL WHERE action = 'assign'")
    with pytest.raises(PermissionDeniedError, match="自己经办的办件"):
        await office.cases.act(head, case.number, "pass", version=case.version)
    assert (offered, await office.count(*TABLES)) == ([], before)
    assert (await office.act("负责人", case, "pass")).state == "closed"


async def test_an_effect_that_nothing_carries_out_refuses_the_step(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    del office.cases.effects.functions["event"]
    before = await office.count(*TABLES)
    with pytest.raises(ConflictError, match="“完工”要做的 event 本系统还不会做，这一步没有办"):
        await office.act("甲", case, "finish", result="换了新盖")
    assert await office.count(*TABLES) == before
    assert (await office.cases.get(office["甲"], case.number)).state == "working"


async def test_the_second_return_goes_to_whoever_rules(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    case = await office.act("甲", case, "return", "不是我们的井盖")
    assert case.state == "new"
    case = await office.act("派遣员", case, "assign")
    # He who returned it is asked last.
    task = await office.task("派遣员", case)
    assert task.assignee == office["乙"].staff
    case = await office.act("乙", case, "return", "也不是我们的")
    assert case.state == "ruling"
    with pytest.raises(PermissionDeniedError):
        await office.act("派遣员", case, "rule")
    case = await office.act("负责人", case, "rule", "归市政局修")
    assert case.state == "working"


async def test_a_correction_stops_the_clock(office: Office) -> None:
    case = await office.report()
    first = case.due_at
    case = await office.act("派遣员", case, "correct", "请写明位置")
    assert (case.state, case.phase, case.due_at) == ("correcting", "paused", None)
    task = await office.task("马大妈", case)
    assert (task.role, task.assignee) == ("applicant", None)
    assert task.due_at is not None
    assert await office.cases.explain(office["马大妈"], case.number) == "因等待补正，办理时限暂停计算"
    trail = await office.cases.trail(office["马大妈"], case.number)
    assert [(entry.state, entry.reason, entry.staff) for entry in trail][-1] == ("请您补充", "请写明位置", None)
    with pytest.raises(InvalidInputError, match="填写的内容有误"):
        await office.act("马大妈", case, "supplement", note="")
    case = await office.act("马大妈", case, "supplement", note="东街 3 号门口")
    assert (case.state, case.phase, case.due_at) == ("new", "open", first)
    sentence = await office.cases.explain(office["马大妈"], case.number)
    assert "3个工作日" in sentence
    assert "办结" in sentence


async def test_automatic_steps_follow_each_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await office.report(service="auto", kind="lamp")
    assert (case.state, case.phase, case.version) == ("done", "done", 1)
    trail = await office.cases.trail(office["派遣员"], case.number)
    assert [(entry.action, entry.by_system) for entry in trail] == [
        ("submit", False), ("approve", True), ("issue", True),
    ]  # fmt: skip
    assert await office.count("tb_task", "tb_timer", "tb_case_record") == [0, 0, 1]
    assert (await office.report(service="auto")).state == "checking"
    monkeypatch.setattr(entering, "AUTO_MAX", 2)
    before = await office.count(*TABLES)
    with pytest.raises(ConflictError, match="转了圈"):
        await office.report(service="auto", kind="lamp")
    assert await office.count(*TABLES) == before


async def test_colours_follow_the_limit(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    assert task.due_at == task.opened_at + timedelta(minutes=10)
    at = [task.opened_at + timedelta(minutes=minutes) for minutes in (4, 5, 8, 10, 20)]
    assert [colour(task, moment) for moment in at] == ["green", "yellow", "orange", "red", "purple"]
    assert colour(replace(task, due_at=None), utc_now()) == "none"


async def test_reasons_lie_sealed(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "refuse", "不属于市政")
    assert (case.phase, case.outcome) == ("refused", "refused")
    ((sealed,),) = await office.fetch("SELECT reason FROM tb_case_step WHERE action = 'refuse'")
    assert sealed.startswith("tb1.")
    entries = await office.cases.trail(office["马大妈"], case.number)
    assert entries[-1].reason == "不属于市政"


async def test_a_draining_application_finishes_what_is_open(office: Office) -> None:
    case = await office.report()
    await office.host.registry.set_state("works", "draining")
    before = await office.count(*TABLES)
    with pytest.raises(Exception, match="不再受理新的申请"):
        await office.report()
    assert await office.count(*TABLES) == before
    case = await office.act("派遣员", case, "assign")
    case = await office.act("甲", case, "finish", result="换了新盖")
    assert (await office.act("负责人", case, "pass")).phase == "done"


async def test_rows_of_cases_are_read_as_written(office: Office) -> None:
    case = await office.report()
    database = office.host.database
    assert await read(database, database.dialect, Case, "id = {id}", id=case.id) == [case]
