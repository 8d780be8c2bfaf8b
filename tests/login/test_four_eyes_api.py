"""Two administrators and a new one, through the documents that production runs; each step one line of the audit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from core.identity.administration import NewSecret, create_first_admins
from tests.api.servers import Server, running
from tests.login.test_api import Client, call

OWN = "Qing-shan7lvshui"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path, "prod") as started:
        yield started


def enter(server: Server, made: NewSecret) -> Client:
    """Somebody of the first run, logged in."""
    client, otp, now = Client(server), pyotp.parse_uri(made.totp_uri), int(time.time())
    assert isinstance(otp, pyotp.TOTP)
    name = str(made.account.login)
    step = client.ask("login_staff", account=name, password=made.password, totp=otp.at(now))
    assert (step["needs"], step["device"]) == (["password"], None)
    client.ask("choose_password", ticket=step["ticket"], password=OWN)
    found = client.ask("login_staff", account=name, password=OWN, totp=otp.at(now, counter_offset=1))
    assert len(found["device"]) == 43
    client.use(found["session"])
    return client


def lines(server: Server, id: str) -> list[Any]:
    database = server.app.doors.host.database
    sql = "SELECT action, result FROM tb_audit WHERE action LIKE '%admin_account' OR row_id = ? ORDER BY at, number"
    return [tuple(row) for row in call(server, database.fetch, sql, [id])]


def test_an_administrator_more_takes_two(server: Server) -> None:
    logins = {"system_admin": "xitong", "security_admin": "anquan", "audit_admin": "shenji"}
    made = call(server, create_first_admins, server.app.doors.host.login.parts, logins)
    system, security, _ = (enter(server, one) for one in made)
    new = security.ask("create_admin_account", login="er.hao", role="AUDIT_ADMIN")
    account, id = new["account"], new["account"]["id"]
    assert (account["state"], account["stateWhy"], account["awaits"]) == ("disabled", "unconfirmed", "create")
    (waiting,) = system.ask("admin_requests")
    assert (waiting["account"], waiting["asked"], waiting["askedBy"]) == (id, "create", "anquan")
    assert security.code("confirm_admin_account", account=id, checkedInPerson=True) == "PERMISSION_DENIED"
    assert Client(server).code("confirm_admin_account", account=id, checkedInPerson=True) == "NOT_AUTHENTICATED"
    assert Client(server).code("admin_requests") == "NOT_AUTHENTICATED"
    assert system.code("confirm_admin_account", account=id, checkedInPerson=False) == "INVALID_INPUT"
    assert system.code("confirm_admin_account", account="1", checkedInPerson=True) == "INVALID_INPUT"
    assert security.code("enable_account", id=id) == "CONFLICT"
    assert Client(server).code("login_staff", account="er.hao", password=new["password"]) == "LOGIN_FAILED"
    confirmed = system.ask("confirm_admin_account", account=id, checkedInPerson=True)
    assert (confirmed["account"]["state"], confirmed["account"]["awaits"]) == ("active", None)
    both = f"{new['password']}-{confirmed['passwordHalf']}"
    step = Client(server).ask("login_staff", account="er.hao", password=both)
    assert step["needs"] == ["password", "totp"]
    assert lines(server, id) == [
        ("create_admin_account", "ok"),
        ("confirm_admin_account", "PERMISSION_DENIED"),
        ("confirm_admin_account", "NOT_AUTHENTICATED"),
        ("confirm_admin_account", "INVALID_INPUT"),
        ("confirm_admin_account", "INVALID_INPUT"),
        ("login_staff", "LOGIN_FAILED"),
        ("confirm_admin_account", "ok"),
        ("login_staff", "ok"),
    ]
    # Whoever had the first password made does not touch the second factor before its owner has logged in.
    assert security.code("reset_totp", id=id) == "PERMISSION_DENIED"
    auditor = str(made[2].account.id)
    assert security.ask("reset_totp", id=auditor)["awaits"] == "totp"
    assert security.code("reset_password", id=auditor) == "CONFLICT"
    assert system.ask("confirm_admin_account", account=auditor, checkedInPerson=True)["passwordHalf"] is None
    assert security.ask("login_account", login="shenji")["hasTotp"] is False
    assert system.code("reset_totp", id=auditor) == "PERMISSION_DENIED"
    assert security.code("disable_account", id=auditor) == "CONFLICT"
