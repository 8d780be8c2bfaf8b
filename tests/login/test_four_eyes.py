"""Nobody opens or re-opens an administrator's account alone; and on every refusal the account is what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from tongban_sdk import (
    Actor,
    ConflictError,
    InvalidInputError,
    LoginFailedError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)

from core.identity.officers import Unfinished
from tests.login.hall import ADDRESS, PASSWORD, Hall

Who = dict[str, Actor]


@pytest.fixture
async def who(hall: Hall) -> Who:
    """The three of the first run, logged in: they needed nobody's word."""
    admins = await hall.admins()
    return {role.removesuffix("_admin"): (await hall.officer(admins[role])).actor for role in admins}


async def row(hall: Hall, login: str) -> Any:
    return tuple((await hall.town.database.fetch(f"SELECT * FROM tb_account WHERE login = '{login}'", []))[0])


async def unchanged(hall: Hall, login: str, call: Awaitable[Any], refusal: type[Exception], match: str = ".") -> None:
    before = await row(hall, login)
    with pytest.raises(refusal, match=match):
        await call
    assert await row(hall, login) == before


async def locked_out(hall: Hall, login: str, *passwords: str) -> None:
    for password in passwords:
        with pytest.raises(LoginFailedError):
            await hall.login.officers.login(login, password, "000000", ADDRESS)


async def own(hall: Hall, login: str, one_time: str, chosen: str = PASSWORD) -> tuple[str, str, pyotp.TOTP]:
    """What the owner makes of a one-time password: one of her own and a second factor."""
    officers = hall.login.officers
    step = await officers.login(login, one_time, "", ADDRESS)
    assert isinstance(step, Unfinished)
    assert step.needs == ("password", "totp")
    secret, _ = await officers.enrol_totp(step.ticket)
    await officers.confirm_totp(step.ticket, hall.now(pyotp.TOTP(secret)))
    assert await officers.choose_password(step.ticket, chosen) == ()
    hall.clock.move(seconds=60)
    return login, chosen, pyotp.TOTP(secret)


async def another(hall: Hall, who: Who, login: str, role: str) -> Actor:
    """A further administrator, made by two and logged in."""
    made = await hall.login.administration.create_admin(who["security"], login, role)
    confirmed = await hall.login.four_eyes.confirm(who["system"], made.account.id, is_checked=True)
    return (await hall.officer(await own(hall, login, f"{made.password}-{confirmed.half}"))).actor


async def test_a_new_administrator_takes_two_and_each_has_half_a_password(hall: Hall, who: Who) -> None:
    rooms, four_eyes = hall.login.administration, hall.login.four_eyes
    made = await rooms.create_admin(who["security"], "er.hao", "audit_admin")
    id, half = made.account.id, made.password
    assert (made.account.state, made.account.state_why, made.account.asked) == ("disabled", "unconfirmed", "create")
    assert (made.account.staff, made.account.holder, made.account.phone_lookup) == (None, None, None)
    (waiting,) = await four_eyes.waiting(who["system"])
    assert (waiting.account.id, waiting.asker) == (id, "anquan")
    await locked_out(hall, "er.hao", half, "")
    await hall.login.administration.unlock(who["security"], id)
    await unchanged(hall, "er.hao", rooms.enable(who["security"], id), ConflictError, "确认")
    await unchanged(hall, "er.hao", rooms.reset_totp(who["security"], id), ConflictError)
    confirmed = await four_eyes.confirm(who["audit"], id, is_checked=True)
    assert (confirmed.account.state, confirmed.account.state_why, confirmed.account.asked) == ("active", "", None)
    await locked_out(hall, "er.hao", half, confirmed.half, confirmed.half + "-" + half)
    actor = (await hall.officer(await own(hall, "er.hao", f"{half}-{confirmed.half}"))).actor
    assert actor.roles == {"anonymous", "audit_admin"}
    assert await four_eyes.waiting(who["system"]) == []
    lines = [line for line in await hall.audit("action", "actor", "row_id", "detail") if line[2] == id]
    assert lines[0] == ("create_admin_account", who["security"].id, id, "asked: audit_admin")
    detail = f"create; asked by {who['security'].id}; checked in person"
    assert ("confirm_admin_account", who["audit"].id, id, detail) in lines
    text = str(await hall.town.database.fetch("SELECT * FROM tb_audit", []))
    assert half not in text
    assert confirmed.half not in text


