"""Who sees a case: everybody who must, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tongban_sdk.actor import ANONYMOUS, Actor
from tongban_sdk.errors import NotAuthenticatedError, NotFoundError, PermissionDeniedError

from core.cases import Case
from core.fields.times import utc_now
from core.store.case_tables import CASE_PARTY
from core.store.database import Insert
from core.store.ids import uuid7
from tests.cases.conftest import ELSEWHERE, VILLAGE, Office


async def _sees(office: Office, actor: Actor, case: Case) -> bool:
    try:
        return (await office.cases.get(actor, case.number)).id == case.id
    except NotFoundError:
        return False


def _delegate(of: Actor, agent: Actor, *scopes: str) -> Actor:
    return replace(of, agent=agent.person, scopes=scopes, roles=frozenset({"anonymous", "delegate"}))


async def test_citizens_see_their_own(office: Office) -> None:
    case, aunt, uncle = await office.report(), office["马大妈"], office["王大爷"]
    assert await _sees(office, aunt, case)
    assert not await _sees(office, uncle, case)
    assert not await _sees(office, ANONYMOUS, case)
    assert not await _sees(office, Actor("adm", "admin", roles=frozenset({"system_admin"})), case)
    assert [found.id for found in (await office.cases.mine(aunt)).items] == [case.id]
    assert (await office.cases.mine(uncle)).items == ()
    with pytest.raises(NotAuthenticatedError):
        await office.cases.mine(ANONYMOUS)


async def test_delegates_see_what_the_delegation_covers(office: Office) -> None:
    case, aunt, uncle = await office.report(), office["马大妈"], office["王大爷"]
    for scopes, expected in ((("works",), True), (("works.report",), True), (("other",), False), ((), False)):
        agent = _delegate(aunt, uncle, *scopes)
        assert await _sees(office, agent, case) is expected
        assert len((await office.cases.mine(agent)).items) == expected


async def test_a_delegate_files_for_the_principal(office: Office) -> None:
    agent = _delegate(office["马大妈"], office["王大爷"], "works")
    case = await office.cases.submit(agent, "works.repair", {"kind": "lamp"})
    assert (case.applicant, case.agent) == (office["马大妈"].person, office["王大爷"].person)
    assert not await _sees(office, office["王大爷"], case)


async def test_a_company_sees_its_own_and_not_its_operators(office: Office) -> None:
    case = await office.report()
    operator = replace(office["马大妈"], legal_entity=uuid7(), roles=frozenset({"anonymous", "legal_person"}))
    assert not await _sees(office, operator, case)
    async with office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_case SET legal_entity = '{operator.legal_entity}', applicant = NULL")
    assert await _sees(office, operator, case)
    assert [found.id for found in (await office.cases.mine(operator)).items] == [case.id]
    assert not await _sees(office, office["马大妈"], case)


async def test_reporters_see_the_case_they_joined(office: Office) -> None:
    case, uncle = await office.report(), office["王大爷"]
    party = {"id": uuid7(), "case_id": case.id, "kind": "reporter", "person": uncle.person, "joined_at": utc_now()}
    await office.host.database.insert([Insert(CASE_PARTY, party)])
    assert await _sees(office, uncle, case)
    assert [found.id for found in (await office.cases.mine(uncle)).items] == [case.id]


async def test_reporters_read_no_words_of_the_applicant_nor_to_her(office: Office) -> None:
    case, aunt, uncle = await office.report(), office["马大妈"], office["王大爷"]
    party = {"id": uuid7(), "case_id": case.id, "kind": "reporter", "person": uncle.person, "joined_at": utc_now()}
    await office.host.database.insert([Insert(CASE_PARTY, party)])
    await office.act("派遣员", case, "correct", "请马大妈写明门牌")
    await office.act("马大妈", case, "supplement", "我住三号楼", note="三号楼前")
    hers, his = [await office.cases.trail(who, case.number) for who in (aunt, uncle)]
    assert [entry.action for entry in his] == [entry.action for entry in hers] == ["submit", "correct", "supplement"]
    assert [entry.reason for entry in hers] == [None, "请马大妈写明门牌", "我住三号楼"]
    assert [entry.reason for entry in his] == [None, None, None]


async def test_staff_see_what_their_role_and_place_cover(office: Office) -> None:
    case = await office.report()
    near = await office.member("村派遣员", "works_desk", VILLAGE)
    far = await office.member("邻村派遣员", "works_desk", ELSEWHERE, "邻村")
    stranger = await office.member("教师", "teacher", VILLAGE, "学校")
    assert await _sees(office, office["派遣员"], case)
    assert await _sees(office, near, case)
    assert not await _sees(office, far, case)
    assert not await _sees(office, stranger, case)


async def test_a_grid_worker_sees_his_grid(office: Office) -> None:
    grid = f"{VILLAGE}001"
    case = await office.report(grid=grid)
    worker = await office.member("网格员", "works_desk", ELSEWHERE, "网格")
    assert not await _sees(office, worker, case)
    assert await _sees(office, replace(worker, grids=(grid,)), case)
    found = await office.cases.inbox(replace(worker, grids=(grid,)))
    assert [task.case_id for task in found.items] == [case.id]


async def test_who_held_a_task_goes_on_seeing_and_who_was_only_asked_does_not(office: Office) -> None:
    case = await office.report(unit=office.units["供排水公司"])
    case = await office.act("派遣员", case, "assign")
    worker = office["丙"]
    assert await _sees(office, worker, case)
    # The row that was filed opens by the rule for participants.
    rows = await office.fetch("SELECT count(*) FROM core_case_participant WHERE until IS NULL")
    assert rows == [(1,)]
    case = await office.act("丙", case, "return", "不归我们")
    assert await _sees(office, worker, case)
    assert await office.fetch("SELECT count(*) FROM core_case_participant WHERE until IS NULL") == [(0,)]
    async with office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_task SET claimed_at = NULL WHERE status <> 'open'")
        await tx.execute("UPDATE tb_case SET org = NULL")
    assert not await _sees(office, worker, case)


async def test_a_watcher_sees_and_a_comment_is_for_staff(office: Office) -> None:
    case, desk = await office.report(), office["派遣员"]
    await office.cases.watch(desk, case.number)
    await office.cases.watch(desk, case.number)
    assert [found.id for found in await office.cases.watched(desk)] == [case.id]
    away = replace(desk, division=ELSEWHERE, org=None)
    assert await _sees(office, away, case)
    await office.cases.comment(desk, case.number, "已电话核实")
    assert [entry.reason for entry in await office.cases.trail(desk, case.number)] == [None, "已电话核实"]
    assert [entry.action for entry in await office.cases.trail(office["马大妈"], case.number)] == ["submit"]
    with pytest.raises(PermissionDeniedError):
        await office.cases.comment(office["马大妈"], case.number, "催办")
    await office.cases.watch(desk, case.number, on=False)
    assert not await _sees(office, away, case)


async def test_anothers_case_and_none_look_alike(office: Office) -> None:
    case = await office.report()
    for number in (case.number, "WK640522209901010000001"):
        with pytest.raises(NotFoundError, match="找不到这件办件"):
            await office.cases.get(office["王大爷"], number)
        with pytest.raises(NotFoundError, match="找不到这件办件"):
            await office.cases.act(office["王大爷"], number, "supplement", version=1, values={"note": "x"})


async def test_the_applicant_learns_the_unit_and_no_names(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    (task,) = await office.cases.tasks(office["马大妈"], case.number)
    assert (task.org, task.assignee, task.candidates) == (office["甲"].org, None, None)
    (task,) = await office.cases.tasks(office["派遣员"], case.number)
    assert task.assignee == office["甲"].staff
    assert task.candidates
    trail = await office.cases.trail(office["马大妈"], case.number)
    assert [(entry.state, entry.staff, entry.facts) for entry in trail] == [
        ("已收到", None, None), ("处理中", None, None),
    ]  # fmt: skip
