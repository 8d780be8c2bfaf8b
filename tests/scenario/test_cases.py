"""Three stories of the running demo county, told through GraphQL: a broken cover, a certificate, a permit."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.fields.crs import gcj02_of
from tests.documents.test_documents import qr_of, text_of
from tests.scenario.county import County, county

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
COVERS = (
    'query($p:NearInput!){gridComponents(where:{typeCode:{eq:"01002"},location:{near:$p}})'
    "{nodes{id code name state location{crs}}}}"
)
COVER = "query($id:ID!){gridComponent(id:$id){version state changedOn unit{name}}}"
CHANGE = "mutation($id:ID!,$v:Int!,$p:GridComponentPatch!){updateGridComponent(id:$id,version:$v,patch:$p){id}}"
REPORTER = "{gridGridCases{nodes{caseNo description reporter{id} contactPhone}}}"
PERSON = "query($id:ID!){corePerson(id:$id){version grid}}"
MOVE = "mutation($id:ID!,$v:Int!,$g:String!){updateCorePerson(id:$id,version:$v,patch:{grid:$g}){id}}"
UNITS = "{coreOrgUnits(first:100,where:{kind:{in:[company,institution]}}){nodes{id name}}}"
MAKE_ACCOUNT = "mutation($s:ID!,$l:String!){createStaffAccount(staff:$s,login:$l){password}}"


@dataclass
class Town:
    """The county, and the tokens of those who play in it."""

    county: County
    tokens: dict[str, str] = field(default_factory=dict)

    def run(self, operation: str, who: str, **variables: Any) -> Any:
        return self.county.run(operation, self.tokens[who], **variables)

    def data(self, query: str, who: str, **variables: Any) -> Any:
        (found,) = self.county.data(query, self.tokens[who], **variables).values()
        return found

    def picture(self, who: str) -> str:
        return self.county.upload(self.tokens[who], PNG)

    def case(self, who: str, number: str) -> Any:
        return self.run("case", who, number=number)

    def act(self, who: str, number: str, action: str, reason: str = "", **values: Any) -> Any:
        version = self.case(who, number)["version"]
        return self.run("act_on_case", who, number=number, action=action, version=version, values=values, reason=reason)

    def refused(self, who: str, number: str, action: str, reason: str = "", **values: Any) -> str:
        """The code of a refusal that left the case as it was."""
        sql = "SELECT version, state FROM tb_case WHERE number = ?"
        before = self.rows(sql, number)
        asked = {"number": number, "action": action, "version": before[0][0], "values": values, "reason": reason}
        code = self.county.refused("act_on_case", self.tokens[who], **asked)
        assert self.rows(sql, number) == before
        return code

    def resident(self, persona: str) -> None:
        sql = "SELECT phone, name, idno FROM core_person WHERE id = ?"
        self.tokens[persona] = self.county.resident(*self.rows(sql, self.county.personas[persona])[0])[0]

    def rows(self, sql: str, *args: Any) -> list[Any]:
        with closing(sqlite3.connect(self.county.folder / "tongban.sqlite3")) as connection:
            return connection.execute(sql, args).fetchall()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with county(tmp_path_factory.mktemp("county")) as found:
        town = Town(found)
        for persona in ("citizen", "son"):
            town.resident(persona)
        for persona in (
            "dispatcher", "grid_worker", "sewer_company", "community_worker", "grid_leader", "permit_officer",
            "unit_head",
        ):  # fmt: skip
            town.tokens[persona] = found.officer(persona)
        # The second company has no log-in of the demo: the security administrator makes one.
        staff = {"s": found.personas["road_company"], "l": "yanghu"}
        made = found.data(MAKE_ACCOUNT, found.tokens["security_admin"], **staff)["createStaffAccount"]
        town.tokens["road_company"] = found.newcomer("yanghu", made["password"])
        yield town


@pytest.fixture(scope="module")
def cover(town: Town) -> Any:
    """A sewer cover of the first grid, as the map of the demo has it."""
    grid = town.rows("SELECT grid FROM core_person WHERE id = ?", town.county.personas["son"])[0][0]
    sql = "SELECT location_lng7, location_lat7 FROM grid_component WHERE grid = ? AND type_code = '01002'"
    lng, lat = (value / 1e7 for value in town.rows(sql, grid)[0])
    # His phone's map says GCJ-02.
    x, y = gcj02_of(lng, lat)
    spot = {"lng": round(x, 6), "lat": round(y, 6), "crs": "GCJ02"}
    (found,) = town.data(COVERS, "son", p={**spot, "radiusM": 20})["nodes"]
    return {**found, "spot": spot, "grid": grid}


@pytest.fixture(scope="module")
def reported(town: Town, cover: Any) -> str:
    """The case that the son's report becomes."""
    values = {
        "type_code": "01002", "description": "井盖碎了", "location": cover["spot"], "grid": cover["grid"],
        "component": cover["id"], "contact_phone": "15400001111", "photo": town.picture("son"),
    }  # fmt: skip
    filed = town.run("submit_case", "son", service="grid.report", values=values, consents=["truth"], key="cover-1")
    assert (filed["stateTitle"], filed["phase"], filed["number"][:8]) == ("已收到", "open", "GR640522")
    assert "起算5个工作日" in filed["dueSentence"]
    again = town.run("submit_case", "son", service="grid.report", values=values, consents=["truth"], key="cover-1")
    assert again["number"] == filed["number"]
    return str(filed["number"])