async def test_who_may_not_confirm(hall: Hall, who: Who) -> None:
    four_eyes, confirm = hall.login.four_eyes, hall.login.four_eyes.confirm
    second = await another(hall, who, "an.quan2", "security_admin")
    made = await hall.login.administration.create_admin(who["security"], "er.hao", "audit_admin")
    id = made.account.id
    worker = await hall.town.sessions.open(await hall.town.staff(roles=["case_officer"]))
    tokens = Actor(id="sys", kind="admin", roles=frozenset({"anonymous", "system_admin"}))
    bare = replace(who["audit"], roles=frozenset({"anonymous"}))
    for actor, refusal in (
        (who["security"], PermissionDeniedError), (second, PermissionDeniedError), (tokens, PermissionDeniedError),
        (bare, PermissionDeniedError),
        (worker.actor, PermissionDeniedError), ((await hall.citizen()).actor, PermissionDeniedError),
        (Actor(), NotAuthenticatedError),
    ):  # fmt: skip
        await unchanged(hall, "er.hao", confirm(actor, id, is_checked=True), refusal)
    for actor in (worker.actor, tokens, Actor()):
        with pytest.raises((PermissionDeniedError, NotAuthenticatedError)):
            await four_eyes.waiting(actor)
    await unchanged(hall, "er.hao", confirm(who["audit"], id, is_checked=False), InvalidInputError, "当面")
    with pytest.raises(NotFoundError):
        await confirm(who["audit"], worker.actor.id, is_checked=True)
    with pytest.raises(ConflictError, match="没有等待"):
        await confirm(who["audit"], who["system"].id, is_checked=True)
    # Whose word it was counts at the time of confirming.
    await hall.login.administration.disable(second, who["security"].id)
    await unchanged(hall, "er.hao", confirm(who["audit"], id, is_checked=True), ConflictError, "作废")


async def test_nothing_happens_to_a_password_before_the_second_administrator(hall: Hall, who: Who) -> None:
    rooms, four_eyes, auditor = hall.login.administration, hall.login.four_eyes, who["audit"]
    asked = await rooms.reset_password(who["security"], auditor.id)
    assert len(await hall.town.sessions.of(auditor.id)) == 1
    await unchanged(hall, "shenji", four_eyes.confirm(auditor, auditor.id, is_checked=True), PermissionDeniedError)
    again = await rooms.reset_password(who["security"], auditor.id)  # lost the slip of paper
    assert again.password != asked.password
    await unchanged(hall, "shenji", rooms.reset_totp(who["security"], auditor.id), ConflictError, "等待")
    confirmed = await four_eyes.confirm(who["system"], auditor.id, is_checked=True)
    assert await hall.town.sessions.of(auditor.id) == []
    await locked_out(hall, "shenji", PASSWORD, f"{asked.password}-{confirmed.half}")
    lines = [line[:3] for line in await hall.audit("action", "actor", "detail", "row_id") if line[3] == auditor.id]
    assert ("reset_password", who["security"].id, "asked: password") in lines
    told = f"password; asked by {who['security'].id}; checked in person"
    assert ("confirm_admin_account", who["system"].id, told) in lines


async def test_one_resets_the_password_another_the_second_factor(hall: Hall, who: Who) -> None:
    rooms, confirm = hall.login.administration, hall.login.four_eyes.confirm
    second = await another(hall, who, "an.quan2", "security_admin")
    auditor, first = who["audit"].id, who["security"]
    asked = await rooms.reset_password(first, auditor)
    given = await confirm(who["system"], auditor, is_checked=True)
    await unchanged(hall, "shenji", rooms.reset_totp(first, auditor), PermissionDeniedError, "同一名")
    assert (await rooms.reset_totp(second, auditor)).totp_sealed is not None  # asked, not done
    assert (await confirm(who["system"], auditor, is_checked=True)).account.totp_sealed is None
    await unchanged(hall, "shenji", rooms.reset_totp(first, auditor), PermissionDeniedError)
    await unchanged(hall, "shenji", rooms.reset_password(second, auditor), PermissionDeniedError)
    owner = await own(hall, "shenji", f"{asked.password}-{given.half}", "Bai-yun8shenchu")
    await unchanged(hall, "shenji", rooms.reset_totp(first, auditor), PermissionDeniedError)  # not logged in yet
    await hall.officer(owner)
    assert (await rooms.reset_totp(first, auditor)).asked == "totp"
    assert (await confirm(who["system"], auditor, is_checked=True)).half == ""
    await unchanged(hall, "shenji", rooms.reset_password(first, auditor), PermissionDeniedError, "同一名")


