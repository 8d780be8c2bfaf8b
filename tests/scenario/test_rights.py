"""What the rights of people come to on the running demo county, told through GraphQL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from tests.scenario.county import County, county

PERSONS = "{corePersons(first:100){totalCount nodes{id name idno phone grid division maskedFields}}}"
PERSON = "query($id:ID!){corePerson(id:$id){name idno maskedFields}}"
LOOKS = "{whoLookedAtMyData(first:5){who action fields purpose caseNo refused}}"
UNMASK = (
    'mutation($id:ID!,$p:String!,$c:String!){unmask(entity:"core.person",id:$id,fields:["idno"],'
    'purpose:$p,case:$c,reason:"核对救助申请人身份"){values{field value}}}'
)
STATE = 'mutation{setPluginState(plugin:"community",state:ON){id}}'
AUDIT = "{auditRecords(first:5){nodes{action result}}}"
GRANT = (
    "mutation($n:String!,$p:String!){grantDelegation(agentName:$n,agentPhone:$p,"
    'input:{kind:KIN,scopes:["core","community"],until:"2027-06-30T00:00:00Z"})}'
)
ACT = "mutation($d:ID){actAs(delegation:$d){accessToken me{person agent}}}"
REFRESH = "mutation($r:String!){refreshSession(refreshToken:$r){accessToken me{person agent}}}"
MAKE_ACCOUNT = 'mutation($s:ID!){createStaffAccount(staff:$s,login:"linshi"){password}}'


@dataclass(frozen=True)
class Citizen:
    id: str
    name: str
    idno: str
    phone: str
    grid: str
    division: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with county(tmp_path_factory.mktemp("county")) as found:
        yield found


def rows(town: County, sql: str, *args: Any) -> list[Any]:
    with closing(sqlite3.connect(town.folder / "tongban.sqlite3")) as connection:
        return connection.execute(sql, args).fetchall()


def masked(idno: str) -> str:
    return f"{idno[:6]}********{idno[-4:]}"


def citizen(town: County, persona: str) -> Citizen:
    """What her papers say; the demo holds grown-ups' L3 facts as they are."""
    sql = "SELECT id, name, idno, phone, grid, division FROM core_person WHERE id = ?"
    return Citizen(*rows(town, sql, town.personas[persona])[0])


@pytest.fixture(scope="module")
def mother(town: County) -> Citizen:
    return citizen(town, "citizen")


@pytest.fixture(scope="module")
def her_token(town: County, mother: Citizen) -> str:
    return town.resident(mother.phone, mother.name, mother.idno)[0]


@pytest.fixture(scope="module")
def case_no(town: County) -> str:
    """The certificate she applied for, which civil affairs handles."""
    sql = "SELECT request_no FROM community_certificate_request WHERE applicant_id = ? AND kind = 'family'"
    return str(rows(town, sql, town.personas["citizen"])[0][0])


def test_a_phone_alone_opens_nobodys_records(town: County, mother: Citizen) -> None:
    stranger = town.citizen("15400009999")
    assert town.data("{me{person realName}}", stranger)["me"] == {"person": None, "realName": 1}
    assert town.post(PERSON, stranger, id=mother.id)["data"] == {"corePerson": None}


def test_a_citizen_sees_her_own_records(town: County, mother: Citizen, her_token: str) -> None:
    found = {row["id"]: row for row in town.data(PERSONS, her_token)["corePersons"]["nodes"]}[mother.id]
    assert [found["name"], found["idno"], found["phone"]] == [mother.name, mother.idno, mother.phone]
    # L4 is masked in every list, her own included.
    assert found["maskedFields"] == ["labels"]
    sections = {row["entity"]: row["rows"] for row in town.data("{myData{entity rows{id}}}", her_token)["myData"]}
    assert {"id": mother.id} in sections["core.person"]
    assert len(sections["community.certificate_request"]) == 1


def test_her_son_acts_for_her_until_she_ends_it(town: County, mother: Citizen, her_token: str) -> None:
    son = citizen(town, "son")
    his_token, his_refresh = town.resident(son.phone, son.name, son.idno)
    # They live in one household: he sees her name, not her papers.
    kin: dict[str, Any] = {"name": mother.name, "idno": None, "maskedFields": []}
    assert town.data(PERSON, his_token, id=mother.id)["corePerson"] == kin
    delegation = town.data(GRANT, her_token, n=son.name, p=son.phone)["grantDelegation"]
    acting = town.data(ACT, his_token, d=delegation)["actAs"]
    assert (acting["me"]["person"], acting["me"]["agent"]) == (mother.id, son.id)
    for_her = acting["accessToken"]
    mine = {"name": mother.name, "idno": masked(mother.idno), "maskedFields": ["idno", "birthDate"]}
    assert town.data(PERSON, for_her, id=mother.id)["corePerson"] == mine
    town.data("mutation($d:ID!){revokeDelegation(id:$d)}", her_token, d=delegation)
    ended = time.monotonic()
    while "errors" not in town.post("{me{person}}", for_her):
        assert time.monotonic() < ended + 5
        time.sleep(0.1)
    assert town.code("{me{person}}", for_her) == "NOT_AUTHENTICATED"
    # Told once that he no longer acts for her, he goes on as himself.
    assert town.code(REFRESH, r=his_refresh) == "PERMISSION_DENIED"
    own = town.data(REFRESH, r=his_refresh)["refreshSession"]
    assert own["me"] == {"person": son.id, "agent": None}
    assert town.code(ACT, own["accessToken"], d=delegation) == "PERMISSION_DENIED"