def change(town: Town, who: str, cover: Any, **patch: Any) -> None:
    version = town.data(COVER, who, id=cover["id"])["version"]
    town.data(CHANGE, who, id=cover["id"], v=version, p=patch)


def test_what_is_told_wrong_is_no_case(town: Town, cover: Any) -> None:
    values = {"type_code": "01002", "description": "井盖碎了", "location": cover["spot"]}
    before = town.rows("SELECT count(*) FROM tb_case")
    for wrong, consents in (
        ({**values, "type_code": "99999"}, ["truth"]),
        ({**values, "level": "danger"}, ["truth"]),
        ({**values, "location": None}, ["truth"]),
        (values, []),
    ):
        asked = {"service": "grid.report", "values": wrong, "consents": consents}
        assert town.county.refused("submit_case", town.tokens["son"], **asked) == "INVALID_INPUT"
    assert town.county.refused("submit_case", service="grid.report", values=values) == "NOT_AUTHENTICATED"
    assert town.rows("SELECT count(*) FROM tb_case") == before


def test_a_broken_cover_is_mended(town: Town, cover: Any, reported: str) -> None:
    number = reported
    assert town.county.refused("case", town.tokens["citizen"], number=number) == "NOT_FOUND"
    second = a_neighbour_tells_of_it_too(town, cover, number)
    change(town, "dispatcher", cover, state="broken")
    town.act("dispatcher", number, "accept", level="danger")
    town.act("grid_worker", number, "verify", verify_photo=town.picture("grid_worker"))
    town.act("dispatcher", number, "file")
    assert town.refused("dispatcher", number, "dispatch") == "CONFLICT"
    town.act("dispatcher", number, "dispatch_urgent")
    town.act("grid_worker", number, "guard", guard_photo=town.picture("grid_worker"))
    # The component is down as the road centre's. It says no, and must say why.
    assert town.refused("sewer_company", number, "finish") == "PERMISSION_DENIED"
    assert town.refused("road_company", number, "return") == "INVALID_INPUT"
    back = town.act("road_company", number, "return", "权属是供排水公司")
    assert back["state"] == "dispatching"
    # The dispatcher sets the register right, and sends it to the owner.
    units = {row["name"]: row["id"] for row in town.data(UNITS, "dispatcher")["nodes"]}
    change(town, "dispatcher", cover, unitId=units["海原县供排水公司（演示）"])
    sent = town.act("dispatcher", number, "dispatch_urgent", unit=units["海原县供排水公司（演示）"])
    assert sent["holders"] == ["海原县供排水公司（演示）"]
    (task,) = town.run("inbox", "sewer_company", service="grid.report")["nodes"]
    assert (task["case"], task["isMine"]) == (number, False)
    town.run("claim_tasks", "sewer_company", ids=[task["id"]])
    shown = town.data(REPORTER, "sewer_company")["nodes"]
    assert shown == [{"caseNo": number, "description": "井盖碎了", "reporter": None, "contactPhone": None}]
    # Mended, with a picture of it; without one it is not.
    assert town.refused("sewer_company", number, "finish", result="换了新盖") == "INVALID_INPUT"
    done = town.act("sewer_company", number, "finish", result="换了新盖", after_photo=town.picture("sewer_company"))
    assert done["stateTitle"] == "待核查"
    change(town, "sewer_company", cover, state="intact", changedOn="2026-11-22")
    now = town.data(COVER, "sewer_company", id=cover["id"])
    assert (now["state"], now["changedOn"], now["unit"]["name"]) == ("intact", "2026-11-22", "海原县供排水公司（演示）")
    assert town.refused("dispatcher", number, "close") == "CONFLICT"
    # The grid worker is the reporter's mother, not the reporter: she may look whether it is good.
    town.act("grid_worker", number, "pass", check_photo=town.picture("grid_worker"))
    closed = town.act("dispatcher", number, "close")
    assert (closed["phase"], closed["outcome"], closed["colour"]) == ("done", "done", "NONE")
    both_are_answered(town, number, second)
    the_reporter_follows_it(town, number)
    who_mends_does_not_learn_who_reported(town, number)
    a_bad_rating_is_put_right(town, number, second)