async def test_what_nobody_confirms_in_three_days_is_void(hall: Hall, who: Who) -> None:
    rooms, four_eyes = hall.login.administration, hall.login.four_eyes
    second = await another(hall, who, "an.quan2", "security_admin")
    made = await rooms.create_admin(who["security"], "er.hao", "audit_admin")
    id = made.account.id
    await unchanged(hall, "er.hao", rooms.reset_password(second, id), ConflictError, "等待")
    hall.clock.move(hours=73)
    assert await four_eyes.waiting(who["audit"]) == []
    await unchanged(hall, "er.hao", four_eyes.confirm(who["audit"], id, is_checked=True), ConflictError, "没有等待")
    renewed = await rooms.reset_password(second, id)
    assert renewed.account.asked == "create"
    given = await four_eyes.confirm(who["audit"], id, is_checked=True)
    await locked_out(hall, "er.hao", f"{made.password}-{given.half}")
    await own(hall, "er.hao", f"{renewed.password}-{given.half}")


async def test_disabling_voids_what_was_asked_and_confirms_nothing(hall: Hall, who: Who) -> None:
    rooms, confirm = hall.login.administration, hall.login.four_eyes.confirm
    made = await rooms.create_admin(who["security"], "er.hao", "audit_admin")
    id = made.account.id
    stopped = await rooms.disable(who["security"], id)
    assert (stopped.state, stopped.state_why, stopped.asked) == ("disabled", "unconfirmed", None)
    await unchanged(hall, "er.hao", rooms.enable(who["security"], id), ConflictError)
    await unchanged(hall, "er.hao", confirm(who["audit"], id, is_checked=True), ConflictError)


async def test_a_former_administrator_comes_back_by_two(hall: Hall, who: Who) -> None:
    """He may be the very person who asks: an auditor who became security administrator."""
    rooms, confirm, security = hall.login.administration, hall.login.four_eyes.confirm, who["security"]
    made = await rooms.create_admin(security, "er.hao", "audit_admin")
    given = await confirm(who["system"], made.account.id, is_checked=True)
    owner, id = await own(hall, "er.hao", f"{made.password}-{given.half}"), made.account.id
    await unchanged(hall, "er.hao", rooms.enable(security, id), ConflictError, "没有停用")
    await rooms.disable(security, id)
    asked = await rooms.enable(security, id)
    assert (asked.state, asked.state_why, asked.asked) == ("disabled", "by_admin", "enable")
    with pytest.raises(LoginFailedError):
        await hall.login.officers.login(owner[0], owner[1], hall.now(owner[2]), ADDRESS)
    await unchanged(hall, "er.hao", confirm(security, id, is_checked=True), PermissionDeniedError)
    confirmed = await confirm(who["audit"], id, is_checked=True)
    assert (confirmed.account.state, confirmed.account.state_why, confirmed.half) == ("active", "", "")
    hall.clock.move(seconds=60)
    assert (await hall.officer(owner)).actor.roles == {"anonymous", "audit_admin"}
    lines = [line[:2] for line in await hall.audit("action", "detail", "row_id") if line[2] == id]
    assert ("enable_account", "asked: enable") in lines
    assert ("confirm_admin_account", f"enable; asked by {security.id}; checked in person") in lines


async def test_two_who_confirm_at_once_are_one(hall: Hall, who: Who) -> None:
    made = await hall.login.administration.create_admin(who["security"], "er.hao", "audit_admin")
    calls = [hall.login.four_eyes.confirm(who[name], made.account.id, is_checked=True) for name in ("system", "audit")]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["ConflictError", "Handed"]


async def test_the_last_of_a_role_stays(hall: Hall, who: Who) -> None:
    rooms, security = hall.login.administration, who["security"]
    for name, login in (("audit", "shenji"), ("system", "xitong")):
        await unchanged(hall, login, rooms.disable(security, who[name].id), ConflictError, "最后一个")
    assert len(await hall.town.sessions.of(who["audit"].id)) == 1
    # Somebody who has never logged in could not take over.
    made = await rooms.create_admin(security, "er.hao", "audit_admin")
    given = await hall.login.four_eyes.confirm(who["audit"], made.account.id, is_checked=True)
    await unchanged(hall, "shenji", rooms.disable(security, who["audit"].id), ConflictError)
    await own(hall, "er.hao", f"{made.password}-{given.half}")
    both = [rooms.disable(security, id) for id in (who["audit"].id, made.account.id)]
    found = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Account", "ConflictError"]
    left = "SELECT count(*) FROM tb_account WHERE admin_role = 'audit_admin' AND state = 'active'"
    assert await hall.value(left) == 1
