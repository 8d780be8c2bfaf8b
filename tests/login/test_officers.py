"""Staff and administrators: two factors, each code once, a lock per account that parallel guesses cannot outrun."""

from __future__ import annotations

import asyncio

import pyotp
import pytest
from tongban_sdk import ConflictError, InvalidInputError, LoginFailedError, NotAuthenticatedError

from core.identity.administration import create_first_admins
from core.identity.dormancy import disable_dormant
from core.identity.login_audit import actor_of
from core.identity.officers import Opened, Unfinished
from core.identity.totp import uri_of
from tests.login.hall import ADDRESS, PASSWORD, Hall

ROLE = "system_admin"


async def refused(hall: Hall, login: str, password: str, code: str) -> LoginFailedError:
    with pytest.raises(LoginFailedError) as caught:
        await hall.login.officers.login(login, password, code, ADDRESS)
    return caught.value


async def test_the_first_log_in_changes_the_password_and_gives_no_token_before(hall: Hall) -> None:
    made = await create_first_admins(hall.login.parts, {ROLE: "xitong"})
    assert made is not None
    otp = pyotp.parse_uri(made[0].totp_uri)
    assert isinstance(otp, pyotp.TOTP)
    step = await hall.login.officers.login("xitong", made[0].password, hall.now(otp), ADDRESS)
    assert isinstance(step, Unfinished)
    assert step.needs == ("password",)
    assert await hall.value("SELECT count(*) FROM tb_session") == 0
    with pytest.raises(InvalidInputError) as weak:
        await hall.login.officers.choose_password(step.ticket, "xitong1")
    assert [p.id for p in weak.value.problems] == ["password.short", "password.classes", "password.name"]
    with pytest.raises(InvalidInputError) as same:
        await hall.login.officers.choose_password(step.ticket, made[0].password)
    assert [p.id for p in same.value.problems] == ["password.used"]
    with pytest.raises(ConflictError):  # a second factor is replaced by a security administrator only
        await hall.login.officers.enrol_totp(step.ticket)
    assert await hall.login.officers.choose_password(step.ticket, PASSWORD) == ()
    with pytest.raises(LoginFailedError):  # the ticket went with what it was for
        await hall.login.officers.choose_password(step.ticket, "Another-1-password")
    hall.clock.move(seconds=60)
    await refused(hall, "xitong", made[0].password, hall.now(otp))
    opened = await hall.login.officers.login("XiTong ", PASSWORD, hall.now(otp), ADDRESS)
    assert isinstance(opened, Opened)
    assert opened.pair.actor.roles == {"anonymous", ROLE}
    assert opened.failed_before == 1


async def test_a_ticket_is_good_for_ten_minutes(hall: Hall) -> None:
    made = await create_first_admins(hall.login.parts, {ROLE: "xitong"})
    assert made is not None
    otp = pyotp.parse_uri(made[0].totp_uri)
    assert isinstance(otp, pyotp.TOTP)
    step = await hall.login.officers.login("xitong", made[0].password, hall.now(otp), ADDRESS)
    assert isinstance(step, Unfinished)
    assert step.ticket not in str(await hall.town.database.fetch("SELECT * FROM tb_code", []))
    hall.clock.move(seconds=601)
    with pytest.raises(LoginFailedError):
        await hall.login.officers.choose_password(step.ticket, PASSWORD)


