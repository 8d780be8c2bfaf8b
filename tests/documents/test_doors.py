"""The verification page and the API, as strangers, the applicant and staff come to them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from graphql import parse, validate
from starlette.testclient import TestClient
from tongban_sdk import Actor

from core.api.execution import core_schema
from core.documents.rows import Document, in_groups
from core.fields.times import utc_now
from core.plugins import discovery
from core.settings import ROOT
from core.store.case_tables import CASE_PARTY
from core.store.database import Insert
from core.store.ids import uuid7
from tests.api.servers import ADMIN, Server, running
from tests.cases.conftest import COUNTY
from tests.cases.folders import write_works
from tests.documents.conftest import Registry, proof_files

VERIFY = "query($code: String!) { verifyDocument(code: $code) { validity title number unit holder } }"
VERIFY_FILE = "query($sha256: String!) { verifyDocumentFile(sha256: $sha256) { validity number } }"
OF_CASE = "query($number: ID!) { caseDocuments(number: $number) { number title status file } }"
REVOKE = "mutation($number: ID!, $reason: String!) { revokeDocument(number: $number, reason: $reason) { status } }"


OWN = (
    "verify_document", "verify_document_file", "case_documents", "revoke_document", "my_licences", "my_licence_grants",
    "granted_licences", "show_licence", "scan_licence", "authorise_licence", "end_licence_grant", "use_licence",
    "seals", "stop_seal", "replace_seal", "stuck_documents", "reprint_document",
)  # fmt: skip


def operation(name: str) -> str:
    return (ROOT / "graphql" / "operations" / f"{name}.graphql").read_text("utf-8")


@dataclass
class Place:
    server: Server
    office: Registry

    @property
    def client(self) -> TestClient:
        return self.server.client

    def do(self, function: Any, *args: Any) -> Any:
        portal = self.client.portal
        assert portal is not None
        return portal.call(function, *args)

    def issue(self) -> tuple[Document, str, bytes]:
        document = self.do(self.office.issue)
        return document, self.office.code(document), self.do(self.office.bytes_of, document)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "IN_TREE", ROOT / "manifests" / "core")
        write_works(folder / "manifests", **proof_files())
        with running(folder, manifests=(folder / "manifests",)) as server:
            place = Place(server, Registry(server.app.doors.host))
            place.do(place.office.citizen, "马大妈")
            place.do(place.office.member, "派遣员", "works_desk", COUNTY)
            yield place


@pytest.fixture(scope="module")
def issued(place: Place) -> tuple[Document, str, bytes]:
    return place.issue()


def test_the_page_says_that_it_is_valid_and_no_name(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, code, _ = issued
    for address in (f"/verify/{code}", f"/verify?code={in_groups(code).lower()}"):
        answer = place.client.get(address)
        assert answer.status_code == 200
        assert '<p class="state">有效</p>' in answer.text
        assert all(said in answer.text for said in ("居住证明", document.number, "县市政局", "马**"))
        assert "马大妈" not in answer.text
        assert "script" not in answer.headers["content-security-policy"]
        assert "<script" not in answer.text


def test_the_page_asks_for_a_code_and_says_what_it_does_not_know(place: Place) -> None:
    assert 'class="state"' not in place.client.get("/verify").text
    for address in ("/verify/0000-0000", "/verify/" + "0" * 20, "/verify?code=<script>alert(1)</script>"):
        answer = place.client.get(address)
        assert (answer.status_code, "查不到这份文书" in answer.text) == (404, True)
        assert "<script" not in answer.text


def test_a_file_is_compared_and_not_kept(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, _, pdf = issued
    folder = place.server.app.doors.files.contents.folder
    before = sorted(folder.rglob("*"))
    genuine = place.client.post("/verify", files={"file": ("a.pdf", pdf)})
    assert (genuine.status_code, document.number in genuine.text) == (200, True)
    forged = place.client.post("/verify", files={"file": ("a.pdf", pdf + b"\n")})
    assert (forged.status_code, document.number in forged.text) == (404, False)
    assert place.client.post("/verify", files={"file": ("a.pdf", b"")}).status_code == 400
    assert place.client.post("/verify", content=b"x").status_code == 415
    huge = place.client.post("/verify", files={"file": ("a.pdf", b"0" * (10 * 1024 * 1024 + 1))})
    assert huge.status_code == 413
    assert sorted(folder.rglob("*")) == before


def test_anybody_verifies_through_the_api(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, code, pdf = issued
    assert place.server.data(VERIFY, code=code)["verifyDocument"] == {
        "validity": "VALID", "title": "居住证明", "number": document.number, "unit": "县市政局", "holder": "马**",
    }  # fmt: skip
    found = place.server.data(VERIFY_FILE, sha256=hashlib.sha256(pdf).hexdigest().upper())
    assert found["verifyDocumentFile"] == {"validity": "VALID", "number": document.number}
    assert place.server.code(VERIFY, code=code[::-1]) == "NOT_FOUND"
    assert place.server.code(VERIFY_FILE, sha256="") == "NOT_FOUND"


def test_the_applicant_gets_it_and_others_do_not(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, _, pdf = issued
    applicant, number = place.office["马大妈"], document.case_number
    (found,) = place.server.data(OF_CASE, applicant, number=number)["caseDocuments"]
    assert found == {
        "number": document.number, "title": "居住证明", "status": "ISSUED", "file": document.file,
    }  # fmt: skip
    got = place.client.get(f"/files/{document.file}", headers=place.server.headers(applicant))
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, pdf, "application/pdf")
    stranger = place.do(place.office.citizen, "王大爷")
    assert place.server.code(OF_CASE, stranger, number=number) == "NOT_FOUND"
    assert place.client.get(f"/files/{document.file}", headers=place.server.headers(stranger)).status_code == 404
    assert place.client.get(f"/files/{document.file}").status_code == 404


def test_who_joined_a_case_sees_it_and_none_of_its_documents(place: Place) -> None:
    document, _, _ = place.issue()
    number, reporter = document.case_number, place.do(place.office.citizen, "李大姐")
    case = place.do(place.office.cases.get, place.office["马大妈"], number)
    party = {"id": uuid7(), "case_id": case.id, "kind": "reporter", "person": reporter.person, "row_id": case.row_id}
    place.do(join, place.office, {**party, "joined_at": utc_now()})
    assert place.server.data(OF_CASE, reporter, number=number)["caseDocuments"] == []


async def join(office: Registry, party: dict[str, Any]) -> None:
    async with office.host.database.transaction() as tx:
        await tx.insert([Insert(CASE_PARTY, party)])


def test_staff_who_may_write_it_revoke_it(place: Place) -> None:
    document, code, _ = place.issue()
    asked: dict[str, Any] = {"number": document.number, "reason": "信息有误"}
    assert place.server.code(REVOKE, place.office["马大妈"], **asked) == "PERMISSION_DENIED"
    assert place.server.code(REVOKE, **asked) == "NOT_FOUND"
    assert "有效</p>" in place.client.get(f"/verify/{code}").text
    assert place.server.data(REVOKE, place.office["派遣员"], **asked)["revokeDocument"] == {"status": "REVOKED"}
    page = place.client.get(f"/verify/{code}").text
    assert '<p class="state">已撤销，不能再用</p>' in page
    assert "信息有误" not in page
    assert "<dt>有效期</dt>" not in page
    assert "<dt>撤销时间</dt>" in page


def test_every_field_has_a_document_that_fits(place: Place) -> None:
    schema = core_schema(place.office.host.generation)
    for name in OWN:
        assert validate(schema, parse(operation(name))) == [], name


def test_a_licence_from_the_wallet_to_the_counter(place: Place, issued: tuple[Document, str, bytes]) -> None:
    number, holder, clerk = issued[0].number, place.office["马大妈"], place.office["派遣员"]
    (licence,) = [d for d in place.server.data(operation("my_licences"), holder)["myLicences"] if d["number"] == number]
    assert (licence["licenceType"], licence["validity"]) == ("residence_certificate", "VALID")
    shown = place.server.data(operation("show_licence"), holder, number=number)["showLicence"]
    seen = place.server.data(operation("scan_licence"), clerk, code=shown["code"])["scanLicence"]
    assert seen["licence"] == licence
    assert seen["paragraphs"][0].startswith("兹证明马大妈")
    assert place.server.code(operation("scan_licence"), clerk, code=shown["code"]) == "NOT_FOUND"
    until = (utc_now() + timedelta(days=1)).isoformat()
    asked: dict[str, Any] = {"number": number, "unit": clerk.org, "purpose": "入学", "until": until}
    grant = place.server.data(operation("authorise_licence"), holder, **asked)["authoriseLicence"]["id"]
    (given,) = place.server.data(operation("granted_licences"), clerk)["grantedLicences"]
    assert (given["id"], given["purpose"]) == (grant, "入学")
    assert place.server.data(operation("use_licence"), clerk, id=grant)["useLicence"]["licence"] == licence
    place.server.data(operation("end_licence_grant"), holder, id=grant)
    assert place.server.code(operation("use_licence"), clerk, id=grant) == "NOT_FOUND"
    assert place.server.code(operation("my_licences")) == "NOT_AUTHENTICATED"


def test_the_security_administrator_keeps_the_seals(place: Place, issued: tuple[Document, str, bytes]) -> None:
    keeper = Actor("sec", "admin", roles=frozenset({"anonymous", "security_admin"}))
    (seal,) = place.server.data(operation("seals"), keeper)["seals"]
    assert (seal["unit"], seal["number"], seal["stoppedAt"]) == ("县市政局", 1, None)
    for actor in (place.office["派遣员"], place.office["马大妈"]):
        assert place.server.code(operation("seals"), actor) == "PERMISSION_DENIED"
        assert place.server.code(operation("stop_seal"), actor, id=seal["id"]) == "PERMISSION_DENIED"
        assert place.server.code(operation("replace_seal"), actor, id=seal["id"]) == "PERMISSION_DENIED"
    assert place.server.code(operation("stop_seal"), keeper, id="x") == "NOT_FOUND"
    assert place.server.data(operation("stop_seal"), keeper, id=seal["id"])["stopSeal"]["stoppedAt"] is not None
    new = place.server.data(operation("replace_seal"), keeper, id=seal["id"])["replaceSeal"]
    assert (new["unit"], new["number"], new["serial"] != seal["serial"]) == ("县市政局", 2, True)
    assert place.server.data(operation("replace_seal"), keeper, id=seal["id"])["replaceSeal"] == new
    sealed, code, _ = place.issue()
    assert sealed.seal == new["id"]
    assert "有效</p>" in place.client.get(f"/verify/{code}").text
    assert "有效</p>" in place.client.get(f"/verify/{issued[1]}").text


def test_what_was_not_printed_is_told_and_tried_again(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, host, officer = issued[0], place.office.host, place.office["派遣员"]

    async def spoil() -> None:
        async with host.database.transaction() as tx:
            await tx.execute(
                f"UPDATE tb_document SET status = 'waiting', trouble = 'OSError' WHERE id = '{document.id}'"
            )

    async def printed() -> bool:
        return (await host.documents.get(document.number)).status == "issued"

    place.do(spoil)
    assert place.client.get("/readyz").json()["warnings"]["documents"] == "1 份文书印制失败，见 stuckDocuments"
    stuck, again = operation("stuck_documents"), operation("reprint_document")
    (found,) = place.server.data(stuck, ADMIN)["stuckDocuments"]
    assert (found["number"], found["case"], found["trouble"]) == (document.number, document.case_number, "OSError")
    assert place.server.code(stuck, officer) == place.server.code(again, officer, number="x") == "PERMISSION_DENIED"
    assert place.server.data(again, ADMIN, number=document.number) == {"reprintDocument": document.number}
    for _ in range(600):
        if place.do(printed):
            break
        time.sleep(0.05)
    assert place.server.data(stuck, ADMIN)["stuckDocuments"] == []
    assert place.server.code(again, ADMIN, number=document.number) == "CONFLICT"


def test_in_production_nothing_is_served_whose_codes_lead_nowhere(place: Place) -> None:
    host = place.server.app.doors.host
    before = host.settings
    try:
        object.__setattr__(host, "settings", replace(before, profile="prod"))
        answer = place.client.get("/readyz")
        assert (answer.status_code, list(answer.json()["missing"])) == (503, ["address"])
        assert "TONGBAN_PUBLIC_URL" in answer.json()["missing"]["address"]
        object.__setattr__(host, "settings", replace(before, profile="prod", public_url="https://tb.example.gov.cn"))
        assert "address" not in place.client.get("/readyz").json()["missing"]
    finally:
        object.__setattr__(host, "settings", before)


def test_the_page_of_the_case_has_it_for_who_applied(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document = issued[0]
    applicant, page = place.office["马大妈"], operation("case")
    shown = place.server.data(page, applicant, number=document.case_number)["case"]
    assert [found["number"] for found in shown["documents"]] == [document.number]
    assert (shown["messages"], shown["joined"], shown["parent"], shown["children"]) == ([], None, None, [])


def test_what_the_host_holds_of_somebody_is_in_her_data(place: Place, issued: tuple[Document, str, bytes]) -> None:
    document, applicant = issued[0], place.office["马大妈"]
    shown = {s["entity"]: s["rows"] for s in place.server.data(operation("my_data"), applicant)["myData"]}
    numbers = [[v["value"] for v in row["values"] if v["field"] == "number"] for row in shown["engine.document"]]
    assert [document.number] in numbers
    assert [document.case_number] in [
        [v["value"] for v in row["values"] if v["field"] == "number"] for row in shown["engine.case"]
    ]
    for format in ("JSON", "HTML"):
        text = place.server.data(operation("export_my_data"), applicant, format=format)["exportMyData"]
        assert document.number in text
