"""One-time codes: counted before they are compared, good once, for minutes, and told to nobody but the phone."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
from tongban_sdk import InvalidInputError, LoginFailedError, RateLimitedError, UnavailableError

from core.identity.providers import FileSms, NoSms
from tests.login.hall import ADDRESS, Hall

PHONE = "13800138000"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def refused(hall: Hall, code: str, phone: str = PHONE) -> LoginFailedError:
    with pytest.raises(LoginFailedError) as caught:
        await hall.login.citizens.login_with_code(phone, code, ADDRESS)
    return caught.value


async def test_the_first_log_in_makes_an_account_of_level_one(hall: Hall) -> None:
    pair = await hall.login.citizens.login_with_code(" +86 138-0013-8000", await hall.code(PHONE), ADDRESS, "手机")
    actor = pair.actor
    assert (actor.kind, actor.person, actor.real_name) == ("citizen", None, 1)
    assert actor.roles == {"anonymous", "resident"}
    again = await hall.citizen(PHONE)
    assert again.actor.id == actor.id
    assert await hall.value("SELECT count(*) FROM tb_account") == 1


async def test_six_digits_and_nothing_of_them_or_the_phone_in_the_database(hall: Hall) -> None:
    code = await hall.code(PHONE)
    assert len(code) == 6
    assert code.isdigit()
    await hall.citizen("13900139000")
    for table in ("tb_code", "tb_account", "tb_quota", "tb_audit"):
        rows = str(await hall.town.database.fetch(f"SELECT * FROM {table}", []))
        assert rows != "[]"
        assert PHONE not in rows
        assert "13900139000" not in rows
        assert f"'{code}'" not in rows


async def test_five_tries_then_the_right_code_is_wrong_too(hall: Hall) -> None:
    code = await hall.code(PHONE)
    for _ in range(5):
        assert (await refused(hall, wrong(code))).code == "LOGIN_FAILED"
    await refused(hall, code)
    assert await hall.value("SELECT tries FROM tb_code") == 5
    assert await hall.value("SELECT count(*) FROM tb_account") == 0


async def test_the_fifth_try_may_be_the_right_one(hall: Hall) -> None:
    code = await hall.code(PHONE)
    for _ in range(4):
        await refused(hall, wrong(code))
    await hall.login.citizens.login_with_code(PHONE, code, ADDRESS)


async def test_forty_guesses_at_once_are_five(hall: Hall) -> None:
    code = await hall.code(PHONE)
    guesses = [f"{(int(code) + n) % 1_000_000:06}" for n in range(1, 41)]
    found = await asyncio.gather(
        *(hall.login.citizens.login_with_code(PHONE, guess, ADDRESS) for guess in guesses), return_exceptions=True
    )
    assert {type(one) for one in found} == {LoginFailedError}
    assert await hall.value("SELECT tries FROM tb_code") == 5
    await refused(hall, code)


async def test_a_right_code_used_by_ten_at_once_opens_one_session(hall: Hall) -> None:
    code = await hall.code(PHONE)
    found = await asyncio.gather(
        *(hall.login.citizens.login_with_code(PHONE, code, ADDRESS) for _ in range(10)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in found) == 1
    assert await hall.value("SELECT count(*) FROM tb_session") == 1
    await refused(hall, code)


async def test_a_code_is_good_for_five_minutes(hall: Hall) -> None:
    await hall.login.citizens.request_code(PHONE, ADDRESS)
    code = hall.texts.sent[-1][1]
    hall.clock.move(seconds=301)
    await refused(hall, code)


async def test_a_new_code_ends_the_one_before_and_belongs_to_its_phone(hall: Hall) -> None:
    first, second = await hall.code(PHONE), await hall.code(PHONE)
    if first != second:
        await refused(hall, first)
    await refused(hall, second, phone="13900139000")
    await hall.login.citizens.login_with_code(PHONE, second, ADDRESS)


async def test_one_a_minute_and_ten_a_day(hall: Hall) -> None:
    ask = hall.login.citizens.request_code
    await ask(PHONE, ADDRESS)
    with pytest.raises(RateLimitedError) as soon:
        await ask(PHONE, ADDRESS)
    assert 50 < soon.value.retry_after_s <= 60
    for _ in range(9):
        hall.clock.move(seconds=61)
        await ask(PHONE, ADDRESS)
    hall.clock.move(seconds=61)
    with pytest.raises(RateLimitedError) as late:
        await ask(PHONE, ADDRESS)
    assert late.value.retry_after_s > 80_000
    assert len(hall.texts.sent) == 10
    await ask("13900139000", ADDRESS)
    hall.clock.move(days=1)
    await ask(PHONE, ADDRESS)


async def test_thirty_requests_at_once_send_one_text(hall: Hall) -> None:
    found = await asyncio.gather(
        *(hall.login.citizens.request_code(PHONE, ADDRESS) for _ in range(30)), return_exceptions=True
    )
    assert [one for one in found if not isinstance(one, RateLimitedError)] == [300]
    assert len(hall.texts.sent) == 1


async def test_an_address_cannot_text_the_whole_town(hall: Hall) -> None:
    for n in range(100):
        await hall.login.citizens.request_code(f"138{n:08}", "198.51.100.1")
    with pytest.raises(RateLimitedError):
        await hall.login.citizens.request_code(PHONE, "198.51.100.1")
    await hall.login.citizens.request_code(PHONE, ADDRESS)


async def test_a_provider_that_is_away_leaves_nothing_behind(hall: Hall) -> None:
    """No code, no account, and the next request need not wait."""
    code = await hall.code(PHONE)
    hall.texts.fails = True
    with pytest.raises(UnavailableError, match="短信"):
        await hall.login.citizens.request_code(PHONE, ADDRESS)
    hall.texts.fails = False
    assert await hall.value("SELECT count(*) FROM tb_code") == 1
    await hall.login.citizens.login_with_code(PHONE, code, ADDRESS)  # the code before is as good as it was
    await hall.login.citizens.request_code(PHONE, ADDRESS)


async def test_without_a_provider_production_says_so(hall: Hall) -> None:
    hall.login.parts.codes.sms = NoSms()
    with pytest.raises(UnavailableError):
        await hall.login.citizens.request_code(PHONE, ADDRESS)
    assert await hall.value("SELECT count(*) FROM tb_code") == 0


async def test_the_file_of_development_is_for_its_owner_alone(tmp_path: Path) -> None:
    await FileSms(tmp_path).send(PHONE, "login_code", {"code": "012345"})
    await FileSms(tmp_path).send(PHONE, "login_code", {"code": "543210"})
    file = tmp_path / "outbox" / "sms.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(line["phone"], line["code"]) for line in lines] == [(PHONE, "012345"), (PHONE, "543210")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "phone", ["", "12800138000", "1380013800", "138001380000", "0955-4012345", "１３８００１３８０００"]
)
async def test_what_is_no_mobile_number_is_named(hall: Hall, phone: str) -> None:
    for call in (
        hall.login.citizens.request_code(phone, ADDRESS),
        hall.login.citizens.login_with_code(phone, "123456", ADDRESS),
        hall.login.citizens.login_with_password(phone, "x", ADDRESS),
    ):
        with pytest.raises(InvalidInputError) as caught:
            await call
        assert [problem.id for problem in caught.value.problems] == ["phone.format"]
    assert hall.texts.sent == []


async def test_wrong_late_dead_and_never_asked_for_sound_the_same(hall: Hall) -> None:
    code = await hall.code(PHONE)
    errors = [await refused(hall, wrong(code)) for _ in range(6)]
    errors.append(await refused(hall, "123456", phone="13900139000"))
    errors.append(await refused(hall, ""))
    assert len({(error.code, error.message, error.hint) for error in errors}) == 1
