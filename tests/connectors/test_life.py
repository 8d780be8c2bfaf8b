"""Calls and messages from end to end: what is sent, once; what comes back, once; what goes wrong, told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from tongban_sdk.errors import (
    ConflictError,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    RequestError,
    UnavailableError,
)

from core.cases import Case
from core.connectors import signing
from core.connectors.breaker import FAILURES_MAX, OPEN_FOR
from core.connectors.wire import RefusedError
from core.fields.times import utc_now
from core.identity.providers import ProviderError
from core.jobs.housekeeping import sweep_rows
from core.write.offers import call as call_offer
from tests.cases.conftest import TOWN, VILLAGE
from tests.conftest import empty_place
from tests.connectors.town import Town, town

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "canary-海原县一号院"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def _place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("connectors")
    async with empty_place(request.param, folder) as place, town(place, folder) as found:
        yield found


@pytest.fixture
def place(_place: Town) -> Town:
    """As if nothing had happened before; the calls of earlier tests are over."""
    _place.outside.next.clear()
    _place.outside.seen.clear()
    _place.outside.away = False
    _place.connectors.sending.breakers.clear()
    return _place


async def sent(place: Town, who: str = "马大妈") -> Case:
    case = await place.office.report(who, "sent", note=SECRET)
    return await place.office.act("派遣员", case, "send")


async def state(place: Town, case: Case) -> tuple[str, str | None]:
    """The case's state and what the answer left in its row."""
    [row] = await place.office.fetch(f"SELECT c.state, r.result FROM tb_case c JOIN works_report r ON r.id = c.row_id "
                                     f"WHERE c.number = '{case.number}'")  # fmt: skip
    return row[0], row[1]


async def told(place: Town, case: Case) -> list[str]:
    found = await place.office.host.messages.mine(place.office["负责人"])
    return [message.text for message in found if message.case_number == case.number]


async def audited(place: Town, case: Case) -> list[tuple[str, str, str]]:
    where = f"\"case\" = '{case.number}' AND action LIKE 'connector.%' ORDER BY at, lane, number"
    rows = await place.office.fetch(f"SELECT action, result, fields FROM tb_audit WHERE {where}")
    return [(row[0], row[1], row[2]) for row in rows]


async def test_a_step_sends_what_it_names_and_the_answer_comes_into_the_row(place: Town) -> None:
    case = await sent(place)
    [call] = await place.calls(case.number)
    assert (call.state, call.tries, call.answer) == ("waiting", 0, None)
    assert place.outside.seen == []
    shown = await place.office.host.privacy.engine_rows(place.office["马大妈"], None)
    [mine] = [rows for one, rows in shown if one.id == "engine.call"]
    assert [(row["connector"], row["case_number"]) for row in mine] == [("works.post", case.number)]
    rows = repr(await place.office.fetch("SELECT * FROM tb_connector_call"))
    assert "马大妈" not in rows
    assert "一号院" not in rows
    assert await place.run() == 1
    [seen] = place.outside.seen
    assert seen.values == {"name": "马大妈", "address": "海原县一号院", "number": case.number}
    [done] = await place.calls(case.number)
    assert (seen.key, done.state, done.request, done.tries) == (call.id, "answered", None, 1)
    assert await state(place, case) == ("sending", done.number)
    assert done.number is not None
    assert done.number.startswith("YZ")
    assert "1200" not in repr(await place.office.fetch("SELECT answer FROM tb_connector_call"))
    assert await audited(place, case) == [
        ("connector.call", "ok", "name,address,number"),
        ("connector.answered", "ok", ""),
    ]
    assert await place.run() == 0


async def test_a_refused_step_sends_nothing(place: Town) -> None:
    case = await place.office.report("王大爷", "sent")
    before = await place.office.count("tb_connector_call", "tb_audit", "tb_case_step")
    with pytest.raises(InvalidInputError, match="要发给邮政的内容不全") as refused:
        await place.office.act("派遣员", case, "send")
    assert [(p.path, p.id) for p in refused.value.problems] == [(("values", "address"), "input.required")]
    assert await place.office.count("tb_connector_call", "tb_audit", "tb_case_step") == before
    assert await state(place, case) == ("new", None)


async def test_what_is_a_childs_stays_here(place: Town) -> None:
    case = await place.office.report("小明", "sent")
    for action in ("send", "born"):
        with pytest.raises(ConflictError, match="未满十四周岁"):
            await place.office.act("派遣员", case, action)
    assert await place.calls(case.number) == []


