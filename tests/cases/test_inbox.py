"""The inbox: what is his, by what is due first, a page at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tongban_sdk.errors import InvalidInputError, PermissionDeniedError

from core.cases.rows import END_OF_TIME
from core.fields.times import utc_now
from core.store.case_tables import TASK
from core.store.statement import statement
from tests.cases.conftest import COUNTY, TOWN, VILLAGE, Office


async def _due(office: Office, number: str, minutes: int) -> None:
    """The task of a case is due so many minutes from now; its colours follow a limit of ten."""
    at, step = utc_now() + timedelta(minutes=minutes), timedelta(minutes=1)
    text = (
        "UPDATE tb_task SET due_at = {due_at}, ranked_at = {due_at}, yellow_at = {yellow_at}, orange_at = {orange_at}, "
        "purple_at = {purple_at} WHERE number = {number}"
    )
    values = {"due_at": at, "yellow_at": at - 5 * step, "orange_at": at - 2 * step, "purple_at": at + 10 * step}
    async with office.host.database.transaction() as tx:
        await tx.execute(*statement(office.host.database.dialect, TASK, text, number=number, **values))


async def _numbers(office: Office, who: str, **more: object) -> list[str]:
    return [task.number for task in (await office.cases.inbox(office[who], **more)).items]  # type: ignore[arg-type]


async def test_what_is_due_first_comes_first_page_by_page(office: Office) -> None:
    cases = [await office.report() for _ in range(5)]
    for case, minutes in zip(cases, (30, -20, 4, -1, 1), strict=True):
        await _due(office, case.number, minutes)
    wanted = [cases[i].number for i in (1, 3, 4, 2, 0)]
    assert await _numbers(office, "派遣员") == wanted
    seen, after = [], None
    while True:
        page = await office.cases.inbox(office["派遣员"], first=2, after=after)
        seen += [task.number for task in page.items]
        if (after := page.cursor) is None:
            break
    assert seen == wanted
    colours = {
        name: await _numbers(office, "派遣员", colour=name) for name in ("purple", "red", "orange", "yellow", "green")
    }
    assert list(colours.values()) == [[number] for number in (wanted[0], wanted[1], wanted[2], wanted[3], wanted[4])]
    assert await office.cases.counts(office["派遣员"]) == {"todo": 5, "doing": 0, "late": 0}


@pytest.mark.parametrize("division", [COUNTY, TOWN, VILLAGE])
async def test_small_and_large_places_give_the_same(office: Office, division: str) -> None:
    numbers = [(await office.report()).number for _ in range(3)]
    office.people["村派遣员"] = replace(office["派遣员"], division=division)
    assert await _numbers(office, "村派遣员") == numbers
    assert await _numbers(office, "村派遣员", service="works.repair") == numbers
    assert await _numbers(office, "村派遣员", service="works.auto") == []


async def test_a_task_goes_through_the_boxes(office: Office) -> None:
    case = await office.report()
    (task,) = (await office.cases.inbox(office["派遣员"])).items
    await office.cases.claim(office["派遣员"], task.id)
    assert await _numbers(office, "派遣员") == []
    assert await _numbers(office, "派遣员", box="doing") == [case.number]
    assert await office.cases.counts(office["派遣员"]) == {"todo": 0, "doing": 1, "late": 0}
    case = await office.act("派遣员", case, "assign")
    assert await _numbers(office, "派遣员", box="doing") == []
    assert await _numbers(office, "派遣员", box="done") == [case.number]
    # Offered to one of the crew: his to do, and no other's.
    assert await _numbers(office, "甲") == [case.number]
    assert await _numbers(office, "乙") == []
    assert await _numbers(office, "负责人") == []


async def test_a_unit_sees_its_own_pool(office: Office) -> None:
    case = await office.act("派遣员", await office.report(unit=office.units["供排水公司"]), "assign")
    async with office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_task SET assignee = NULL WHERE status = 'open'")
    assert await _numbers(office, "丙") == [case.number]
    # Another unit's crew in the very place of the case does not.
    assert await _numbers(office, "甲") == []


async def test_without_a_limit_means_last(office: Office) -> None:
    first, second = await office.report(), await office.report()
    async with office.host.database.transaction() as tx:
        text = "UPDATE tb_task SET due_at = NULL, ranked_at = {ranked_at} WHERE number = {number}"
        named = {"ranked_at": END_OF_TIME, "number": first.number}
        await tx.execute(*statement(office.host.database.dialect, TASK, text, **named))
    assert await _numbers(office, "派遣员") == [second.number, first.number]
    assert await _numbers(office, "派遣员", colour="none") == [first.number]


async def test_who_has_no_inbox_and_which_cursor_is_none(office: Office) -> None:
    with pytest.raises(PermissionDeniedError):
        await office.cases.inbox(office["马大妈"])
    for cursor in ("x", "e30", "2026"):
        with pytest.raises(InvalidInputError, match="翻页标记无效"):
            await office.cases.inbox(office["派遣员"], after=cursor)
    with pytest.raises(InvalidInputError, match="每页应为"):
        await office.cases.inbox(office["派遣员"], first=0)


async def test_pools_of_a_role_are_those_that_workflows_name(office: Office) -> None:
    world = office.host.generation.world
    flows = await office.cases.definitions.flows(world)
    assert flows.role_keys(office["派遣员"]) == ["works_desk"]
    assert flows.role_keys(office["甲"]) == ["works_crew"]
    assert flows.role_keys(office["马大妈"]) == []
    # Worked out once, and anew for another world.
    assert await office.cases.definitions.flows(world) is flows
    assert (await office.cases.definitions.flows(replace(world, plugins={}))).workflows == ()


async def test_my_cases_are_the_newest_first(office: Office) -> None:
    numbers = [(await office.report()).number for _ in range(5)]
    await office.act("派遣员", await office.cases.get(office["派遣员"], numbers[2]), "refuse", "重复")
    seen, after = [], None
    while True:
        page = await office.cases.mine(office["马大妈"], first=2, after=after)
        seen += [case.number for case in page.items]
        if (after := page.cursor) is None:
            break
    assert seen == numbers[::-1]
    closed = await office.cases.mine(office["马大妈"], which="closed")
    assert [case.number for case in closed.items] == [numbers[2]]
    open_ = await office.cases.mine(office["马大妈"], which="open")
    assert [case.number for case in open_.items] == [numbers[i] for i in (4, 3, 1, 0)]
