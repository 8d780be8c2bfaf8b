"""A good licence fills in a form, with its name and masked number; revoked, expired and others' ones do not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tongban_sdk.actor import Actor

from core.documents.held import held_in
from core.forms.prefill import Prefilled, prefill
from tests.cases.conftest import COUNTY, opened
from tests.cases.folders import FORM, REPORT
from tests.documents.conftest import DOCUMENTS, Registry, proof_files

FIELDS = "  paper: {type: string, title: 证明编号, max: 60}\n  until: {type: date, title: 证明有效期}\n  note:"
ASKING = FORM.replace("[kind, note, grid, unit, at]", "[kind, note, grid, unit, at, paper, until]") + (
    "ui:\n  paper: {prefill: licence.residence_certificate.number}\n"
    "  until: {prefill: licence.residence_certificate.valid_to}\n"
    "  note: {prefill: licence.other_paper.unit}\n"
)


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Registry]:
    files = proof_files() | {
        "documents": DOCUMENTS.replace("    file_field: paper\n", ""),
        "entities__report": REPORT.replace("  note:", FIELDS),
        "forms__report": ASKING,
    }
    place = (f"sqlite:///{tmp_path / 'test.sqlite3'}", None)
    async with opened(place, tmp_path, monkeypatch, **files) as host:
        office = Registry(host.host)
        for name in ("马大妈", "王大爷"):
            await office.citizen(name)
        await office.member("窗口", "works_desk", COUNTY)
        yield office


async def known(office: Registry, actor: Actor, **more: str | None) -> dict[str, Prefilled]:
    generation = office.host.generation
    service = generation.world.plugins["works"].services["repair"][-1]
    database, held = office.host.database, held_in(office.host.wallet)
    return await prefill(generation, database, actor, service, licences=held, **more)


async def test_a_good_licence_fills_in_its_facts_and_no_other_does(office: Registry) -> None:
    assert await known(office, office["马大妈"]) == {}
    document = await office.issue()
    found, day = await known(office, office["马大妈"]), document.issued_on.isoformat()
    source = f"居住证明（****{document.number[-4:]}）"
    assert document.valid_to is not None
    assert found == {
        "paper": Prefilled(document.number, source, document.unit, day),
        "until": Prefilled(document.valid_to.isoformat(), source, document.unit, day),
    }
    assert await known(office, office["王大爷"]) == {}
    assert await known(office, office["王大爷"], person=office["马大妈"].person) == {}
    assert await known(office, office["窗口"], person=office["马大妈"].person) == {}
    # Who acts for her has what she has delegated.
    agent = replace(office["马大妈"], agent=office["王大爷"].person, scopes=("works",))
    assert (await known(office, agent))["paper"].value == document.number
    assert await known(office, replace(agent, scopes=("bureau",))) == {}


async def test_neither_expired_nor_revoked_nor_two_of_a_kind(office: Registry) -> None:
    document = await office.issue()
    second = await office.issue()
    assert await known(office, office["马大妈"]) == {}
    await office.documents.revoke(office["窗口"], second.number, "信息有误")
    assert (await known(office, office["马大妈"]))["paper"].value == document.number
    async with office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_document SET valid_to = '{date(2026, 1, 1)}' WHERE number = '{document.number}'")
    assert await known(office, office["马大妈"]) == {}
