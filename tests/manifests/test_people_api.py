"""Who sees whom, through GraphQL on a running server with the demo county."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.cli import main
from core.expr.clock import CHINA
from core.host import open_host
from core.identity.actors import AccountFacts, Actors
from core.identity.personas import read_personas
from core.settings import read_settings
from tests.api.servers import Server, running

PEOPLE = """query($where: CorePersonWhere) {
  corePersons(first: 100, where: $where) { nodes { id grid division name maskedFields } }
}"""


@dataclass(frozen=True, slots=True)
class Town:
    server: Server
    folder: Path

    def rows(self, sql: str, *args: Any) -> list[Any]:
        with sqlite3.connect(self.folder / "tongban.sqlite3") as connection:
            found = connection.execute(sql, args).fetchall()
        connection.close()
        return found

    def officer(self, account: str) -> Actor:
        """With the facts a log-in would give him."""
        ((id,),) = self.rows("SELECT id FROM core_staff WHERE account = ?", account)

        async def facts() -> Actor:
            settings = read_settings({"TONGBAN_DATA_DIR": str(self.folder)})
            async with open_host(settings, migrate=False) as host, host.database.transaction() as tx:
                known = AccountFacts(id=account, kind="staff", staff=str(id))
                return (await Actors(host.database.dialect).actor_of(tx, known)).actor

        return asyncio.run(facts())

    def citizen(self, name: str) -> Actor:
        person = read_personas(self.folder)[name]["id"]
        return Actor(id=name, kind="citizen", person=person, roles=frozenset({"anonymous", "resident"}), real_name=2)

    def people(self, actor: Actor, **where: Any) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = self.server.data(PEOPLE, actor, where=where or None)["corePersons"]["nodes"]
        return nodes


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONGBAN_DATA_DIR", str(folder))
        patch.delenv("TONGBAN_DATABASE_URL", raising=False)
        assert main(["demo", "--people", "400"]) == 0
    with running(folder) as server:
        yield Town(server, folder)


def test_a_grid_worker_sees_his_grid_only(town: Town) -> None:
    ((grid, count),) = town.rows("SELECT grid, count(*) FROM core_person GROUP BY grid ORDER BY count(*) DESC LIMIT 1")
    worker = town.officer(f"grid.{grid}")
    assert worker.grids == (grid,)
    seen = town.people(worker)
    assert len(seen) == count
    assert {person["grid"] for person in seen} == {grid}
    ((stranger,),) = town.rows("SELECT id FROM core_person WHERE grid <> ? LIMIT 1", grid)
    assert town.server.data("query($id: ID!) { corePerson(id: $id) { id } }", worker, id=stranger) == {
        "corePerson": None
    }
    houses = town.server.data("{ communityHouses(first: 100) { nodes { grid } } }", worker)["communityHouses"]["nodes"]
    assert {house["grid"] for house in houses} == {grid}


SOURCES = "query($id: ID!) { corePerson(id: $id) { sources(first: 50) { nodes { field method statedAt } } } }"


def test_each_fact_says_which_department_stated_it_and_when(town: Town) -> None:
    clerk = town.officer("village.640522100203")
    ((unit,),) = town.rows("SELECT code FROM core_org_unit WHERE id = ?", clerk.org)
    made = "mutation($i: CorePersonInput!) { createCorePerson(input: $i) { id } }"
    given = {"name": "马有福", "sex": "1", "phone": "15400001234", "division": "640522100203"}
    id = town.server.data(made, clerk, i=given)["createCorePerson"]["id"]

    def told() -> dict[str, tuple[str, str]]:
        sql = """SELECT s.field, s.method, u.code FROM core_fact_source s JOIN core_org_unit u ON u.id = s.department_id
        WHERE s.row_id = ? AND s.person_id = s.row_id AND s.deleted_at IS NULL AND s.stated_at IS NOT NULL"""
        return {field: (method, code) for field, method, code in town.rows(sql, id)}

    assert told() == {"name": ("visit", unit), "sex": ("visit", unit), "phone": ("visit", unit)}
    shown = town.server.data(SOURCES, clerk, id=id)["corePerson"]["sources"]["nodes"]
    assert sorted(s["field"] for s in shown) == ["name", "phone", "sex"]
    # What others said of the old value was not said of the new one.
    himself = Actor(id="c", kind="citizen", person=id, roles=frozenset({"anonymous", "resident"}), real_name=2)
    patch = """mutation($id: ID!) { updateCorePerson(id: $id, version: 1, patch: {phone: "15400004321"}) { id } }"""
    town.server.data(patch, himself, id=id)
    assert told() == {"name": ("visit", unit), "sex": ("visit", unit)}


def test_an_imported_file_says_which_department_it_is_from(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    file = town.folder / "shared.csv"
    file.write_text("姓名,性别,联系电话,区划\n马有禄,1,15400005678,640522100203\n", "utf-8")
    ((unit,),) = town.rows("SELECT code FROM core_org_unit WHERE kind = 'department' ORDER BY code LIMIT 1")
    words = ["import", "core.person", str(file), "--as", "village.640522100203", "--reference", "第 7 批"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TONGBAN_DATA_DIR", str(town.folder))
        assert main(words) == 1
        assert "--source" in capsys.readouterr().err
        assert main([*words, "--source", "nowhere"]) == 1
        assert "没有这个单位编码" in capsys.readouterr().err
        assert main([*words, "--source", unit]) == 0
    sql = """SELECT s.field, s.method, u.code, s.reference FROM core_fact_source s
    JOIN core_org_unit u ON u.id = s.department_id WHERE s.reference = '第 7 批' ORDER BY s.field"""
    stated = town.rows(sql)
    assert [row[0] for row in stated] == ["name", "phone", "sex"]
    assert {row[1:] for row in stated} == {("share", unit, "第 7 批")}
    told = town.rows("SELECT result, detail FROM tb_audit WHERE action = 'import_rows' AND kind = 'system'")
    assert told == [("ok", "core.person as village.640522100203")]
    sql = """SELECT DISTINCT actor, result FROM tb_audit WHERE action = 'create' AND entity = 'core.person'
    AND detail = 'import_rows'"""
    assert town.rows(sql) == [("cli:village.640522100203", "ok")]


def test_nobody_new_is_put_into_a_division_that_has_ended(town: Town) -> None:
    today = datetime.now(CHINA).date()
    sql = """INSERT INTO core_division (id, version, created_at, updated_at, code, name, level, kind, is_virtual,
    valid_to, replaced_by) VALUES (?, 1, 0, 0, ?, '旧村', 'village', 'villagers', 0, ?, '640522100203')"""
    for n, (code, ended) in enumerate({"640522100298": today, "640522100299": today + timedelta(days=1)}.items()):
        town.rows(sql, f"01890000-0000-7000-8000-00000000d{n:03}", code, str(ended))
    clerk = replace(town.officer("village.640522100203"), division="640522100000")
    made = 'mutation($d: String!) { createCorePerson(input: {name: "马有寿", sex: "1", division: $d}) { division } }'
    answer = town.server.post(made, clerk, d="640522100298")
    [problem] = answer["errors"][0]["extensions"]["problems"]
    assert problem["id"] == "division.ended"
    assert problem["message"] == "区划 640522100298 已停用，现在是 640522100203"
    assert town.rows("SELECT count(*) FROM core_person WHERE name = '马有寿'") == [(0,)]
    assert town.server.data(made, clerk, d="640522100299")["createCorePerson"]["division"] == "640522100299"
    # Who works for a division goes on there until his own row says otherwise.
    stays = replace(clerk, division="640522100298")
    assert town.server.data(made, stays, d="640522100298")["createCorePerson"]["division"] == "640522100298"


def test_a_street_administrator_sees_his_street_only(town: Town) -> None:
    admin = town.officer("town.640522100000")
    seen = town.people(admin)
    ((count,),) = town.rows("SELECT count(*) FROM core_person WHERE division LIKE '640522100%'")
    assert len(seen) == count > 0
    assert {person["division"][:9] for person in seen} == {"640522100"}


def test_a_citizen_sees_herself_and_the_names_of_her_family(town: Town) -> None:
    mother = town.citizen("citizen")
    seen = {person["id"]: person for person in town.people(mother)}
    # L4 is masked in every list, her own too.
    assert seen[mother.person]["maskedFields"] == ["labels"]
    own = town.server.data("query($id: ID!) { corePerson(id: $id) { maskedFields } }", mother, id=mother.person)
    assert own == {"corePerson": {"maskedFields": []}}
    son = town.citizen("son").person
    assert seen[son]["name"]
    assert "*" not in seen[son]["name"]
    query = "query($id: ID!) { corePerson(id: $id) { name idno phone address maskedFields } }"
    other = town.server.data(query, mother, id=son)["corePerson"]
    assert (other["idno"], other["phone"], other["address"]) == (None, None, None)


def test_a_delegate_for_one_item_sees_that_item_alone(town: Town) -> None:
    son, mother = town.citizen("son"), town.citizen("citizen")
    acting = replace(mother, id="son", agent=son.person, delegation="d", roles=frozenset({"anonymous", "delegate"}))
    query = """query($id: ID!) { corePerson(id: $id) { name }
    coreHouseholdMembers(first: 50) { nodes { id } } communityCertificateRequests(first: 50) { nodes { id } } }"""

    def seen(*scopes: str) -> tuple[bool, bool, bool]:
        found = town.server.data(query, replace(acting, scopes=scopes), id=mother.person)
        lists = [found[name]["nodes"] for name in ("coreHouseholdMembers", "communityCertificateRequests")]
        return found["corePerson"] is not None, bool(lists[0]), bool(lists[1])

    assert seen("core", "community") == (True, True, True)
    assert seen("core") == (True, True, False)
    assert seen("core.person") == (True, False, False)
    assert seen("community.certificate_request") == (False, False, True)


def test_a_guardian_sees_all_of_the_child_and_the_grandmother_its_name_only(town: Town) -> None:
    child = town.citizen("child").person
    query = "query($id: ID!) { corePerson(id: $id) { name idno maskedFields } }"
    to_father = town.server.data(query, town.citizen("son"), id=child)["corePerson"]
    assert to_father["maskedFields"] == []
    assert len(to_father["idno"]) == 18
    assert "*" not in to_father["idno"]
    to_grandmother = town.server.data(query, town.citizen("citizen"), id=child)["corePerson"]
    assert to_grandmother["idno"] is None
    (listed,) = [p for p in town.people(town.citizen("son")) if p["id"] == child]
    assert listed["name"] is None or "*" in listed["name"]


def test_a_case_officer_sees_the_cases_he_takes_part_in(town: Town) -> None:
    officer = town.officer("case_officer.640522000000")
    mine = {
        case for (case,) in town.rows("SELECT case_no FROM core_case_participant WHERE staff_id = ?", officer.staff)
    }
    nodes = town.server.data("{ communityRepairOrders(first: 100) { nodes { caseNo } } }", officer)
    assert {node["caseNo"] for node in nodes["communityRepairOrders"]["nodes"]} == mine
    assert len(mine) == 3


def test_the_county_leader_counts_and_sees_nobody(town: Town) -> None:
    leader = town.officer("county_leader.640522000000")
    kinds = dict(town.rows("SELECT kind, count(*) FROM core_person GROUP BY kind"))
    stats = town.server.data("{ corePersonStats(groupBy: [{field: kind}]) { key { kind } count } }", leader)
    counted = {row["key"]["kind"]: row["count"] for row in stats["corePersonStats"]}
    # Groups of fewer than five are no group, and every count is a multiple of five.
    assert counted["registered"] % 5 == 0
    assert abs(counted["registered"] - kinds["registered"]) <= kinds["registered"] / 5
    assert min(counted.values()) >= 5
    assert town.server.code("{ corePersons { nodes { id } } }", leader) == "PERMISSION_DENIED"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_village_worker_imports_and_exports(town: Town, encoding: str) -> None:
    worker = town.officer("village.640522100203")
    number = {"utf-8-sig": "1", "gb18030": "2"}[encoding]
    content = f"户编号,住址,户类型\nHTEST{number},山门村9号,家庭户\n".encode(encoding)
    headers = town.server.headers(worker)
    sent = town.server.client.post("/files", files={"file": ("户.csv", content, "text/csv")}, headers=headers).json()
    take = """mutation($file: ID!, $check: Boolean!) {
      importRows(entity: "core.household", file: $file, check: $check) { written created faults { line column id } }
    }"""
    assert town.server.data(take, worker, file=sent["id"], check=True)["importRows"] == {
        "written": False, "created": 1, "faults": [],
    }  # fmt: skip
    assert town.server.data(take, worker, file=sent["id"], check=False)["importRows"]["written"] is True
    again = town.server.data(take, worker, file=sent["id"], check=False)["importRows"]
    assert again == {"written": False, "created": 0, "faults": [{"line": 2, "column": 1, "id": "import.taken"}]}
    other = town.officer("village.640522100204")
    assert town.server.code(take, other, file=sent["id"], check=True) == "NOT_FOUND"
    give = 'mutation { exportRows(entity: "core.household", fields: ["code", "address"]) { file name rows } }'
    made = town.server.data(give, worker)["exportRows"]
    got = town.server.client.get(f"/files/{made['file']}", headers=headers)
    assert (got.status_code, made["name"]) == (200, "家庭户.csv")
    assert f"HTEST{number},山门村9号" in got.content.decode("utf-8-sig")
    refused = town.server.client.get(f"/files/{made['file']}", headers=town.server.headers(other))
    assert refused.status_code == 404


JOIN = """mutation($n: String!, $s: ID!) {
  createCoreCaseParticipant(input: {caseNo: $n, staffId: $s, role: helper, since: "2026-01-01T00:00:00Z"}) { id }
}"""
JOINED = "SELECT count(*) FROM core_case_participant WHERE case_no = ?"


def test_nobody_is_put_on_a_case_by_somebody_who_does_not_see_it(town: Town) -> None:
    ((case,),) = town.rows("SELECT case_no FROM community_repair_order ORDER BY id LIMIT 1")
    before = town.rows(JOINED, case)
    for account in ("unit_head.640522000000", "dispatcher.640522000000"):
        writer = town.officer(account)
        for number in (case, "CM640522209901010000001"):
            answer = town.server.post(JOIN, writer, n=number, s=writer.staff)
            assert [p["id"] for p in answer["errors"][0]["extensions"]["problems"]] == ["case.unknown"]
    assert town.rows(JOINED, case) == before


def test_who_takes_part_in_a_case_puts_others_on_it_and_on_no_other(town: Town) -> None:
    handler, head = town.officer("civil_affairs_officer.640522000000"), town.officer("unit_head.640522000000")
    ((case,),) = town.rows("SELECT case_no FROM core_case_participant WHERE staff_id = ?", handler.staff)
    handler = replace(handler, roles=head.roles)
    id = town.server.data(JOIN, handler, n=case, s=head.staff)["createCoreCaseParticipant"]["id"]
    move = """mutation($i: ID!, $p: CoreCaseParticipantPatch!) {
      updateCoreCaseParticipant(id: $i, version: 1, patch: $p) { id }
    }"""
    ((other,),) = town.rows("SELECT case_no FROM community_repair_order ORDER BY id LIMIT 1")
    assert town.server.code(move, handler, i=id, p={"caseNo": other}) == "INVALID_INPUT"
    # Taking somebody off a case asks for no more than the rule does.
    own = replace(head, staff=handler.staff, id="another")
    town.server.data(move, own, i=id, p={"until": "2026-01-02T00:00:00Z"})
    assert town.rows("SELECT case_no, version FROM core_case_participant WHERE id = ?", id) == [(case, 2)]


def test_the_system_administrator_registers_staff_and_gives_nobody_a_right(town: Town) -> None:
    admin = Actor(id="a", kind="admin", roles=frozenset({"anonymous", "system_admin"}))
    row = (
        "SELECT post_id, org_unit_id, work_division, state, version FROM core_staff WHERE account = 'town.640522100000'"
    )
    before = town.rows(row)
    ((id,),) = town.rows("SELECT id FROM core_staff WHERE account = 'town.640522100000'")
    ((post, org),) = town.rows("SELECT id, org_unit_id FROM core_post WHERE roles LIKE '%civil_affairs%'")
    change = "mutation($i: ID!, $p: CoreStaffPatch!) { updateCoreStaff(id: $i, version: 1, patch: $p) { id } }"
    for patch in ({"postId": post}, {"orgUnitId": org}, {"workDivision": "640522000000"}, {"state": "left"}):
        assert town.server.code(change, admin, i=id, p=patch) == "PERMISSION_DENIED", patch
    make = "mutation($p: CoreStaffInput!) { createCoreStaff(input: $p) { id roles } }"
    new = {"account": "xinren", "name": "新人", "orgUnitId": org}
    assert town.server.code(make, admin, p={**new, "postId": post}) == "PERMISSION_DENIED"
    assert town.server.data(make, admin, p=new)["createCoreStaff"]["roles"] is None
    assert town.rows(row) == before


def test_a_clerk_alone_makes_nobody_the_operator_of_a_company(town: Town) -> None:
    clerk, person = town.officer("window_clerk.640522000000"), town.citizen("citizen").person
    ((company,),) = town.rows("SELECT id FROM core_legal_entity WHERE state = 'active' ORDER BY id LIMIT 1")
    text = """mutation($l: ID!, $p: ID!) {
      createCoreLegalOperator(input: {legalEntityId: $l, personId: $p, since: "2026-01-01T00:00:00Z"}) { id }
    }"""
    before = town.rows("SELECT count(*) FROM core_legal_operator")
    assert town.server.code(text, clerk, l=company, p=person) == "PERMISSION_DENIED"
    assert town.rows("SELECT count(*) FROM core_legal_operator") == before


def test_a_correction_is_asked_for_by_its_own_operation_only(town: Town) -> None:
    text = """mutation($p: ID!, $r: String!) {
      createCoreCorrectionRequest(input: {
        personId: $p, entity: "core.person", rowId: $r, field: "phone", statedValue: "13900001111"
      }) { id }
    }"""
    mother, child = town.citizen("citizen"), town.citizen("child").person
    assert town.server.code(text, mother, p=mother.person, r=child) == "PERMISSION_DENIED"
    assert town.rows("SELECT count(*) FROM core_correction_request WHERE row_id = ?", child) == [(0,)]