async def test_a_level_is_asked_at_the_moment_of_sending(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case may have begun under a manifest that allowed more."""
    case = await place.office.report("马大妈", "sent")
    connectors: Any = place.office.host.generation.world.plugins["works"].connectors
    monkeypatch.setitem(connectors, "post", replace(connectors["post"], level_max="L2"))
    with pytest.raises(ConflictError, match="L3 高于“寄递”的上限"):
        await place.office.act("派遣员", case, "send")
    assert await place.calls(case.number) == []


async def test_failures_are_tried_again_under_one_key_then_told(place: Town) -> None:
    case = await sent(place)
    place.outside.next = [ProviderError("x"), {"no": "nonsense"}, TimeoutError()]
    errors = []
    for _ in range(3):
        assert await place.run() == 1
        assert await place.run() == 0
        errors.append((await place.calls(case.number))[0].error)
        await place.hurry()
    assert errors == ["ProviderError", "NonsenseError", "TimeoutError"]
    [call] = await place.calls(case.number)
    assert (call.state, call.tries, {seen.key for seen in place.outside.seen}) == ("dead", 3, {call.id})
    assert await state(place, case) == ("lost", None)
    assert await told(place, case) == [f"寄件（{case.number}）的“下单”没有办成，请联系邮政，或换一种办法"]
    assert "寄递有 1 个调用多次失败" in (await place.connectors.check() or "")
    assert (await audited(place, case))[-1] == ("connector.failed", "TimeoutError", "")
    await place.connectors.redrive(place.office["负责人"], call.id)
    with pytest.raises(NotFoundError):
        await place.connectors.redrive(place.office["负责人"], call.id)
    assert await place.run() == 1
    # The case went its other way meanwhile: the number is kept, the state is not touched.
    assert await state(place, case) == ("lost", (await place.calls(case.number))[0].number)
    assert [row[0] for row in await audited(place, case)][-2:] == ["connector.redrive", "connector.answered"]


async def test_a_refusal_is_not_asked_again(place: Town) -> None:
    case = await sent(place)
    place.outside.next = [RefusedError("no such street")]
    assert await place.run() == 1
    [call] = await place.calls(case.number)
    assert (call.state, call.tries, call.error) == ("dead", 1, "RefusedError")
    assert (await state(place, case))[0] == "lost"
    assert "no such street" not in repr(await place.office.fetch("SELECT * FROM tb_connector_call"))


async def test_an_answer_the_row_refuses_waits_for_a_person_and_is_not_asked_for_again(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await sent(place)
    place.outside.next = [{"no": f"YZ{'9' * 300}"}]
    await place.run()
    [call] = await place.calls(case.number)
    assert (call.state, call.error, call.answer is None) == ("dead", "INVALID_INPUT", False)
    assert await state(place, case) == ("sending", None)
    await place.connectors.redrive(place.office["负责人"], call.id)
    await place.run()
    assert len(place.outside.seen) == 1


async def test_one_dead_system_delays_nobody_else(place: Town) -> None:
    dead = [await place.office.report("马大妈", "sent") for _ in range(FAILURES_MAX + 2)]
    for case in dead:
        await place.office.act("派遣员", case, "tell")
    outside, sending = place.outside, place.connectors.sending
    connector = place.office.host.generation.world.plugins["works"].connectors["dead"]
    stuck = asyncio.Event()

    class Silent:
        async def call(self, call: Any) -> dict[str, Any]:
            stuck.set()
            await asyncio.Event().wait()
            return {}

    sending.adapters.specs = {"works.post": "x:Y", "works.dead": "x:Y"}
    sending.adapters._made["works.dead"] = (connector, Silent())
    try:
        await sending._look()
        await stuck.wait()
        case = await sent(place)
        await sending._look()
        await asyncio.wait_for(sending._lanes["works.post"], 5)
        assert (await place.calls(case.number))[0].state == "answered"
        assert len(outside.seen) == 1
    finally:
        await sending.stop()
    # The claims of who was stopped lapse; the system answers nobody: after so many failures it is asked one by one.
    await place.office.fetch("SELECT 1")
    async with place.office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_connector_call SET claim = NULL, claimed_until = NULL", [])
    sending.adapters._made["works.dead"] = (connector, outside)
    outside.away = True
    await place.run()
    assert sending.breakers["works.dead"].is_open(utc_now())
    assert "老系统没有答复" in (await place.connectors.check() or "")
    outside.seen.clear()
    async with place.office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_connector_call SET at = created_at WHERE state = 'waiting'", [])
    assert await sending.turn() == 0
    assert outside.seen == []
    now = utc_now() + OPEN_FOR + timedelta(seconds=1)
    sending.clock = lambda: now
    assert await sending.turn() == 1
    outside.away = False
    now += OPEN_FOR * 2
    assert await sending.turn() == 1
    assert not sending.breakers["works.dead"].is_probing
    await place.run()
    sending.clock = utc_now
    assert {call.state for case in dead for call in await place.calls(case.number)} == {"answered"}


async def test_without_anybody_to_speak_for_it_a_call_waits(place: Town) -> None:
    adapters = place.connectors.adapters
    specs, adapters.specs = adapters.specs, {}
    try:
        case = await sent(place)
        assert await place.run() == 0
        assert "寄递没有接通，1 个调用在等（TONGBAN_CONNECTORS）" in (await place.connectors.check() or "")
    finally:
        adapters.specs = specs
    assert await place.run() == 1
    assert (await place.calls(case.number))[0].state == "answered"


async def test_two_workers_make_a_call_once(place: Town) -> None:
    cases = [await sent(place) for _ in range(4)]
    await asyncio.gather(*(place.connectors.sending.turn() for _ in range(3)))
    await place.run()
    assert len(place.outside.seen) == len(cases)


async def test_a_message_opens_a_case_once(place: Town) -> None:
    at = {"lng": 105.6, "lat": 36.5, "crs": "CGCS2000"}
    message: dict[str, Any] = {"id": "R1", "kind": "cover", "area": VILLAGE, "words": "井盖碎了", "at": at}
    first = await place.post("report", **message)
    again = await place.post("report", **message)
    assert (first.is_repeated, again.is_repeated, again.case_number) == (False, True, first.case_number)
    case = await place.office.cases.get(place.office["派遣员"], first.case_number)
    assert (case.division, case.channel, case.service, case.applicant) == (VILLAGE, "system", "works.sent", None)
    with pytest.raises(ConflictError, match="内容不同"):
        await place.post("report", **{**message, "words": "别的"})
    found = await asyncio.gather(*(place.post("report", **{**message, "id": "R2"}) for _ in range(8)))
    assert len({taken.case_number for taken in found}) == 1
    assert sorted(taken.is_repeated for taken in found) == [False] + [True] * 7
    assert "井盖碎了" not in repr(await place.office.fetch("SELECT * FROM tb_connector_message"))


@pytest.mark.parametrize(
    ("message", "error", "paths"),
    [
        ({"kind": "cover", "area": VILLAGE}, InvalidInputError, [("id",)]),
        ({"id": "B1", "kind": "dog", "area": 5}, InvalidInputError, [("area",), ("kind",)]),
        ({"id": "B1", "kind": "tree", "area": VILLAGE}, InvalidInputError, [("kind",)]),
        ({"id": "B1", "kind": "cover", "area": "999999999999"}, InvalidInputError, [("area",)]),
        ({"id": "B1", "kind": "cat", "area": VILLAGE, "words": "x" * 201}, InvalidInputError, [("kind",), ("words",)]),
        ({"id": "B" * 201, "kind": "cover", "area": VILLAGE}, InvalidInputError, [("id",)]),
        ([1], InvalidInputError, [()]),
    ],
)
async def test_a_bad_message_leaves_nothing(place: Town, message: Any, error: type[RequestError], paths: Any) -> None:
    before = await place.office.count("tb_case", "works_report", "tb_connector_message")
    with pytest.raises(error) as refused:
        await place.connectors.receiving.receive("works.post", "report", place.signed("report", message))
    assert sorted(problem.path for problem in getattr(refused.value, "problems", ())) == paths
    assert await place.office.count("tb_case", "works_report", "tb_connector_message") == before


async def test_a_message_goes_on_with_the_case_it_names(place: Town) -> None:
    case = await sent(place)
    with pytest.raises(NotFoundError):
        await place.post("news", id="N0", no="YZ?", status="delivered")
    await place.run()
    number = (await place.calls(case.number))[0].number
    heard = await place.post("news", id="N1", no=number, status="moving")
    assert (heard.is_taken, heard.case_number) == (False, case.number)
    assert (await state(place, case))[0] == "sending"
    taken = await place.post("news", id="N2", no=number, status="delivered")
    assert taken.is_taken
    assert await state(place, case) == ("closed", number)
    before = await place.office.count("tb_connector_message")
    with pytest.raises(ConflictError, match="办件现在是“办结”"):
        await place.post("news", id="N3", no=number, status="lost")
    assert await place.office.count("tb_connector_message") == before
    assert (await place.post("news", id="N2", no=number, status="delivered")).is_repeated
    trail = await place.office.cases.trail(place.office["派遣员"], case.number)
    assert [entry.action for entry in trail] == ["submit", "send", "connector", "arrive"]


async def test_a_message_fills_in_what_it_brings(place: Town) -> None:
    opened = await place.post("report", id="F1", kind="lamp", area=TOWN)
    await place.post("fixed", id="F2", no="F1", words="修好了")
    [row] = await place.office.fetch(f"SELECT state, result FROM works_report WHERE case_no = '{opened.case_number}'")
    assert row == ("closed", "修好了")


async def test_who_does_not_sign_as_agreed_is_told_nothing(place: Town) -> None:
    good = place.signed("report", {"id": "S1", "kind": "cover", "area": VILLAGE})
    old = {**good.headers, signing.AT: str(int(good.headers[signing.AT]) - signing.SKEW_S - 5)}
    bad = [
        replace(good, body=good.body + b" "), replace(good, path="/connectors/works.post/news"),
        replace(good, headers={}), replace(good, headers=old), place.signed("report", {}, "x" * 40),
        place.signed("report", {}, "short"), replace(good, headers={**good.headers, signing.NONCE: "n" * 70}),
    ]  # fmt: skip
    receive = place.connectors.receiving.receive
    said = set()
    for request in bad:
        with pytest.raises(NotAuthenticatedError) as refused:
            await receive("works.post", "report", request)
        said.add((refused.value.message, refused.value.hint))
    for key in ("works.none", "works.dead", "'; --"):
        with pytest.raises(NotAuthenticatedError) as refused:
            await receive(key, "report", good)
        said.add((refused.value.message, refused.value.hint))
    assert len(said) == 1
    assert not (await receive("works.post", "report", good)).is_repeated
    with pytest.raises(NotAuthenticatedError):
        await receive("works.post", "report", good)
    # The key that is being replaced is good as well.
    assert (
        await receive(
            "works.post", "report", place.signed("report", {"id": "S1", "kind": "cover", "area": VILLAGE}, "o" * 40)
        )
    ).is_repeated
    with pytest.raises(NotFoundError):
        await receive("works.post", "order", place.signed("order", {}))
    lines = await place.office.fetch(
        "SELECT count(*) FROM tb_audit WHERE action = 'connector.receive' AND result = 'NOT_AUTHENTICATED'"
    )
    assert lines[0][0] == len(bad) + 4


async def test_an_application_that_is_off_takes_nothing_and_loses_nothing(place: Town) -> None:
    case, registry = await sent(place), place.office.host.registry
    await registry.set_state("works", "off", VILLAGE)
    try:
        with pytest.raises(UnavailableError):
            await place.post("report", id="O1", kind="cover", area=VILLAGE)
        assert await place.run() == 1
        [call] = await place.calls(case.number)
        assert (call.state, call.tries, place.outside.seen) == ("waiting", 0, [])
    finally:
        await registry.set_state("works", "on", VILLAGE)
    await place.hurry()
    await place.run()
    assert (await place.calls(case.number))[0].state == "answered"
    assert not (await place.post("report", id="O1", kind="cover", area=VILLAGE)).is_repeated


async def test_python_of_a_plugin_asks_too(place: Town) -> None:
    offers, actor = place.connectors.offers(), replace(place.office["派遣员"], id="plugin:works", kind="system")
    asked = {"connector": "works.post", "operation": "ask", "values": {"weight": 1}, "key": "job 7"}
    twice = await asyncio.gather(*(call_offer(offers, actor, "connectors.call", asked) for _ in range(3)))
    assert await place.office.fetch("SELECT count(*) FROM tb_connector_call WHERE operation = 'ask'") == [(1,)]
    with pytest.raises(ConflictError):
        await call_offer(offers, actor, "connectors.call", {**asked, "values": {"weight": 2}})
    id = (await call_offer(offers, actor, "connectors.call", asked))["id"]
    assert [made["id"] for made in twice] == [id] * 3
    assert await call_offer(offers, actor, "connectors.answer", {"id": id}) == {"state": "waiting", "answer": None}
    place.outside.next = [{"fee": 5}]
    await place.run()
    answered = {"state": "answered", "answer": {"fee": 5}}
    assert await call_offer(offers, actor, "connectors.answer", {"id": id}) == answered
    with pytest.raises(InvalidInputError):
        await call_offer(offers, actor, "connectors.call", {**asked, "values": {}})
    for stranger in ("plugin:core", "acc-1"):
        with pytest.raises(RequestError):
            await call_offer(offers, replace(actor, id=stranger), "connectors.answer", {"id": id})


async def test_what_is_over_for_long_is_swept(place: Town) -> None:
    before = await place.office.count("tb_connector_call", "tb_connector_nonce", "tb_connector_message")
    await sweep_rows(place.office.host.database, utc_now() + timedelta(days=2))
    after = await place.office.count("tb_connector_call", "tb_connector_nonce", "tb_connector_message")
    assert (after[0], after[1], after[2]) == (before[0], 0, before[2])
    await sweep_rows(place.office.host.database, utc_now() + timedelta(days=181))
    assert await place.office.count("tb_connector_call") == [0]
