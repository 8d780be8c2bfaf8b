"""What a password must be, as data; and how it is hashed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tongban_sdk import InvalidInputError, UnavailableError

from core.identity.hashing import MEMORY_KIB, NOBODY, TIME_COST, Hasher
from core.identity.login_policy import DATA, PasswordPolicy, read_policy
from core.identity.passwords import check_password, classes_of, is_known, make_password
from core.settings import SettingsError

POLICY = read_policy().password


def broken(password: str, *names: str, policy: PasswordPolicy = POLICY) -> list[str]:
    try:
        check_password(policy, password, names=names, field="password")
    except InvalidInputError as error:
        return [problem.id for problem in error.problems if problem.path == ("password",)]
    return []


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("Qing-shan7lvshui", []),
        ("Ab3-", ["password.short"]),
        ("Ab3-efgh", []),
        ("Ab3-efg", ["password.short"]),
        ("abcdefgh", ["password.classes"]),
        ("abcdefg9-x", []),
        ("青山绿水Abc9", []),
        ("", ["password.short", "password.classes"]),
        ("Aa9-" * 32, []),
        ("Aa9-" * 33, ["password.long"]),
        ("Password1", ["password.breached"]),
        ("P@ssw0rd", ["password.breached"]),
        ("P@ssw0rd2026!", ["password.breached"]),
        ("1qaz2wsx", ["password.classes", "password.breached"]),
        ("1QAZ2wsx", ["password.breached"]),
    ],
)
def test_every_broken_rule_is_named(password: str, problems: list[str]) -> None:
    assert broken(password) == problems


def test_a_password_does_not_hold_its_account() -> None:
    assert broken("li.na-Qingshan7", "li.na") == ["password.name"]
    assert broken("X13800138000-a", "13800138000") == ["password.name"]
    assert broken("ma-Qingshan7", "ma") == []  # two letters are in half of all words


def test_the_list_is_the_published_one() -> None:
    words = POLICY.breach_list.read_text("utf-8").split()
    assert len(words) == 15_769
    assert words == sorted(set(words))
    assert min(map(len, words)) == 8
    assert (DATA / "LICENSE.zxcvbn").read_text("utf-8").startswith("Copyright (c) 2012-2016 Dan Wheeler")
    assert is_known(POLICY.breach_list, "PRINCESS")


def test_one_time_passwords_differ_and_pass() -> None:
    made = {make_password() for _ in range(200)}
    assert len(made) == 200
    assert {classes_of(password) for password in made} == {4}
    assert [p for password in made for p in broken(password)] == []


def test_the_policy_may_be_stricter_never_looser(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    (tmp_path / "words.txt").write_text("haiyuan-2026\n")
    own.write_text("password: {length: 12, breach_list: words.txt}\nlock: {failures: 3}\n")
    policy = read_policy(own)
    assert (policy.password.length, policy.password.classes, policy.lock.failures, policy.lock.minutes) == (
        12,
        3,
        3,
        30,
    )
    assert broken("Haiyuan-2026", policy=policy.password) == ["password.breached"]
    own.write_text(
        "password: {length: 6, history: true, breach_list: gone.txt}\nlock: {minutes: 5}\ncodes: 7\nquota: {}\n"
        "quotas: {code_phone: {count: 0}}\n"
    )
    with pytest.raises(SettingsError) as caught:
        read_policy(own)
    for words in (
        "quota 不认识", "codes. 应为键值表", "password.length 应为 8 到 64", "password.history", "password.breach_list",
        "lock.minutes 应为 30 到 1440", "quotas.code_phone.count",
    ):  # fmt: skip
        assert words in str(caught.value)


@pytest.mark.parametrize("text", ["[1]", "a: [", "\x00", "!!python/object/apply:os.system ['true']"])
def test_a_file_that_is_no_policy_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(SettingsError, match=r"own\.yaml"):
        read_policy(own)


async def test_argon2id_with_the_parameters_written_down() -> None:
    hasher = Hasher()
    stored = await hasher.hash("Qing-shan7lvshui")
    assert stored.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p=1$")
    assert NOBODY.rpartition("$")[0].rpartition("$")[0] == stored.rpartition("$")[0].rpartition("$")[0]
    assert await hasher.matches(stored, "Qing-shan7lvshui")
    assert not await hasher.matches(stored, "Qing-shan7lvshuI")
    assert not await hasher.matches(None, "")
    assert not await hasher.matches("no hash", "x")
    assert hasher.computed == 5
    hasher.close()


async def test_a_flood_finds_few_threads_and_then_a_closed_door() -> None:
    """The loop goes on while hashes are computed, and no more wait than are worth waiting for."""
    hasher = Hasher(workers=1, waiting_max=4)
    found = await asyncio.gather(*(hasher.matches(None, "x") for _ in range(20)), return_exceptions=True)
    assert sum(one is False for one in found) == 4
    assert sum(isinstance(one, UnavailableError) for one in found) == 16
    assert hasher.computed == 4
    assert len(hasher._pool._threads) == 1
    hasher.close()
