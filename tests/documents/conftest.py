"""An office whose plugin writes out certificates: by itself when the facts agree, by a person when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.cases import Case
from core.documents import Documents
from core.documents.rows import Content, Document
from tests.cases.conftest import COUNTY, Office, opened
from tests.cases.folders import REPORT, SERVICE

FILED = REPORT.replace(
    "  note:", "  paper: {type: file, title: 证明, max_bytes: 1000000, accept: [application/pdf]}\n  note:"
)
PROOF = """workflow: proof
version: 1
title: 证明
entity: report
mirror: state
start: checking
states:
  checking:
    title: 核验
    roles: [works_desk]
    auto: [{when: 'kind == "lamp"', action: issue}]
  done: {title: 已出具, end: done}
actions:
  issue: {title: 出具, from: [checking], to: done, roles: [system, works_desk], effects: [{document: residence}]}
"""
DOCUMENTS = """documents:
  residence:
    title: 居住证明
    entity: report
    paragraphs:
      - "兹证明{reporter.name}（{reporter.sex}，{reporter.birth_date}出生）居住在本县，用于{note}；类别：{kind}。"
      - "办件{case_no}，{issued_on}出具，有效期至{valid_to}，验证码{verify_code}。{unit}"
    file_field: paper
    licence: residence_certificate
    valid_for: {value: 6, unit: MON}
"""


class Registry(Office):
    """The office, and what it has written out."""

    @property
    def documents(self) -> Documents:
        return self.host.documents

    async def issue(self, who: str = "马大妈", **values: str) -> Document:
        """Filed, issued by itself, and printed."""
        case = await self.report(who, "proof", **{"kind": "lamp", "note": "入学", **values})
        await self.host.registry.jobs.run_all()
        # Where the host works itself, its own loop may be the one that prints.
        for _ in range(1200):
            (document,) = await self.of(case)
            if document.status != "waiting" or document.trouble:
                return document
            await asyncio.sleep(0.05)
        raise TimeoutError

    async def of(self, case: Case) -> list[Document]:
        return await self.documents.of_case(case.number)

    def code(self, document: Document) -> str:
        return Content.of(self.host.vault, document).code

    async def bytes_of(self, document: Document) -> bytes:
        assert document.file is not None
        stored = await self.host.contents.find(document.file, None)
        assert stored is not None
        with stored.open("rb") as file:
            return file.read()


def proof_files() -> dict[str, str]:
    """What the plugin of the cases' tests gets besides."""
    service = SERVICE.format(id="proof", title="开具证明", workflow="proof")
    return {"workflows__proof": PROOF, "services__proof": service, "documents": DOCUMENTS, "entities__report": FILED}


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def office(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Registry]:
    async with opened(database_place, tmp_path, monkeypatch, **proof_files()) as opened_office:
        office = Registry(opened_office.host)
        await office.citizen("马大妈")
        await office.member("派遣员", "works_desk", COUNTY)
        yield office
