"""A password that is taken back is taken back: from tickets, from log-ins under way, from whoever fills the queue."""

from __future__ import annotations

import asyncio
from typing import Any

import pyotp
import pytest
from tongban_sdk import LoginFailedError, NotAuthenticatedError, UnavailableError

from core.identity.administration import NewSecret
from core.identity.hashing import WAITING_MAX
from core.identity.officers import Unfinished
from tests.login.hall import ADDRESS, PASSWORD, Hall

LOCKED = "SELECT count(*) FROM tb_account WHERE locked_until IS NOT NULL OR failed > 0"


async def security(hall: Hall, who: tuple[str, str, pyotp.TOTP]) -> Any:
    return (await hall.officer(who)).actor


async def newcomer(hall: Hall, boss: Any) -> NewSecret:
    """Somebody of the staff with an account and a one-time password."""
    unit = await hall.town.unit("jz")
    row = await hall.town.row("staff", account="m", name="马", state="active", roles=["case_officer"], org_unit_id=unit)
    return await hall.login.administration.create_staff(boss, row, "ma.li")


async def test_a_ticket_ends_with_the_password_it_was_given_for(hall: Hall) -> None:
    admins = await hall.admins()
    boss = await security(hall, admins["security_admin"])
    made = await newcomer(hall, boss)
    stolen = await hall.login.officers.login("ma.li", made.password, "", ADDRESS)
    assert isinstance(stolen, Unfinished)
    await hall.login.administration.reset_password(boss, made.account.id)
    with pytest.raises(LoginFailedError):
        await hall.login.officers.choose_password(stolen.ticket, PASSWORD)
    with pytest.raises(LoginFailedError):
        await hall.login.officers.enrol_totp(stolen.ticket)
    assert await hall.value("SELECT count(*) FROM tb_account WHERE totp_pending IS NOT NULL") == 0


async def test_a_log_in_under_way_does_not_outlive_a_reset(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    admins = await hall.admins()
    boss = await security(hall, admins["security_admin"])
    made = await newcomer(hall, boss)
    step = await hall.login.officers.login("ma.li", made.password, "", ADDRESS)
    assert isinstance(step, Unfinished)
    await hall.login.officers.choose_password(step.ticket, PASSWORD)
    otp = pyotp.TOTP((await hall.login.officers.enrol_totp(step.ticket))[0])
    await hall.login.officers.confirm_totp(step.ticket, hall.now(otp))
    hall.clock.move(seconds=60)
    hasher = hall.login.parts.hasher
    matches = hasher.matches

    async def slow(stored: str | None, given: str) -> bool:
        found = await matches(stored, given)
        await hall.login.administration.reset_password(boss, made.account.id)
        return found

    monkeypatch.setattr(hasher, "matches", slow)
    with pytest.raises(NotAuthenticatedError):
        await hall.login.officers.login("ma.li", PASSWORD, hall.now(otp), ADDRESS)
    sql = f"SELECT count(*) FROM tb_session WHERE account = '{made.account.id}' AND closed_at IS NULL"
    assert await hall.value(sql) == 0


async def test_a_try_nobody_looked_at_does_not_count(hall: Hall) -> None:
    login, password, otp = (await hall.admins())["security_admin"]
    flood = [
        asyncio.create_task(hall.login.officers.login(f"nobody{n}", "x", "", f"192.0.2.{n}"))
        for n in range(WAITING_MAX)
    ]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)  # by then all of them have come to the queue
    hall.login.parts.hasher._waiting_max = 0
    with pytest.raises(UnavailableError):
        await hall.login.officers.login(login, password, hall.now(otp), ADDRESS)
    assert await hall.value(LOCKED) == 0
    await asyncio.gather(*flood, return_exceptions=True)