async def test_a_code_is_good_once(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    code = hall.now(otp)
    assert isinstance(await hall.login.officers.login(login, password, code, ADDRESS), Opened)
    await refused(hall, login, password, code)
    before = otp.at(hall.clock(), counter_offset=-1)
    await refused(hall, login, password, before)  # an earlier step is no way round
    hall.clock.move(seconds=30)
    assert isinstance(await hall.login.officers.login(login, password, hall.now(otp), ADDRESS), Opened)


async def test_a_code_used_by_four_at_once_opens_one_session(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    code, sessions = hall.now(otp), await hall.value("SELECT count(*) FROM tb_session")
    found = await asyncio.gather(
        *(hall.login.officers.login(login, password, code, ADDRESS) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["LoginFailedError"] * 3 + ["Opened"]
    assert await hall.value("SELECT count(*) FROM tb_session") == sessions + 1


@pytest.mark.parametrize(("step", "is_good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_a_step(hall: Hall, step: int, is_good: bool) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    hall.clock.move(minutes=5)
    code = otp.at(hall.clock(), counter_offset=step)
    if is_good:
        assert isinstance(await hall.login.officers.login(login, password, code, ADDRESS), Opened)
    else:
        await refused(hall, login, password, code)


async def test_no_second_factor_no_entry(hall: Hall) -> None:
    login, password, _ = (await hall.admins())[ROLE]
    for code in ("", "000000", "００００００", "1", "abcdef"):
        await refused(hall, login, password, code)


async def test_five_failures_lock_the_account_for_thirty_minutes_from_wherever_they_come(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    for n in range(5):
        with pytest.raises(LoginFailedError):
            await hall.login.officers.login(login, "Wrong-wrong1", hall.now(otp), f"192.0.2.{n}")
    await refused(hall, login, password, hall.now(otp))
    hall.clock.move(minutes=29)
    locked = await refused(hall, login, password, hall.now(otp))
    unknown = await refused(hall, "nobody", password, hall.now(otp))
    assert (locked.message, locked.hint) == (unknown.message, unknown.hint)
    hall.clock.move(minutes=2)
    opened = await hall.login.officers.login(login, password, hall.now(otp), ADDRESS)
    assert isinstance(opened, Opened)
    assert opened.failed_before == 5  # tries against a locked door are not looked at, and not counted
    assert await hall.value(f"SELECT failed FROM tb_account WHERE login = '{login}'") == 0


async def lock(hall: Hall, login: str, device: str = "") -> None:
    for _ in range(5):
        with pytest.raises(LoginFailedError):
            await hall.login.officers.login(login, "Wrong-wrong1", "000000", "203.0.113.9", device=device)


async def test_a_stranger_locks_out_neither_an_open_session_nor_the_known_device(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    officers = hall.login.officers
    opened = await officers.login(login, password, hall.now(otp), ADDRESS)
    assert isinstance(opened, Opened)
    hall.clock.move(seconds=60)
    await lock(hall, login)
    assert (await hall.town.sessions.refresh(opened.pair.refresh)).actor.id == opened.pair.actor.id
    for device in ("", "x", opened.device[:-1], opened.pair.refresh):
        with pytest.raises(LoginFailedError):
            await officers.login(login, password, hall.now(otp), ADDRESS, device=device)
    again = await officers.login(login, password, hall.now(otp), ADDRESS, device=opened.device)
    assert isinstance(again, Opened)
    assert again.failed_before == 5
    hall.clock.move(seconds=60)
    await refused(hall, login, password, hall.now(otp))  # for strangers it stays locked
    with pytest.raises(LoginFailedError):  # a device's token is good until the next
        await officers.login(login, password, hall.now(otp), ADDRESS, device=opened.device)
    rows = str(await hall.town.database.fetch("SELECT * FROM tb_account", []))
    assert again.device not in rows


async def test_the_known_device_has_five_tries_of_its_own_and_ends_with_the_password(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    officers = hall.login.officers
    opened = await officers.login(login, password, hall.now(otp), ADDRESS)
    assert isinstance(opened, Opened)
    hall.clock.move(seconds=60)
    await lock(hall, login, opened.device)
    with pytest.raises(LoginFailedError):
        await officers.login(login, password, hall.now(otp), ADDRESS, device=opened.device)
    second = await officers.login(login, password, hall.now(otp), ADDRESS)
    assert isinstance(second, Opened)
    assert second.failed_before == 5
    hall.clock.move(minutes=31)
    await officers.change_password(second.pair.actor, password, "Bai-yun8-shen")
    await lock(hall, login)
    with pytest.raises(LoginFailedError):
        await officers.login(login, "Bai-yun8-shen", hall.now(otp), ADDRESS, device=second.device)


async def test_wrong_codes_count_like_wrong_passwords_and_a_log_in_starts_anew(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    for _ in range(4):
        await refused(hall, login, password, "000000")
    assert isinstance(await hall.login.officers.login(login, password, hall.now(otp), ADDRESS), Opened)
    hall.clock.move(seconds=60)
    for _ in range(4):
        await refused(hall, login, password, "000000")
    assert isinstance(await hall.login.officers.login(login, password, hall.now(otp), ADDRESS), Opened)
    hall.clock.move(seconds=60)
    for _ in range(5):
        await refused(hall, login, password, "000000")
    hall.clock.move(minutes=31)
    await refused(hall, login, password, "000000")  # one after the lock is one of five again
    assert await hall.value(f"SELECT failed FROM tb_account WHERE login = '{login}'") == 1


async def test_parallel_guesses_are_counted_before_they_are_looked_at(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    code = hall.now(otp)
    guesses = [hall.login.officers.login(login, f"Wrong-wrong{n}", code, ADDRESS) for n in range(20)]
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert {type(one) for one in found} == {LoginFailedError}
    assert await hall.value(f"SELECT failed FROM tb_account WHERE login = '{login}'") == 5
    await refused(hall, login, password, code)


async def test_passwords_end_after_ninety_days_and_never_come_back(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    for n in range(6):
        hall.clock.move(days=45)
        assert isinstance(await hall.login.officers.login(login, password, hall.now(otp), ADDRESS), Opened)
        hall.clock.move(days=46)
        step = await hall.login.officers.login(login, password, hall.now(otp), ADDRESS)
        assert isinstance(step, Unfinished)
        assert step.needs == ("password",)
        if n:
            with pytest.raises(InvalidInputError):
                await hall.login.officers.choose_password(step.ticket, f"Qing-shan{n - 1}lvshui")
        password = f"Qing-shan{n}lvshui"
        assert await hall.login.officers.choose_password(step.ticket, password) == ()
        hall.clock.move(seconds=60)


async def test_an_own_password_is_changed_with_the_old_one_and_ends_other_sessions(hall: Hall) -> None:
    who = (await hall.admins())[ROLE]
    first, second = await hall.officer(who), await hall.officer(who)
    with pytest.raises(LoginFailedError):
        await hall.login.officers.change_password(second.actor, "Wrong-wrong1", "Bai-yun8-shen")
    await hall.login.officers.change_password(second.actor, PASSWORD, "Bai-yun8-shen")
    assert {s.id for s in await hall.town.sessions.of(second.actor.id)} == {second.session_id}
    assert first.session_id != second.session_id
    await refused(hall, who[0], PASSWORD, hall.now(who[2]))
    assert isinstance(await hall.login.officers.login(who[0], "Bai-yun8-shen", hall.now(who[2]), ADDRESS), Opened)
    with pytest.raises(NotAuthenticatedError):
        await hall.login.officers.change_password((await hall.citizen()).actor, PASSWORD, "Bai-yun9-shen")


async def test_ninety_days_without_log_in_disable_an_account(hall: Hall) -> None:
    admins = await hall.admins()
    hall.clock.move(days=50)
    kept = await hall.officer(admins["audit_admin"])
    hall.clock.move(days=45)
    login, password, otp = admins[ROLE]
    await refused(hall, login, password, hall.now(otp))  # whether or not the job has come by
    assert await hall.value(f"SELECT state_why FROM tb_account WHERE login = '{login}'") == "dormant"
    job = actor_of(None)
    database, audit = hall.town.database, hall.town.sessions._audit
    found = await disable_dormant(database, audit, job, 90, hall.clock())
    assert len(found) == 1  # the third; one was disabled at the door, one is in use
    assert kept.actor.id not in found
    assert await disable_dormant(database, audit, job, 90, hall.clock()) == []
    assert ("disable_account", found[0], "dormant") in await hall.audit("action", "row_id", "detail")


async def test_the_second_factor_lies_sealed_and_no_password_in_clear(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    rows = str(await hall.town.database.fetch("SELECT * FROM tb_account", []))
    assert otp.secret not in rows
    assert password not in rows
    assert "tb1." in rows
    assert uri_of(otp.secret, login).startswith("otpauth://totp/")


async def test_every_try_is_in_the_audit_and_nothing_that_was_typed(hall: Hall) -> None:
    login, password, otp = (await hall.admins())[ROLE]
    before = len(await hall.audit("action"))
    pair = await hall.officer((login, password, otp))
    await refused(hall, login, "Wrong-wrong1", "000000")
    await refused(hall, "wang.xiaoming", "Wrong-wrong1", "000000")
    lines = (await hall.audit("action", "result", "row_id", "detail"))[before:]
    assert [(action, result, row) for action, result, row, _ in lines] == [
        ("login_staff", "ok", pair.actor.id), ("login_staff", "LOGIN_FAILED", pair.actor.id),
        ("login_staff", "LOGIN_FAILED", ""),
    ]  # fmt: skip
    text = str(await hall.town.database.fetch("SELECT * FROM tb_audit", []))
    for word in ("wang.xiaoming", "Wrong-wrong1", PASSWORD):
        assert word not in text
    assert lines[2][3].startswith("unknown ")
