"""A certificate of residence: issued in the step, printed after it, genuine for whoever verifies it."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from tongban_sdk.errors import ConflictError, InvalidInputError, NotFoundError, UnreadableError

from core.documents import documents as room
from core.documents.rows import in_groups
from core.documents.seals import Seal, Seals
from core.documents.wording import printed
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.jobs.queue import NewJob
from core.plugins.work import OWN_JOBS
from tests.documents.conftest import Registry


@contextmanager
def first_page(pdf: bytes) -> Iterator[Any]:
    """As Chrome's reader sees it."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        yield document[0]
    finally:
        document.close()


def text_of(pdf: bytes) -> str:
    with first_page(pdf) as page:
        return "".join(page.get_textpage().get_text_range().split())


def qr_of(pdf: bytes) -> str:
    with first_page(pdf) as page:
        (code,) = zxingcpp.read_barcodes(page.render(scale=2).to_pil())
    return str(code.text)


async def is_signed(pdf: bytes, certificate: str) -> bool:
    """What any reader of PDFs asks."""
    der = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)
    trust = ValidationContext(trust_roots=[Certificate.load(der)], allow_fetching=False)
    try:
        (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        return bool((await async_validate_pdf_signature(signature, trust)).bottom_line)
    except (PdfReadError, ValueError):
        return False


async def test_the_facts_agree_so_it_is_issued_by_itself(office: Registry) -> None:
    document = await office.issue()
    today = china_day(utc_now())
    assert (document.status, document.title, document.unit) == ("issued", "居住证明", "县市政局")
    assert document.number == f"{document.case_number}-1"
    assert document.issued_on == today
    assert document.valid_to is not None
    code, pdf = office.code(document), await office.bytes_of(document)
    text = text_of(pdf)
    said = (
        f"兹证明马大妈（男性，1980年5月1日出生）居住在本县，用于入学；类别：路灯。办件{document.case_number}，"
        f"{printed(today)}出具，有效期至{printed(document.valid_to)}，验证码{in_groups(code)}。县市政局"
    )
    assert said in text
    assert text.startswith(f"居住证明编号：{document.number}")
    assert qr_of(pdf) == f"http://localhost:8000/verify/{code}"
    assert len(pdf) < 60_000
    ((paper, state),) = await office.fetch("SELECT paper, state FROM works_report")
    assert (str(paper), state) == (document.file, "done")
    seen = await office.cases.get(office["马大妈"], document.case_number)
    assert (seen.phase, seen.outcome) == ("done", "done")


async def test_the_facts_do_not_agree_so_a_person_issues_it(office: Registry) -> None:
    case = await office.report("马大妈", "proof", kind="cover", note="入学")
    assert await office.of(case) == []
    await office.act("派遣员", case, "issue")
    (waiting,) = await office.of(case)
    assert (waiting.status, waiting.file, waiting.signature) == ("waiting", None, None)
    with pytest.raises(NotFoundError):
        await office.documents.verify(office.code(waiting))
    await office.host.registry.jobs.run_all()
    (issued,) = await office.of(case)
    assert issued.status == "issued"
    lines = await office.fetch(
        "SELECT actor, action FROM tb_audit WHERE action LIKE 'document.%' OR action LIKE 'seal.%' ORDER BY at, number"
    )
    assert lines == [
        (office["派遣员"].id, "document.issue"), ("plugin:core", "seal.make"), ("plugin:core", "seal.use"),
    ]  # fmt: skip


async def test_whoever_holds_it_sees_that_it_is_genuine_and_no_more(office: Registry) -> None:
    document = await office.issue()
    code, pdf = office.code(document), await office.bytes_of(document)
    verdict = await office.documents.verify(f" {in_groups(code).lower()} ")
    (seal,) = await office.documents.seals.all()
    assert (verdict.state, verdict.holder, verdict.number) == ("valid", "马**", document.number)
    assert (verdict.title, verdict.unit, verdict.seal) == ("居住证明", "县市政局", seal.serial)
    assert (verdict.issued_on, verdict.valid_to) == (document.issued_on, document.valid_to)
    assert await office.documents.verify_file(hashlib.sha256(pdf).hexdigest()) == verdict
    assert await is_signed(pdf, seal.certificate)
    for wrong in ("", "x" * 5000, code[:-1], code[:-1] + ("2" if code[-1] != "2" else "3")):
        with pytest.raises(NotFoundError):
            await office.documents.verify(wrong)


async def test_a_file_changed_anywhere_is_not_genuine(office: Registry) -> None:
    document = await office.issue()
    pdf, (seal,) = await office.bytes_of(document), await office.documents.seals.all()
    for at in range(20, len(pdf) - 8, len(pdf) // 8):
        changed = bytearray(pdf)
        changed[at] ^= 1
        with pytest.raises(NotFoundError):
            await office.documents.verify_file(hashlib.sha256(changed).hexdigest())
        assert not await is_signed(bytes(changed), seal.certificate), at


async def test_a_row_changed_in_the_database_is_found_out(office: Registry) -> None:
    document = await office.issue()
    code = office.code(document)
    forged = {"unit": "某公司", "valid_to": "2099-01-01", "holder": document.id, "title": "结婚证"}
    for column, value in forged.items():
        await put(office, column, value)
        with pytest.raises(UnreadableError):
            await office.documents.verify(code)
        await put(office, column, getattr(document, column))
        assert (await office.documents.verify(code)).state == "valid"


async def put(office: Registry, column: str, value: object) -> None:
    async with office.host.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_document SET {column} = '{value}'")


async def test_revoked_and_expired_are_said(office: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    document = await office.issue()
    code = office.code(document)
    assert document.valid_to is not None
    end = utc_now() + (document.valid_to - document.issued_on)
    monkeypatch.setattr(room, "utc_now", lambda: end)
    assert (await office.documents.verify(code)).state == "valid"
    monkeypatch.setattr(room, "utc_now", lambda: end + timedelta(days=1))
    assert (await office.documents.verify(code)).state == "expired"
    with pytest.raises(InvalidInputError):
        await office.documents.revoke(office["派遣员"], document.number, " ")
    assert (await office.documents.get(document.number)).status == "issued"
    gone = await office.documents.revoke(office["派遣员"], document.number, "信息有误")
    assert (gone.status, gone.revoked_by) == ("revoked", office["派遣员"].id)
    assert "信息有误" not in str(gone)
    assert (await office.documents.verify(code)).state == "revoked"
    with pytest.raises(ConflictError):
        await office.documents.revoke(office["派遣员"], document.number, "再撤一次")


async def test_no_paper_has_a_hole(office: Registry) -> None:
    case = await office.report("马大妈", "proof", kind="cover", note=None)
    with pytest.raises(InvalidInputError) as refused:
        await office.act("派遣员", case, "issue")
    assert [(p.path, p.id) for p in refused.value.problems] == [(("values", "note"), "document.empty")]
    assert "情况还没有填写" in refused.value.message
    assert (await office.cases.get(office["派遣员"], case.number)).state == "checking"
    assert await office.count("tb_document", "tb_job") == [0, 0]


async def test_a_letter_the_font_lacks_waits_and_holds_up_nobody(office: Registry) -> None:
    rare = await office.report("马大妈", "proof", kind="lamp", note="𠮷")
    document = await office.issue()
    (waiting,) = await office.of(rare)
    assert (waiting.status, waiting.trouble) == ("waiting", "MissingGlyphError")
    assert document.status == "issued"


async def test_printed_twice_is_printed_once(office: Registry) -> None:
    document = await office.issue()
    before = await office.count("core_file", "tb_content", "tb_history", "tb_audit")
    async with office.host.database.transaction() as tx:
        await tx.execute("UPDATE tb_document SET status = 'waiting'")
    plan = office.host.registry.jobs
    await plan.queue.add([NewJob(plugin_id="core", name=room.PRINT_JOB)])
    await plan.run_all()
    again = await office.documents.get(document.number)
    assert (again.status, again.file, again.digest) == ("issued", document.file, document.digest)
    assert (await office.count("core_file", "tb_content", "tb_audit"))[:2] == before[:2]


async def test_two_printers_print_it_once(office: Registry) -> None:
    case = await office.report("马大妈", "proof", kind="lamp", note="入学")
    printing = OWN_JOBS[room.PRINT_JOB]
    await asyncio.gather(*(printing(office.host.generation) for _ in range(2)))
    (document,) = await office.of(case)
    assert (document.status, document.trouble) == ("issued", None)
    assert await office.count("core_file", "tb_content", "tb_seal") == [1, 1, 1]
    assert (await office.documents.verify(office.code(document))).state == "valid"


async def test_a_seal_made_since_one_looked_is_the_units_seal(
    office: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    seals, actor = office.documents.seals, office["派遣员"]
    made = await seals.make(actor, "91640522MA75XXXX0X", "某单位")
    newest, answers = Seals._newest, [None]

    async def stale_once(self: Seals, uscc: str) -> Seal | None:
        return answers.pop() if answers else await newest(self, uscc)

    monkeypatch.setattr(Seals, "_newest", stale_once)
    assert (await seals.of(actor, made.uscc, made.unit)).id == made.id
    assert await office.count("tb_seal") == [1]


async def test_a_stopped_seal_seals_nothing_until_there_is_a_new_one(office: Registry) -> None:
    first = await office.issue()
    seals = office.documents.seals
    (seal,) = await seals.all()
    await seals.stop(office["派遣员"], seal.id)
    second = await office.issue()
    assert (second.status, second.trouble) == ("waiting", "SealStoppedError")
    assert (await office.documents.verify(office.code(first))).state == "valid"
    new = await seals.make(office["派遣员"], seal.uscc, seal.unit)
    assert (new.number, new.serial != seal.serial) == (2, True)
    third = await office.issue()
    assert (third.status, third.seal) == ("issued", new.id)
    assert (await office.documents.get(second.number)).seal == new.id
    assert "PRIVATE" not in str(await office.fetch("SELECT * FROM tb_seal"))


def test_values_as_they_stand_on_paper() -> None:
    cases: list[tuple[Any, str]] = [(True, "是"), (False, "否"), (date(2026, 1, 9), "2026年1月9日"), (3, "3")]
    assert [printed(value) for value, _ in cases] == [text for _, text in cases]
