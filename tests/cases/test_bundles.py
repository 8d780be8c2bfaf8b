"""一件事: the order of the parts, what a part that fails blocks, the clock of the whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import cast

import pytest

from core.cases import Case, bundles, filing
from core.cases.bundles import AGAIN
from core.expr.clock import china_day
from core.forms.view import FormView, form_of
from core.manifest.cases import Service
from core.manifest.model import World
from core.store.ids import uuid7
from tests.cases.conftest import Office, opened
from tests.cases.newborn import write_newborn
from tests.cases.test_turns import START, Now, now

__all__ = ["now"]
LONGEST = "最长一条路径：出生医学证明→户口登记→社会保障卡"


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Now
) -> AsyncIterator[Office]:
    write_newborn(tmp_path / "manifests")
    async with opened(database_place, tmp_path, monkeypatch) as office:
        await office.citizen("马大妈")
        await office.member("办证员", "bureau_clerk")
        yield office


async def born(office: Office, baby: str | None = "马小宝", consents: tuple[str, ...] = ("truth",)) -> Case:
    values = {"baby": baby, "bank": "农信社"} if baby else {"bank": "农信社"}
    case = await office.cases.submit(office["马大妈"], "newborn.birth", values, consents=consents)
    await office.cases.firing.run_all()
    return await office.cases.get(office["马大妈"], case.number)


async def parts(office: Office, case: Case) -> dict[str, Case]:
    return {part.child or "": part for part in await office.cases.children(office["马大妈"], case.number)}


async def do(office: Office, case: Case, child: str, action: str, reason: str = "") -> Case:
    """A step of one part by the clerk, and what follows; the whole as it then is."""
    await office.act("办证员", (await parts(office, case))[child], action, reason)
    await office.cases.firing.run_all()
    return await office.cases.get(office["马大妈"], case.number)


async def titles(office: Office, case: Case) -> list[str]:
    return [entry.title for entry in await office.cases.trail(office["马大妈"], case.number)]


async def test_the_parts_come_in_their_order_and_the_whole_is_done_with_the_last(office: Office) -> None:
    case = await born(office)
    assert (case.limit, case.phase) == ([14, "WD", "CN", LONGEST], "open")
    assert case.due_at is not None
    # A Sunday that is worked for the holiday that follows.
    assert china_day(case.due_at) == date(2026, 9, 20)
    assert list(await parts(office, case)) == ["certificate", "vaccine"]
    first = (await parts(office, case))["certificate"]
    assert (first.applicant, first.parent, first.service) == (office["马大妈"].person, case.id, "bureau.certificate")
    assert await office.fetch("SELECT DISTINCT baby, bank FROM bureau_paper") == [("马小宝", None)]
    case = await do(office, case, "certificate", "issue")
    assert list(await parts(office, case)) == ["certificate", "vaccine", "hukou"]
    # A result is there as soon as its part is done.
    assert (await office.cases.get(office["马大妈"], first.number)).outcome == "done"
    for child in ("hukou", "card", "medicare", "claim"):
        case = await do(office, case, child, "issue")
        assert case.phase == "open"
    case = await do(office, case, "vaccine", "issue")
    assert (case.phase, case.state, await office.count("tb_timer")) == ("done", "done", [0])
    found = await titles(office, case)
    assert (found.count("子办件已受理"), found.count("子办件已办完"), found[-1]) == (6, 6, "全部办完")
    # One rating for the whole.
    assert await office.fetch("SELECT number FROM tb_rating") == [(case.number,)]


async def test_a_part_that_fails_blocks_only_what_waits_for_it(office: Office) -> None:
    case = await do(office, await born(office), "certificate", "issue")
    case = await do(office, case, "hukou", "refuse", "不在本县落户")
    assert (case.phase, list(await parts(office, case))) == ("open", ["certificate", "vaccine", "hukou"])
    case = await do(office, case, "vaccine", "issue")
    assert (case.phase, list(await parts(office, case))) == ("done", ["certificate", "vaccine", "hukou"])


async def test_a_correction_of_a_part_stops_the_clock_of_the_whole(office: Office, now: Now) -> None:
    case = await do(office, await born(office), "certificate", "issue")
    case = await do(office, case, "hukou", "correct", "姓名用字不在字库")
    assert (case.phase, case.due_at) == ("paused", None)
    assert await office.cases.explain(office["马大妈"], case.number) == "因等待子办件，办理时限暂停计算"
    case = await do(office, case, "vaccine", "issue")
    assert case.phase == "paused"
    now.go(START + timedelta(days=7))
    part = (await parts(office, case))["hukou"]
    await office.act("马大妈", part, "supplement", baby="马晓宝")
    # The look at the whole comes later; it counts the moments of the part.
    now.go(START + timedelta(days=9))
    await office.cases.firing.run_all()
    case = await office.cases.get(office["马大妈"], case.number)
    assert case.due_at is not None
    assert (case.phase, china_day(case.due_at)) == ("open", date(2026, 9, 28))
    [pause] = await office.cases.pauses(office["马大妈"], case.number)
    assert (pause.from_at, pause.until_at) == (START, START + timedelta(days=7))


async def test_a_part_that_cannot_be_filed_is_told_and_hinders_no_other(office: Office) -> None:
    case = await born(office, baby=None)
    assert (case.phase, list(await parts(office, case))) == ("done", [])
    assert (await titles(office, case)).count("子办件没有受理") == 2
    rows = await office.fetch("SELECT facts FROM tb_case_step WHERE action = 'child_failed' ORDER BY seq")
    assert "input.required" in str(rows[0][0])
    assert await office.count("bureau_paper") == [0]


async def test_the_page_of_a_part_leads_to_the_whole_for_who_sees_it(office: Office) -> None:
    case = await born(office)
    part = next(iter((await parts(office, case)).values()))
    whole = await office.cases.parent(office["马大妈"], part.number)
    assert whole is not None
    assert whole.number == case.number
    # The clerk of one paper works on his part and does not see the whole, nor parts through it.
    assert await office.cases.parent(office["办证员"], part.number) is None
    assert await office.cases.parent(office["马大妈"], case.number) is None


async def test_a_delegate_sees_the_parts_his_delegation_covers(office: Office) -> None:
    case = await born(office)
    for scopes, count in ((("newborn",), 0), (("newborn", "bureau"), len(await parts(office, case)))):
        agent = replace(office["马大妈"], agent=uuid7(), scopes=scopes, roles=frozenset({"anonymous", "delegate"}))
        assert len(await office.cases.children(agent, case.number)) == count
    assert count > 0


async def test_a_statement_in_other_words_is_not_ticked(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def worded(world: World, item: Service) -> FormView:
        form = form_of(world, item)
        return replace(form, consents={"truth": "授权查询本人征信"}) if item.plugin_id == "bureau" else form

    for module in (bundles, filing):
        monkeypatch.setattr(module, "form_of", worded)
    case = await born(office)
    rows = await office.fetch("SELECT facts FROM tb_case_step WHERE action = 'child_failed' ORDER BY seq")
    facts = [json.loads(raw) if isinstance(raw, str) else raw for (raw,) in rows]
    assert facts
    assert {tuple(found["problems"]) for found in facts} == {("form.consent-missing",)}
    assert await parts(office, case) == {}


async def test_what_was_agreed_to_is_known_for_good(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, whatever the form says later; to nobody who only takes part."""
    case = await born(office)
    monkeypatch.setattr(office.cases.engine.definitions, "_words", {})
    texts = office.host.generation.world.plugins["newborn"].forms["birth"].consents
    monkeypatch.setitem(cast("dict[str, str]", texts), "truth", "别的话")
    submit = (await office.cases.trail(office["马大妈"], case.number))[0]
    assert (submit.action, submit.consents, submit.facts) == ("submit", ("所填属实",), None)
    assert await office.fetch("SELECT count(*) FROM tb_definition WHERE id LIKE 'words:%'") == [(1,)]


async def test_parts_of_an_application_that_is_off_wait_for_it(office: Office, now: Now) -> None:
    case = await do(office, await born(office), "certificate", "issue")
    part = (await parts(office, case))["hukou"]
    await office.act("办证员", part, "issue")
    await office.host.registry.set_state("bureau", "draining")
    await office.cases.firing.run_all()
    assert list(await parts(office, case)) == ["certificate", "vaccine", "hukou"]
    assert await office.count("tb_timer WHERE kind = 'bundle'") == [1]
    await office.host.registry.set_state("bureau", "on")
    now.go(START + AGAIN)
    await office.cases.firing.run_all()
    assert list(await parts(office, case)) == ["certificate", "vaccine", "hukou", "card", "medicare"]
