"""Who gets a task, in which order, with which reason, and what follows when nobody accepts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tongban_sdk.errors import PermissionDeniedError

from core.cases import Case
from core.cases.timers import Timer
from core.fields.times import utc_now
from core.store.case_tables import TIMER
from core.store.rows import read
from core.store.statement import load_row
from tests.cases.conftest import ELSEWHERE, TOWN, VILLAGE, Office

_NAMES = ("id", "at", "kind", "case_id", "task_id", "args")


async def _timer(office: Office, kind: str) -> Timer:
    ((*row,),) = await office.fetch(f"SELECT {', '.join(_NAMES)} FROM tb_timer WHERE kind = '{kind}'")
    return Timer(**load_row(office.host.database.dialect, TIMER, _NAMES, row))


async def _fire(office: Office, timer: Timer) -> None:
    engine = office.cases.engine
    async with engine.transaction() as tx:
        await tx.execute(f"DELETE FROM tb_timer WHERE id = '{timer.id}'")
        await office.cases.timers.handlers[timer.kind](engine, tx, timer)


async def _offers(office: Office, case: Case) -> list[tuple[str, str]]:
    names = {actor.staff: name for name, actor in office.people.items() if actor.staff}
    task = await office.task("派遣员", case)
    return [(names[one["staff"]], one["reason"]) for one in task.candidates or []]


async def test_the_nearest_of_the_covering_staff_comes_first(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    # 丙 works for another village: no candidate.
    assert await _offers(office, case) == [
        ("甲", "按“井盖”，在办 0 件，同村（社区）"),
        ("乙", "按“井盖”，在办 0 件，同乡镇（街道）"),
        ("负责人", "按“后备第 1 顺位”，在办 0 件，同县（区）"),
    ]


async def test_a_named_unit_is_asked_by_load(office: Office) -> None:
    unit = office.units["供排水公司"]
    await office.member("丁", "works_crew", ELSEWHERE, "供排水公司")
    case = await office.report(unit=unit)
    case = await office.act("派遣员", case, "assign")
    offers = await _offers(office, case)
    assert {name for name, _ in offers[:2]} == {"丙", "丁"}
    assert {reason for _, reason in offers[:2]} == {"按“责任单位”，在办 0 件，同县（区）"}
    first = (await office.task("派遣员", case)).assignee
    other = await office.act("派遣员", await office.report(unit=unit), "assign")
    assert (await office.task("派遣员", other)).assignee != first
    assert other.org == unit


async def test_nobody_found_means_the_pool(office: Office) -> None:
    texts = "UPDATE core_staff SET state = 'left'"
    async with office.host.database.transaction() as tx:
        await tx.execute(texts)
    case = await office.act("派遣员", await office.report(), "assign")
    task = await office.task("派遣员", case)
    assert (task.assignee, task.role, task.status, task.candidates) == (None, "works_crew", "open", [])


async def test_an_offer_passes_on_until_the_pool_has_it(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    for name in ("甲", "乙", "负责人"):
        assert (await office.task("派遣员", case)).assignee == office[name].staff
        timer = await _timer(office, "accept")
        assert timedelta(minutes=14) < timer.at - utc_now() < timedelta(minutes=16)
        await _fire(office, timer)
    task = await office.task("派遣员", case)
    assert (task.assignee, task.role, task.candidates) == (None, "works_crew", [])
    assert await office.fetch("SELECT count(*) FROM tb_timer WHERE kind = 'accept'") == [(0,)]
    assert (await office.cases.get(office["派遣员"], case.number)).version == 5
    # Whoever of the crew covers the place may take it now.
    await office.cases.claim(office["乙"], task.id)


async def test_an_accepted_offer_does_not_pass_on(office: Office) -> None:
    case = await office.act("派遣员", await office.report(), "assign")
    timer = await _timer(office, "accept")
    task = await office.task("派遣员", case)
    with pytest.raises(PermissionDeniedError):
        await office.cases.claim(office["乙"], task.id)
    await office.cases.claim(office["甲"], task.id)
    await _fire(office, timer)
    assert (await office.task("派遣员", case)).assignee == office["甲"].staff


async def test_a_grid_and_a_person_named_by_fields(office: Office) -> None:
    grid = f"{VILLAGE}001"
    assert office["甲"].staff
    case = await office.report(grid=grid)
    assert (case.division, case.grid) == (VILLAGE, grid)
    database = office.host.database
    assert [found.grid for found in await read(database, database.dialect, Case, "id = {id}", id=case.id)] == [grid]


async def test_nearness_is_measured_from_the_sites_of_units(office: Office) -> None:
    at = {"lng": 105.6433, "lat": 36.5654, "crs": "CGCS2000"}
    for unit, lat in (("市政局", 36.5754), ("近处站", 36.5664)):
        place = {"name": unit, "kind": "other", "location": {**at, "lat": lat}, "operator": await office.unit(unit)}
        await office.create("core.place", **place)
    await office.member("丁", "works_crew", TOWN, "近处站")
    case = await office.act("派遣员", await office.report(at=at), "assign")
    assert (await _offers(office, case))[:2] == [
        ("丁", "按“井盖”，在办 0 件，距 111 米"),
        ("甲", "按“井盖”，在办 0 件，距 1.1 公里"),
    ]
