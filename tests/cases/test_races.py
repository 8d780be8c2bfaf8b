"""Many at once: one key makes one case, one task has one owner, one version has one step."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tongban_sdk.errors import ConflictError, NotAuthenticatedError, RequestError

from tests.cases.conftest import Office


async def test_a_hundred_submits_with_one_key_make_one_case(office: Office) -> None:
    values = {"kind": "cover", "note": "井盖碎了"}
    who = office["马大妈"]
    cases = await asyncio.gather(*(office.cases.submit(who, "works.repair", values, key="k1") for _ in range(100)))
    assert len({case.id for case in cases}) == 1
    assert await office.count("tb_case", "works_report", "tb_task", "tb_case_step") == [1, 1, 1, 1]
    with pytest.raises(ConflictError, match="已用于另一个请求"):
        await office.cases.submit(who, "works.repair", {**values, "note": "别的"}, key="k1")
    # Another's key of the same name is another key.
    other = await office.cases.submit(office["王大爷"], "works.repair", values, key="k1")
    assert other.id != cases[0].id


async def test_a_key_used_for_one_principal_answers_nothing_about_another(office: Office) -> None:
    """One account acts for two people: the second application is not the first one's."""
    agent = replace(
        office["王大爷"], agent=office["王大爷"].person, scopes=("works",), roles=frozenset({"anonymous", "delegate"})
    )
    await office.citizen("李奶奶")
    first, second = (replace(agent, person=office[name].person) for name in ("马大妈", "李奶奶"))
    case = await office.cases.submit(first, "works.repair", {"kind": "lamp"}, key="k1")
    assert (await office.cases.submit(first, "works.repair", {"kind": "lamp"}, key="k1")).id == case.id
    with pytest.raises(ConflictError, match="已用于另一个请求"):
        await office.cases.submit(second, "works.repair", {"kind": "lamp"}, key="k1")
    assert await office.count("tb_case") == [1]


async def test_submits_without_a_key_are_cases_of_their_own(office: Office) -> None:
    who = office["马大妈"]
    cases = await asyncio.gather(*(office.cases.submit(who, "works.repair", {"kind": "lamp"}) for _ in range(20)))
    numbers = sorted(case.number for case in cases)
    assert [int(number[-7:]) for number in numbers] == list(range(1, 21))


async def test_a_refused_request_gives_its_key_back(office: Office) -> None:
    weak = replace(office["马大妈"], real_name=1)
    with pytest.raises(RequestError):
        await office.cases.submit(weak, "works.repair", {"kind": "cover"}, key="k1")
    assert await office.count("tb_idempotency") == [0]
    assert (await office.cases.submit(office["马大妈"], "works.repair", {"kind": "cover"}, key="k1")).state == "new"


async def test_a_stranger_has_no_keys(office: Office) -> None:
    nobody = replace(office["马大妈"], id="")
    with pytest.raises(NotAuthenticatedError):
        await office.cases.submit(nobody, "works.repair", {"kind": "cover"}, key="k1")


async def test_a_repeated_step_is_answered_and_not_taken_again(office: Office) -> None:
    case, desk = await office.report(), office["派遣员"]
    done = await asyncio.gather(
        *(office.cases.act(desk, case.number, "assign", version=1, key="s1") for _ in range(10))
    )
    assert {found.version for found in done} == {2}
    assert await office.fetch("SELECT action FROM tb_case_step ORDER BY seq") == [("submit",), ("assign",)]


async def test_two_hundred_claims_of_one_task_have_one_owner(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    desks = [office["派遣员"], *[await office.member(f"派遣员{i}", "works_desk") for i in range(3)]]
    answers = await asyncio.gather(
        *(office.cases.claim(desks[i % 4], task.id) for i in range(200)), return_exceptions=True
    )
    found = await office.task("派遣员", case)
    assert found.status == "claimed"
    winner = next(actor for actor in desks if actor.staff == found.assignee)
    for i, answer in enumerate(answers):
        if desks[i % 4] is winner:
            assert not isinstance(answer, BaseException), answer
        else:
            assert isinstance(answer, ConflictError), answer
    assert await office.fetch("SELECT count(*) FROM tb_case_step WHERE action = 'claim'") == [(1,)]
    assert await office.fetch("SELECT CAST(staff_id AS text) FROM core_case_participant") == [(winner.staff,)]


async def test_one_of_many_steps_in_one_version_is_taken(office: Office) -> None:
    case, desk = await office.report(), office["派遣员"]
    answers = await asyncio.gather(
        *(office.cases.act(desk, case.number, "assign", version=1) for _ in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, BaseException)} == {ConflictError}
    assert (await office.cases.get(desk, case.number)).version == 2