def a_neighbour_tells_of_it_too(town: Town, cover: Any, number: str) -> str:
    """Some five metres beside it: one matter, two reporters. Of another kind, or further off, it is another matter."""
    spot = {**cover["spot"], "lng": cover["spot"]["lng"] + 0.00005}
    values = {"type_code": "01002", "description": "井盖裂了", "location": spot, "grid": cover["grid"]}
    asked = {"service": "grid.report", "consents": ["truth"]}
    second = town.run("submit_case", "citizen", values=values, **asked)
    assert (second["phase"], second["stateTitle"]) == ("merged", "与先前的上报一并办理")
    assert second["number"] != number
    far = {**spot, "lng": spot["lng"] + 0.003}
    for more in ({"type_code": "01037"}, {"location": far}):
        other = town.run("submit_case", "citizen", values={**values, **more}, **asked)
        assert (other["phase"], other["state"]) == ("open", "received")
        version = other["version"]
        assert town.run("withdraw_case", "citizen", number=other["number"], version=version)["phase"] == "withdrawn"
    return str(second["number"])


def both_are_answered(town: Town, number: str, second: str) -> None:
    assert town.case("citizen", second)["outcome"] == "done"
    for who in ("son", "citizen"):
        told = [message["text"] for message in town.run("my_messages", who)["nodes"]]
        assert any(text.startswith(f"您反映的问题（{number}）已由") for text in told), told


def the_reporter_follows_it(town: Town, number: str) -> None:
    case = town.case("son", number)
    assert [step["title"] for step in case["timeline"]] == [
        "提交申请", "受理", "核实", "立案", "紧急派遣", "临时防护", "退回", "紧急派遣", "处置完成", "核查通过", "结案",
    ]  # fmt: skip
    assert {step["staff"] for step in case["timeline"]} == {None}
    assert number in [row["number"] for row in town.run("my_cases", "son")["nodes"]]


def who_mends_does_not_learn_who_reported(town: Town, number: str) -> None:
    case = town.case("sewer_company", number)
    assert not {"reporter", "contact_phone", "source"} & {value["field"] for value in case["values"]}
    assert town.county.personas["son"] not in str(case)
    assert "15400001111" not in str(case)


def a_bad_rating_is_put_right(town: Town, number: str, second: str) -> None:
    for who, mine in (("sewer_company", number), ("citizen", number)):
        assert town.county.refused("rate_case", town.tokens[who], number=mine, stars=5) == "PERMISSION_DENIED"
    rated = town.run("rate_case", "son", number=number, stars=2, tags=["speed"], comment="慢")
    assert (rated["level"], rated["openedRectification"]) == ("不满意", True)
    assert town.county.refused("rate_case", town.tokens["son"], number=number, stars=5) == "CONFLICT"
    (task,) = town.run("inbox", "sewer_company", service="core.rectification")["nodes"]
    assert (task["title"], task["unit"]) == ("整改", "海原县供排水公司（演示）")
    town.run("claim_tasks", "sewer_company", ids=[task["id"]])
    ticket = town.case("sewer_company", task["case"])
    assert "起算5个工作日" in ticket["dueSentence"]
    values = {value["field"]: value["value"] for value in ticket["values"]}
    assert (values["stars"], values["item"]) == (2, "随手拍")
    # It learns what was rated, not by whom nor in which case.
    for hidden in (number, second, town.county.personas["son"], "15400001111"):
        assert hidden not in str(ticket)


def apply_for_certificate(town: Town) -> Any:
    values = {"kind": "residence", "purpose": "子女入学"}
    return town.run("submit_case", "citizen", service="community.residence", values=values, consents=["truth"])


