"""The doors of log-in as a client sees them: one county, the citizen, her company, the clerk, the administrators."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pyotp
import pytest
from tongban_sdk import Actor

from core.demo.identity import id_check, make_uscc
from core.identity.administration import create_first_admins
from core.settings import ROOT
from tests.api.servers import Server, running
from tests.login.hall import AUTHORITY

SERVICE = Actor(
    id="test", kind="system", division="640522100203",
    roles=frozenset({"anonymous", "core_service", "community_worker", "street_admin", "system_admin"}),
)  # fmt: skip


class Client:
    """Sends the documents of graphql/operations, as production demands."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.token = ""

    def send(self, operation: str, **variables: Any) -> Any:
        document = (ROOT / "graphql" / "operations" / f"{operation}.graphql").read_text("utf-8")
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": document.strip(), "variables": variables}
        return self.server.client.post("/graphql", json=body, headers=headers).json()

    def ask(self, operation: str, **variables: Any) -> Any:
        answer = self.send(operation, **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    def code(self, operation: str, **variables: Any) -> str:
        return str(self.send(operation, **variables)["errors"][0]["extensions"]["code"])

    def log_in(self, phone: str) -> Any:
        self.ask("request_login_code", phone=phone)
        sms = Path(self.server.app.settings.data_dir) / "outbox" / "sms.jsonl"
        sent = json.loads(sms.read_text("utf-8").splitlines()[-1])
        assert sent["phone"] == phone
        return self.use(self.ask("login_with_code", phone=phone, code=sent["code"], client="手机"))

    def use(self, tokens: Any) -> Any:
        self.token = tokens["accessToken"]
        return tokens["me"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Production: trusted documents only, no development tokens."""
    with running(tmp_path_factory.mktemp("login"), "prod", sms="file", real_name=AUTHORITY) as started:
        yield started


def call(server: Server, function: Any, *args: Any, **named: Any) -> Any:
    portal = server.client.portal
    assert portal is not None
    return portal.call(lambda: function(*args, **named))


def create(server: Server, key: str, **values: Any) -> str:
    generation = server.app.doors.host.generation
    return str(call(server, generation.writer.create, SERVICE, generation.world.entities[key], values).id)


def person(server: Server, name: str, day: int) -> tuple[str, str]:
    body = f"642222196001{day:02}999"
    idno = body + id_check(body)
    born = date(1960, 1, day).isoformat()
    return create(server, "core.person", name=name, sex="1", idno=idno, birth_date=born), idno


def test_a_citizen_and_her_company(server: Server) -> None:
    (boss, first), (_, second) = person(server, "王总", 11), person(server, "李会计", 12)
    citizen, clerk = Client(server), Client(server)
    assert citizen.log_in("13800138000")["realName"] == 1
    me = citizen.use(citizen.ask("verify_identity", name="王总", idno=first))
    assert (me["person"], me["realName"], me["roles"]) == (boss, 2, ["resident"])
    clerk.log_in("13900139000")
    clerk.use(clerk.ask("verify_identity", name="李会计", idno=second))
    company = legal_entity(server, boss)
    assert [row["isRepresentative"] for row in citizen.ask("my_legal_entities")] == [True]
    assert clerk.ask("my_legal_entities") == []
    assert clerk.code("act_for_legal_entity", legalEntity=company) == "PERMISSION_DENIED"
    assert clerk.code("register_operator", legalEntity=company, name="李会计", idno=second) == "NOT_FOUND"
    assert citizen.code("register_operator", legalEntity=company, name="李某", idno=second) == "INVALID_INPUT"
    operator = citizen.ask("register_operator", legalEntity=company, name="李会计", idno=second)
    assert citizen.ask("register_operator", legalEntity=company, name="李会计", idno=second) == operator
    acting = Client(server)
    me = acting.use(clerk.ask("act_for_legal_entity", legalEntity=company))
    assert (me["legalEntity"], me["roles"]) == (company, ["legal_person"])
    assert clerk.code("dismiss_operator", id=operator) == "NOT_FOUND"
    assert citizen.ask("dismiss_operator", id=operator) is True
    assert clerk.code("act_for_legal_entity", legalEntity=company) == "PERMISSION_DENIED"
    assert clerk.ask("my_legal_entities") == []


def legal_entity(server: Server, boss: str) -> str:
    uscc = make_uscc(Random(1), "91", "640522", set())
    return create(server, "core.legal_entity", uscc=uscc, name="海原枸杞", kind="company", representative=boss)


def test_the_three_from_setup_to_an_account_of_staff(server: Server) -> None:
    logins = {"system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"}
    made = call(server, create_first_admins, server.app.doors.host.login.parts, logins)
    security = next(m for m in made if m.account.admin_role == "security_admin")
    otp = pyotp.parse_uri(security.totp_uri)
    assert isinstance(otp, pyotp.TOTP)
    client, now = Client(server), time.time()
    step = client.ask("login_staff", account="anquan", password=security.password, totp=otp.at(int(now)))
    assert (step["session"], step["needs"]) == (None, ["password"])
    assert client.ask("choose_password", ticket=step["ticket"], password="Qing-shan7lvshui") == []
    login = {"account": "anquan", "password": "Qing-shan7lvshui"}
    assert client.code("login_staff", **login, totp=otp.at(int(now))) == "LOGIN_FAILED"  # used
    found = client.ask("login_staff", **login, totp=otp.at(int(now), counter_offset=1))
    assert (found["needs"], found["ticket"], found["failedBefore"]) == ([], None, 1)
    me = client.use(found["session"])
    assert (me["kind"], me["roles"]) == ("admin", ["security_admin"])
    unit = create(server, "core.org_unit", code="mz", name="民政局", kind="department")
    staff = create(server, "core.staff", account="li.na", name="李娜", org_unit=unit)
    new = client.ask("create_staff_account", staff=staff, login="li.na")
    assert (new["account"]["login"], new["account"]["hasTotp"]) == ("li.na", False)
    assert client.code("create_staff_account", staff=staff, login="li.na2") == "CONFLICT"
    assert client.code("disable_account", id=me["account"]) == "PERMISSION_DENIED"
    other = Client(server)
    assert other.code("disable_account", id=me["account"]) == "NOT_AUTHENTICATED"
    step = other.ask("login_staff", account="li.na", password=new["password"])
    assert step["needs"] == ["password", "totp"]
    assert other.ask("choose_password", ticket=step["ticket"], password="Bai-yun8shenchu") == ["totp"]
    enrolment = other.ask("enrol_totp", ticket=step["ticket"])
    mine = pyotp.TOTP(enrolment["secret"])
    assert other.ask("confirm_totp", ticket=step["ticket"], code=mine.now()) == []
    assert client.ask("disable_account", id=new["account"]["id"])["state"] == "disabled"
    later = mine.at(int(time.time()), counter_offset=1)
    assert other.code("login_staff", account="li.na", password="Bai-yun8shenchu", totp=later) == "LOGIN_FAILED"
    assert client.ask("login_account", login="li.na")["stateWhy"] == "by_admin"
    assert client.ask("enable_account", id=new["account"]["id"])["state"] == "active"


def test_nothing_typed_is_in_the_log(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    client = Client(server)
    assert client.code("login_with_password", phone="13700137999", password="Canary-4711-x") == "LOGIN_FAILED"
    assert client.code("login_staff", account="canary.name", password="Canary-4711-x") == "LOGIN_FAILED"
    assert client.code("login_with_code", phone="13700137999", code="987654") == "LOGIN_FAILED"
    out, err = capfd.readouterr()
    for word in ("13700137999", "Canary-4711-x", "canary.name", "987654"):
        assert word not in out + err
