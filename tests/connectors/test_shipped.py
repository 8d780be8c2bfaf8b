"""12345 and the courier as shipped, against their simulators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from tongban_sdk.errors import ConflictError, InvalidInputError

from core.access import me_of
from core.access.service import service_actor
from core.cases import Case
from core.cases.conditions import Conditions
from core.connectors.rows import opened
from core.fields.times import utc_now
from core.store.ids import uuid7
from tests.cases.conftest import COUNTY, VILLAGE
from tests.conftest import empty_place
from tests.connectors.town import Town, town

pytestmark = pytest.mark.asyncio(loop_scope="module")
#: Working days per kind, of manifests/core/services/hotline_*.yaml.
LIMITS = {"inquiry": 2, "help": 5, "complaint": 5, "report": 15, "suggestion": 15, "praise": 5}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("shipped")
    async with empty_place("sqlite", folder) as at, town(at, folder) as found:
        found.connectors.adapters.specs, found.connectors.adapters.simulates = {}, True
        await found.office.member("话务员", "hotline_agent")
        await found.office.member("承办人", "case_officer", unit="水务局")
        await found.office.member("另一承办人", "case_officer", unit="住建局")
        await found.office.member("值班长", "duty_leader")
        yield found


async def ticket(place: Town, kind: str = "help", **more: Any) -> Case:
    message = {"ticket_no": f"T{uuid7()}", "kind": kind, "text": "停水三天", "division": VILLAGE, **more}
    taken = await place.post("ticket", to="core.hotline", **message)
    return await place.office.cases.get(place.office["话务员"], taken.case_number)


async def outside_number(place: Town, case: Case) -> str:
    [row] = await place.office.fetch(f"SELECT ticket_no FROM core_hotline_ticket WHERE case_no = '{case.number}'")
    return str(row[0])


async def state(place: Town, case: Case) -> str:
    [row] = await place.office.fetch(f"SELECT state FROM tb_case WHERE number = '{case.number}'")
    return str(row[0])


async def asked(place: Town, case: Case) -> list[tuple[str, dict[str, Any]]]:
    """Operations ordered for a case with what they send, the oldest first; before they are made."""
    vault = place.office.host.vault
    return [(c.operation, {**opened(vault, "request", c.id, c.request)}) for c in await place.calls(case.number)]


@pytest.mark.parametrize("kind", LIMITS)
async def test_each_kind_has_its_clock(place: Town, kind: str) -> None:
    case = await ticket(place, kind)
    assert (case.service, case.limit and case.limit[:2]) == (f"core.hotline_{kind}", [LIMITS[kind], "WD"])
    assert (case.channel, case.division, case.state) == ("hotline", VILLAGE, "received")


async def test_a_ticket_goes_its_whole_way(place: Town) -> None:
    """Returned by the wrong unit twice, ruled, answered, called back, done again, called back."""
    case = await ticket(place)
    office, number = place.office, await outside_number(place, case)
    for unit, officer in (("水务局", "承办人"), ("住建局", "另一承办人")):
        await office.act("话务员", case, "assign", unit=office.units[unit])
        await office.act(officer, case, "send_back", reason="不归我们", return_reason="按三定方案不归我们")
    assert await state(place, case) == "ruling"
    await office.act("值班长", case, "rule", reason="供水归住建局", unit=office.units["住建局"])
    await office.act("另一承办人", case, "reply", finding="水管破裂", answer="已经修好")
    said = {"ticket_no": number, "result": "replied", "reply": "已经修好"}
    assert await asked(place, case) == [("reply", said)]
    await place.run()
    assert [call.state for call in await place.calls(case.number)] == ["answered"]
    back = {"to": "core.hotline", "ticket_no": number}
    await place.post("callback", **back, callback_no=f"C{number}1", result="unsatisfied", words="还是没水")
    assert await state(place, case) == "handling"
    await office.act("另一承办人", case, "reply", finding="重新接通", answer="现在有水了")
    await place.run()
    await place.post("callback", **back, callback_no=f"C{number}2", result="satisfied")
    assert await state(place, case) == "closed"
    with pytest.raises(ConflictError):
        await place.post("callback", **back, callback_no=f"C{number}3", result="unsatisfied")


@pytest.mark.parametrize(
    ("action", "values", "call", "end"),
    [
        ("hand_back", {"return_reason": "属同心县"}, ("give_back", {"reason": "属同心县"}), "returned"),
        ("turn_down", {"refusal": "petition", "answer": "正在信访"},
         ("reply", {"result": "refused", "reply": "正在信访"}), "refused"),
        ("answer", {"answer": "八点上班"}, ("reply", {"result": "replied", "reply": "八点上班"}), "replied"),
    ],
)  # fmt: skip
async def test_what_is_not_handled_here_is_told_to_12345(
    place: Town, action: str, values: dict[str, str], call: tuple[str, dict[str, str]], end: str
) -> None:
    case = await ticket(place)
    before = await asked(place, case)
    with pytest.raises(InvalidInputError):
        await place.office.act("话务员", case, action, reason="见内容")
    assert await asked(place, case) == before == []
    await place.office.act("话务员", case, action, reason="见内容", **values)
    ours = {"ticket_no": await outside_number(place, case), **call[1]}
    assert (await asked(place, case), await state(place, case)) == ([(call[0], ours)], end)


async def test_a_ticket_taken_by_our_own_agent_is_answered_without_12345(place: Town) -> None:
    office = place.office
    values = {"kind": "inquiry", "text": "几点上班"}
    case = await office.cases.submit(office["话务员"], "core.hotline_inquiry", values, channel="hotline")
    await office.act("话务员", case, "answer", answer="八点")
    assert await place.calls(case.number) == []
    await office.act("话务员", case, "satisfied")
    assert await state(place, case) == "closed"


async def test_who_asks_for_secrecy_is_not_shown_to_the_unit(place: Town) -> None:
    office, live = place.office, place.office.host.generation
    entity, shown = live.world.entities["core.hotline_ticket"], []
    rules = live.access.rules(frozenset({"case_officer"}), entity.key, "read")
    [rule] = [rule for rule in rules if {"caller_name", "caller_phone"} & rule.fields]
    assert rule.where is not None
    wishes: list[dict[str, Any]] = [{"confidential": True}, {"confidential": False}, {}]
    for wish in wishes:
        case = await ticket(place, name="马大妈", phone="13800000001", **wish)
        await office.act("话务员", case, "assign", unit=office.units["水务局"])
        async with office.host.database.transaction() as tx:
            holds = Conditions.of(live, office.host.database.dialect).holds
            shown += await holds(tx, entity, case.row_id, [rule.where], me_of(office["承办人"]), utc_now())
    assert shown == [False, True, True]


@pytest.mark.parametrize(("about", "first"), [("COH6405", "raised"), ("COZ6405", "raised"), ("WK6405", "received")])
async def test_a_complaint_about_12345_does_not_go_to_12345(place: Town, about: str, first: str) -> None:
    host = replace(service_actor("core"), division=COUNTY)
    rights = frozenset({"core_service", "resident"})
    host = replace(host, roles=rights, person=place.office["马大妈"].person)
    values = {"about_no": about, "text": "态度不好"}
    case = await place.office.cases.submit(host, "core.complaint", values, applicant=host.person)
    assert case.state == first


async def test_a_result_goes_by_courier_and_its_news_close_the_case(place: Town) -> None:
    office = place.office
    case = await office.report("马大妈", "sent")
    await office.act("派遣员", case, "ship")
    [(operation, values)] = await asked(place, case)
    assert (operation, values["payer"], values["name"], values["phone"]) == (
        "order", "applicant", "马大妈", "13800000001",
    )  # fmt: skip
    await place.run()
    [call] = await place.calls(case.number)
    assert (call.number or "").startswith("SIMDF")
    for i, (status, end) in enumerate([("collected", "sending"), ("lost", "lost")]):
        event = {"event_no": f"E{i}{call.number}", "waybill_no": call.number, "status": status}
        taken = await place.post("track", to="core.courier", **event)
        assert (taken.is_taken, await state(place, case)) == (status == "lost", end)
    assert await office.fetch(f"SELECT result FROM works_report WHERE case_no = '{case.number}'") == [(call.number,)]
