"""What lies sealed goes on opened, or not at all; what is late, off or another's changes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from tongban_sdk.errors import ConflictError, NotAuthenticatedError, NotFoundError, RequestError, UnavailableError

from core.cases.handing import Handing
from core.cases.step import Step
from core.connectors import signing
from core.connectors.taking import Message, open_one
from core.connectors.wire import RefusedError
from core.expr import parse
from core.fields.sealed import is_sealed_text
from core.privacy.rows import Lying
from core.write.offers import call as call_offer
from tests.cases.conftest import VILLAGE
from tests.conftest import empty_place
from tests.connectors.town import Town, town

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("sealed")
    async with empty_place("sqlite", folder) as at, town(at, folder) as found:
        yield found


async def test_a_childs_values_reach_the_case_that_is_opened(place: Town) -> None:
    office = place.office
    case = await office.report("小明", "sent", story="摔伤了", score=7)
    await office.act("派遣员", case, "again")
    entity = office.host.generation.world.entities["works.report"]
    rows = await Lying(office.host.database, office.host.vault).rows(entity, "TRUE")
    assert [(row["story"], row["score"]) for row in rows] == [("摔伤了", 7)] * 2
    stored = await office.fetch("SELECT story, score_sealed FROM works_report")
    assert all(is_sealed_text(value) for row in stored for value in row)


async def test_what_cannot_be_opened_or_is_gone_is_not_handed_on(place: Town) -> None:
    office = place.office
    case = await office.report("小明", "sent", story="摔伤了")
    person = office["小明"].person
    async with office.host.database.transaction() as tx:
        step = await Step.begin(office.cases.engine, office.host.generation, tx, office["派遣员"], case, "send")
        assert await Handing(step).value(parse("reporter.name")) == "小明"
        await tx.execute(f"UPDATE core_person SET deleted_at = created_at WHERE id = '{person}'", [])
        assert await Handing(step).value(parse("reporter.name")) is None
        await tx.execute(f"UPDATE core_person SET deleted_at = NULL WHERE id = '{person}'", [])
        await tx.execute(f"UPDATE works_report SET story = 'tb1.x.y' WHERE id = '{case.row_id}'", [])
        with pytest.raises(ConflictError, match="经过打不开"):
            await Handing(step).value(parse("story"))


async def test_a_clock_that_is_ahead_is_refused_like_one_that_is_late(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for off, is_good in ((-signing.SKEW_S - 5, False), (signing.SKEW_S + 5, False), (signing.SKEW_S - 60, True)):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda off=off: now + off)
            request = place.signed("report", {"id": f"T{off}", "kind": "cover", "area": VILLAGE})
        if is_good:
            assert (await place.connectors.receiving.receive("works.post", "report", request)).is_taken
        else:
            with pytest.raises(NotAuthenticatedError):
                await place.connectors.receiving.receive("works.post", "report", request)


async def test_an_answer_to_an_application_that_went_off_is_kept_and_not_asked_for_again(place: Town) -> None:
    """While the application is away: an answer is taken up later, a refusal is for good, a row that is gone ends it."""
    office, registry, sending = place.office, place.office.host.registry, place.connectors.sending
    kept, refused = [await office.report("马大妈", "sent") for _ in range(2)]
    numbers = {}
    connector = office.host.generation.world.plugins["works"].connectors["post"]
    patient = replace(connector.operations["order"], timeout_s=30)
    connector = replace(connector, operations={"order": patient})
    for case in (kept, refused):
        await office.act("派遣员", case, "send")
    for case, said in ((kept, {"no": "YZ77"}), (refused, RefusedError("x"))):

        async def away(call: Any, said: Any = said) -> Any:
            await registry.set_state("works", "off", VILLAGE)
            if isinstance(said, Exception):
                raise said
            return said

        [call] = await place.calls(case.number)
        [row] = await claimed(place, call.id)
        try:
            await sending._make(connector, cast(Any, SimpleNamespace(call=away)), row)
        finally:
            await registry.set_state("works", "on", VILLAGE)
        [found] = await place.calls(case.number)
        numbers[case.number] = (found.state, found.error, found.tries)
    # Who refuses has answered: the system is not away.
    assert sending.breakers["works.post"].failures == 0
    assert list(numbers.values()) == [("waiting", "Unavailable", 0), ("dead", "RefusedError", 1)]
    place.outside.seen.clear()
    await place.hurry()
    await place.run()
    assert ((await place.calls(kept.number))[0].number, place.outside.seen) == ("YZ77", [])
    # Somebody who was too slow and lost his claim notes nothing.
    with pytest.raises(ConflictError):
        await sending.outcomes.put_off(row, row.at, 9, "late")
    # A row that is gone: the call is dead, and nobody is asked for ever.
    gone = await office.report("马大妈", "sent")
    await office.act("派遣员", gone, "send")
    async with office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE works_report SET deleted_at = created_at WHERE id = '{gone.row_id}'", [])
    await place.run()
    [call] = await place.calls(gone.number)
    assert (call.state, call.error, call.answer is None) == ("dead", "CONFLICT", False)


async def claimed(place: Town, id: str) -> list[Any]:
    async with place.office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_connector_call SET claim = 'me' WHERE id = '{id}'", [])
    return [call for call in await place.calls() if call.id == id]


async def test_python_of_a_plugin_gets_at_no_more_than_its_own(place: Town) -> None:
    offers, actor = place.connectors.offers(), replace(place.office["派遣员"], id="plugin:core", kind="system")
    asked = {"connector": "works.post", "operation": "ask", "values": {"weight": 1}, "key": "1"}
    with pytest.raises(NotFoundError, match="没有连接器"):
        await call_offer(offers, actor, "connectors.call", asked)
    case = await place.office.report("马大妈", "sent")
    await place.office.act("派遣员", case, "send")
    [call] = await place.calls(case.number)
    with pytest.raises(NotFoundError):
        await call_offer(offers, replace(actor, id="plugin:works"), "connectors.answer", {"id": call.id})


async def test_an_application_that_is_away_neither_sends_nor_takes(place: Town) -> None:
    office, effect = place.office, place.connectors._calls.effect
    case = await office.report("马大妈", "sent")
    operation = office.host.generation.world.plugins["works"].connectors["post"].operations["report"]
    opening = replace(cast(Any, operation.opening), services={"cover": "gone.repair"})
    connector = office.host.generation.world.plugins["works"].connectors["post"]
    message = Message(
        connector, replace(operation, opening=opening), {"kind": "cover", "area": VILLAGE}, office["派遣员"]
    )
    async with office.host.database.transaction() as tx:
        step = await Step.begin(office.cases.engine, office.host.generation, tx, office["派遣员"], case, "send")
        for key, error in (("gone.post", UnavailableError), ("works.gone", ConflictError)):
            with pytest.raises(error) as refused:
                await effect(tx, step, {"connector": key, "operation": "order", "values": {}})
            assert isinstance(refused.value, RequestError)
        with pytest.raises(UnavailableError, match="没有启用"):
            await open_one(office.cases.engine, tx, message, case.id)
