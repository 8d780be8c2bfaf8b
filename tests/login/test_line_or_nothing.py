"""While no line of the audit can be written, nothing about an account changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pyotp
import pytest
from tongban_sdk import Actor
from tongban_sdk.errors import AuditUnavailableError

from core.identity.officers import Unfinished
from core.store.account_tables import ACCOUNT
from tests.login.hall import ADDRESS, PASSWORD, Hall

SECURITY = Actor(id="0190f000-0000-7000-8000-00000000000a", kind="admin", roles=frozenset({"security_admin"}))
AWAY = "ALTER TABLE tb_audit RENAME TO tb_away"
BACK = "ALTER TABLE tb_away RENAME TO tb_audit"


async def run(hall: Hall, text: str) -> None:
    async with hall.town.database.transaction() as tx:
        await tx.execute(text)


async def accounts(hall: Hall) -> list[Any]:
    """All of every account but the counts of tries, and whom each is bound to."""
    names = [c.name for c in ACCOUNT.columns if not c.name.startswith(("failed", "locked", "device"))]
    fetch = hall.town.database.fetch
    rows = await fetch(f"SELECT {', '.join(names)} FROM tb_account ORDER BY id", [])
    bound = await fetch("SELECT account, person, real_name FROM tb_account_person ORDER BY id", [])
    return [tuple(row) for row in (*rows, *bound)]


async def test_no_line_no_change_of_an_account(hall: Hall) -> None:
    admin, officers, names = hall.login.administration, hall.login.officers, hall.login.real_names
    unit = await hall.town.unit("jz")
    row = await hall.town.row("staff", account="m", name="马", state="active", roles=["case_officer"], org_unit_id=unit)
    made = await admin.create_staff(SECURITY, row, "ma.li")
    id = made.account.id
    step = await officers.login("ma.li", made.password, "", ADDRESS)
    assert isinstance(step, Unfinished)
    otp = pyotp.TOTP((await officers.enrol_totp(step.ticket))[0])
    _, idno = await hall.resident("马小花", 1)
    citizen = (await hall.citizen()).actor
    code = await hall.code("13800138000")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: admin.disable(SECURITY, id),
        lambda: admin.enable(SECURITY, id),
        lambda: admin.unlock(SECURITY, id),
        lambda: admin.reset_password(SECURITY, id),
        lambda: admin.reset_totp(SECURITY, id),
        lambda: officers.choose_password(step.ticket, PASSWORD),
        lambda: officers.enrol_totp(step.ticket),
        lambda: officers.confirm_totp(step.ticket, hall.now(otp)),
        lambda: names.verify(citizen, "马小花", idno),
        lambda: hall.login.citizens.set_password(citizen, code, PASSWORD),
    ]
    before = await accounts(hall)
    await run(hall, AWAY)
    for call in calls:
        with pytest.raises(AuditUnavailableError):
            await call()
    await run(hall, BACK)
    assert await accounts(hall) == before
    assert await officers.confirm_totp(step.ticket, hall.now(otp)) == ("password",)
    assert await officers.choose_password(step.ticket, PASSWORD) == ()
    assert (await names.verify(citizen, "马小花", idno)).actor.real_name == 2