def test_a_certificate_is_issued_at_once_when_the_registers_agree(town: Town) -> None:
    filed = apply_for_certificate(town)
    assert (filed["state"], filed["phase"], filed["number"][:10]) == ("signed", "done", "CMZM640522")
    timeline = town.case("citizen", filed["number"])["timeline"]
    assert [(step["title"], step["isAutomatic"]) for step in timeline] == [
        ("提交申请", False), ("核对一致，自动出具", True),
    ]  # fmt: skip
    pdf = the_paper(town, filed["number"])
    name = town.rows("SELECT name FROM core_person WHERE id = ?", town.county.personas["citizen"])[0][0]
    assert f"兹证明{name}居住在本社区，情况属实。" in text_of(pdf)
    status, page = town.county.page(urlsplit(qr_of(pdf)).path)
    assert (status, "居住证明" in page, "有效" in page, name in page) == (200, True, True, False)
    assert town.county.page("/verify", pdf)[0] == 200
    # One letter of it changed: unknown.
    for place in (len(pdf) // 3, len(pdf) - 40):
        forged = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
        assert town.county.page("/verify", forged)[0] == 404
        digest = hashlib.sha256(forged).hexdigest()
        assert town.county.refused("verify_document_file", sha256=digest) == "NOT_FOUND"


def the_paper(town: Town, number: str) -> bytes:
    """The certificate, which is printed just after the step."""
    until = time.monotonic() + 60
    while (found := town.run("case_documents", "citizen", number=number)) and found[0]["status"] == "WAITING":
        assert time.monotonic() < until, found
        time.sleep(0.2)
    (document,) = found
    assert (document["title"], document["status"]) == ("居住证明", "ISSUED")
    return town.county.download(town.tokens["citizen"], document["file"])


@pytest.fixture
def moved(town: Town) -> Iterator[None]:
    """The register of people says another grid than that of households."""
    id = town.county.personas["citizen"]
    before = town.data(PERSON, "community_worker", id=id)
    grid = f"{before['grid'][:-1]}{int(before['grid'][-1]) % 9 + 1}"
    town.data(MOVE, "community_worker", id=id, v=before["version"], g=grid)
    yield
    now = town.data(PERSON, "community_worker", id=id)
    town.data(MOVE, "community_worker", id=id, v=now["version"], g=before["grid"])


@pytest.mark.usefixtures("moved")
def test_a_certificate_is_signed_by_people_when_they_differ(town: Town) -> None:
    number = apply_for_certificate(town)["number"]
    case = town.case("citizen", number)
    assert (case["stateTitle"], case["phase"]) == ("社区正在核实", "open")
    assert town.refused("citizen", number, "issue") == "CONFLICT"
    assert town.refused("community_worker", number, "confirm") == "INVALID_INPUT"
    town.act("community_worker", number, "confirm", facts={"入户": "属实"})
    assert town.refused("community_worker", number, "sign") == "PERMISSION_DENIED"
    signed = town.act("grid_leader", number, "sign")
    assert (signed["state"], signed["phase"]) == ("signed", "done")
    assert town.county.page("/verify", the_paper(town, number))[0] == 200


@pytest.mark.usefixtures("moved")
def test_a_certificate_is_refused_with_a_reason(town: Town) -> None:
    number = apply_for_certificate(town)["number"]
    assert town.refused("community_worker", number, "refuse") == "INVALID_INPUT"
    refused = town.act("community_worker", number, "refuse", "入户时无人居住")
    assert (refused["phase"], refused["outcome"]) == ("refused", "refused")
    assert town.case("citizen", number)["timeline"][-1]["reason"] == "入户时无人居住"


def test_a_permit_follows_the_permit_law(town: Town) -> None:
    values = {
        "content": "山门土特产", "place": "政府街 12 号", "width": "3.00", "height": "1.20", "starts_on": "2027-01-01",
        "ends_on": "2027-12-31",
    }  # fmt: skip
    asked = {"service": "grid.advert", "consents": ["truth"]}
    wrong = {**values, "ends_on": "2026-12-31"}
    assert town.county.refused("submit_case", town.tokens["son"], values=wrong, **asked) == "INVALID_INPUT"
    filed = town.run("submit_case", "son", values=values, **asked)
    number, began = filed["number"], filed["dueSentence"]
    assert "受理次日起算20个工作日" in began
    assert "（行政许可法第四十二条）" in began
    town.act("permit_officer", number, "accept")
    paused = town.act("permit_officer", number, "correct", "请补效果图")
    assert (paused["phase"], paused["dueAt"]) == ("paused", None)
    assert town.case("son", number)["dueSentence"] == "因申请人补正材料，办理时限暂停计算"
    assert town.refused("permit_officer", number, "review", opinion="符合规划") == "CONFLICT"
    drawing = {"drawing": town.picture("son")}
    version = town.case("son", number)["version"]
    resumed = town.run("supplement_case", "son", number=number, version=version, values=drawing)
    # The correction came the same day: nothing was lost.
    assert (resumed["phase"], resumed["dueAt"]) == ("open", filed["dueAt"])
    assert town.refused("permit_officer", number, "correct", "再补一张") == "CONFLICT"
    town.act("permit_officer", number, "review", opinion="符合规划")
    extended = town.act("unit_head", number, "extend", "需要现场勘验")
    assert extended["dueAt"] > filed["dueAt"]
    assert extended["dueSentence"] != began
    assert town.refused("unit_head", number, "extend", "再延") == "CONFLICT"
    assert town.refused("permit_officer", number, "grant") == "PERMISSION_DENIED"
    assert town.act("unit_head", number, "grant")["phase"] == "done"