def test_a_grid_worker_sees_his_grid_only(town: County, mother: Citizen) -> None:
    token = town.officer("grid_worker")
    found = town.data(PERSONS, token)["corePersons"]
    assert {row["grid"] for row in found["nodes"]} == {mother.grid}
    inside = "SELECT count(*) FROM core_person WHERE grid = ? AND deleted_at IS NULL"
    assert found["totalCount"] == rows(town, inside, mother.grid)[0][0] > 1
    # He knows dates of birth, and with them a masked number is a whole one.
    assert [row["idno"] for row in found["nodes"] if row["id"] == mother.id] == [None]


def test_a_street_administrator_sees_his_street(town: County) -> None:
    token = town.officer("staff")
    found = town.data(PERSONS, token)["corePersons"]
    street = "SELECT count(*) FROM core_person WHERE division LIKE '640522100%' AND deleted_at IS NULL"
    assert found["totalCount"] == rows(town, street)[0][0] > 1
    assert {row["division"][:9] for row in found["nodes"]} == {"640522100"}
    elsewhere = rows(town, "SELECT id FROM core_person WHERE division NOT LIKE '640522100%' LIMIT 1")[0][0]
    assert town.data(PERSON, token, id=elsewhere)["corePerson"] is None


def test_an_officer_states_a_purpose_and_a_case_and_she_sees_it_at_once(
    town: County, mother: Citizen, her_token: str, case_no: str
) -> None:
    token = town.officer("civil_affairs")
    shown = town.data(PERSON, token, id=mother.id)["corePerson"]
    assert (shown["idno"], "idno" in shown["maskedFields"]) == (masked(mother.idno), True)
    made_up = "CM6405222026112200000099"
    assert town.code(UNMASK, token, id=mother.id, p="core.population", c=made_up) == "INVALID_INPUT"
    values = town.data(UNMASK, token, id=mother.id, p="core.population", c=case_no)["unmask"]["values"]
    assert values == [{"field": "idno", "value": mother.idno}]
    looks = town.data(LOOKS, her_token)["whoLookedAtMyData"]
    assert looks[0] == {
        "who": "海原县民政局 社会救助岗",
        "action": "查看明文",
        "fields": ["公民身份号码"],
        "purpose": "人口基础信息管理",
        "caseNo": case_no,
        "refused": False,
    }
    assert [made_up in look["caseNo"] for look in looks].count(True) <= 1


def newcomer(town: County) -> str:
    """Somebody of the staff who has no account yet."""
    sql = "SELECT id FROM core_staff s WHERE NOT EXISTS (SELECT 1 FROM tb_account a WHERE a.staff = s.id) LIMIT 1"
    return str(rows(town, sql)[0][0])


ADMINISTRATORS = {"system_admin": "switch", "security_admin": "account", "audit_admin": "audit"}


@pytest.mark.parametrize("role", ADMINISTRATORS)
def test_each_administrator_does_his_part_and_nothing_else(town: County, role: str) -> None:
    token = town.tokens[role]
    parts = {"switch": (STATE, {}), "account": (MAKE_ACCOUNT, {"s": newcomer(town)}), "audit": (AUDIT, {})}
    for name, (query, variables) in parts.items():
        if name == ADMINISTRATORS[role]:
            town.data(query, token, **variables)
        else:
            assert town.code(query, token, **variables) == "PERMISSION_DENIED"
    assert town.code(PERSONS, token) == "PERMISSION_DENIED"


@pytest.mark.parametrize("role", ADMINISTRATORS)
def test_no_administrators_role_is_given_to_staff(town: County, role: str) -> None:
    row = "SELECT version, roles FROM core_staff WHERE id = ?"
    before = rows(town, row, town.personas["staff"])
    patch = "mutation($i:ID!,$v:Int!,$r:[String!]!){updateCoreStaff(id:$i,version:$v,patch:{roles:$r}){id}}"
    asked = {"i": town.personas["staff"], "v": before[0][0], "r": [role]}
    assert town.code(patch, town.tokens["security_admin"], **asked) == "INVALID_INPUT"
    assert rows(town, row, town.personas["staff"]) == before


def test_the_audit_chain_verifies(town: County) -> None:
    asked = time.monotonic()
    while (state := town.data("{auditState{ok waiting}}", town.tokens["audit_admin"])["auditState"])["waiting"]:
        assert time.monotonic() < asked + 20, state
        time.sleep(0.2)
    assert state == {"ok": True, "waiting": 0}
    done = town.command("audit", "verify")
    assert (done.returncode, done.stdout[:4]) == (0, "审计完好")
