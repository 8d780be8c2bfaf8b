"""Claim, give back, hand on, ask for an opinion."""

from __future__ import annotations

import pytest
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError

from tests.cases.conftest import COUNTY, ELSEWHERE, Office


def _staff(office: Office, name: str) -> str:
    found = office[name].staff
    assert found is not None
    return found


async def _takes_part(office: Office) -> list[str]:
    rows = await office.fetch("SELECT CAST(staff_id AS text) FROM core_case_participant WHERE until IS NULL")
    return [next(name for name, actor in office.people.items() if actor.staff == id) for (id,) in rows]


async def test_claimed_and_given_back(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    claimed = await office.cases.claim(office["派遣员"], task.id)
    assert (claimed.owner, claimed.org, claimed.version) == (office["派遣员"].staff, office["派遣员"].org, 1)
    assert await _takes_part(office) == ["派遣员"]
    # Once more changes nothing.
    assert (await office.cases.claim(office["派遣员"], task.id)).version == 1
    await office.cases.release(office["派遣员"], task.id)
    found = await office.task("派遣员", case)
    assert (found.status, found.assignee, found.claimed_at) == ("open", None, None)
    assert await _takes_part(office) == []
    await office.cases.claim(office["派遣员"], task.id)
    assert await _takes_part(office) == ["派遣员"]
    assert await office.count("core_case_participant") == [1]


async def test_who_takes_part_by_somebodys_word_stays(office: Office) -> None:
    case = await office.report()
    values = {
        "case_no": case.number,
        "staff": _staff(office, "负责人"),
        "role": "owner",
        "since": "2026-01-01T00:00:00Z",
    }
    await office.create("core.case_participant", **values)
    task = await office.task("派遣员", case)
    await office.cases.claim(office["派遣员"], task.id)
    assert sorted(await _takes_part(office)) == ["派遣员", "负责人"]
    await office.act("派遣员", case, "refuse", "不归我们")
    assert await _takes_part(office) == ["负责人"]


async def test_what_is_not_his_is_refused(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    with pytest.raises(PermissionDeniedError):
        await office.cases.claim(office["负责人"], task.id)
    with pytest.raises(NotFoundError, match="找不到这件办件"):
        await office.cases.claim(office["王大爷"], task.id)
    with pytest.raises(NotFoundError, match="找不到这项任务"):
        await office.cases.claim(office["派遣员"], "nothing")
    with pytest.raises(ConflictError, match="不在您手上"):
        await office.cases.release(office["派遣员"], task.id)
    assert (await office.task("派遣员", case)).status == "open"
    assert await office.count("tb_case_step") == [1]


async def test_handed_on_to_a_colleague_who_covers_it(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    await office.member("新派遣员", "works_desk", COUNTY)
    await office.member("远派遣员", "works_desk", ELSEWHERE, "邻村")
    await office.cases.claim(office["派遣员"], task.id)
    before = await office.count("tb_task", "tb_case_step")
    for name in ("负责人", "远派遣员"):
        with pytest.raises(InvalidInputError) as refused:
            await office.cases.transfer(office["派遣员"], task.id, _staff(office, name), "出差")
        assert [problem.message for problem in refused.value.problems] == ["这位同事的角色或辖区办不了这项任务"]
    for nobody in ("x", task.id, _staff(office, "派遣员")):
        with pytest.raises(InvalidInputError):
            await office.cases.transfer(office["派遣员"], task.id, nobody, "出差")
    with pytest.raises(InvalidInputError, match="转办的理由"):
        await office.cases.transfer(office["派遣员"], task.id, _staff(office, "新派遣员"), " ")
    assert await office.count("tb_task", "tb_case_step") == before
    case = await office.cases.transfer(office["派遣员"], task.id, _staff(office, "新派遣员"), "出差")
    new = await office.task("派遣员", case)
    assert (new.assignee, new.status, new.due_at) == (office["新派遣员"].staff, "claimed", task.due_at)
    assert await _takes_part(office) == ["新派遣员"]
    with pytest.raises(ConflictError):
        await office.act("派遣员", case, "assign")
    assert (await office.act("新派遣员", case, "assign")).state == "working"


async def test_one_more_opinion_is_waited_for(office: Office) -> None:
    case = await office.report()
    task = await office.task("派遣员", case)
    await office.cases.claim(office["派遣员"], task.id)
    await office.cases.countersign(office["派遣员"], task.id, _staff(office, "负责人"), "是否归我们管？")
    side = await office.task("派遣员", case, "+1")
    assert (side.assignee, side.title) == (office["负责人"].staff, "会签：待派")
    with pytest.raises(ConflictError, match="会签意见或挂起审批还没有答复"):
        await office.act("派遣员", case, "assign")
    with pytest.raises(InvalidInputError, match="不同意的理由"):
        await office.cases.sign(office["负责人"], side.id, False)
    with pytest.raises(ConflictError, match="不在您手上"):
        await office.cases.sign(office["派遣员"], side.id, True)
    await office.cases.sign(office["负责人"], side.id, True, "归我们")
    assert (await office.act("派遣员", case, "assign")).state == "working"
    trail = await office.cases.trail(office["派遣员"], case.number)
    assert [(entry.title, entry.reason) for entry in trail][1:4] == [
        ("认领", None), ("请求会签", "是否归我们管？"), ("会签", "归我们"),
    ]  # fmt: skip


async def test_a_batch_tells_of_each(office: Office) -> None:
    cases = [await office.report() for _ in range(3)]
    tasks = [await office.task("派遣员", case) for case in cases]
    await office.member("另一位", "works_desk", COUNTY)
    await office.cases.claim(office["另一位"], tasks[1].id)
    outcomes = await office.cases.claim_many(office["派遣员"], [task.id for task in tasks])
    assert [outcome.case is not None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, ConflictError)


async def test_steps_offered_are_steps_allowed(office: Office) -> None:
    case = await office.report()

    async def offered(who: str) -> list[str]:
        return [action.id for action in await office.cases.actions(office[who], case.number)]

    assert await offered("派遣员") == ["assign", "refuse", "correct"]
    assert await offered("马大妈") == []
    assert await offered("负责人") == []
    case = await office.act("派遣员", case, "correct", "请写明位置")
    assert await offered("马大妈") == ["supplement"]
    assert (await office.cases.get(office["马大妈"], case.number)).version == 2
