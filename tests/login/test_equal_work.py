"""Nothing can be found out by asking: known and unknown get the same answer for the same work.

Work, not time, is compared: statements sent and hashes computed are exact on any machine. Time is their consequence;
one generous look at it guards against work that is counted nowhere.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tongban_sdk import LoginFailedError

from core.store import transaction
from tests.login.hall import ADDRESS, PASSWORD, Hall

KNOWN, UNKNOWN = "13800138000", "13900139000"


@contextmanager
def counted(hall: Hall) -> Iterator[Counter[str]]:
    """Statements by their first words, and hashes."""
    work: Counter[str] = Counter()
    hasher, database = hall.login.parts.hasher, hall.town.database
    before, fetch = hasher.computed, database.fetch

    def counting(old: Any) -> Any:
        async def run(self: Any, sql: str, args: Any = ()) -> Any:
            work[" ".join(sql.split()[:3])] += 1
            return await old(self, sql, args)

        return run

    async def counting_fetch(sql: str, args: Any) -> Any:
        work[" ".join(sql.split()[:3])] += 1
        return await fetch(sql, args)

    with pytest.MonkeyPatch.context() as patch:
        for kind in (transaction.SqliteTransaction, transaction.PostgresTransaction):
            for name in ("fetch", "execute"):
                patch.setattr(kind, name, counting(getattr(kind, name)))
        patch.setattr(database, "fetch", counting_fetch)
        yield work
    work["hash"] = hasher.computed - before


async def failed(call: Awaitable[object]) -> tuple[str, str, str]:
    with pytest.raises(LoginFailedError) as caught:
        await call
    return caught.value.code, caught.value.message, caught.value.hint


async def test_asking_for_a_code(hall: Hall) -> None:
    await hall.citizen(KNOWN)
    found = []
    for phone in (KNOWN, UNKNOWN):
        with counted(hall) as work:
            assert await hall.login.citizens.request_code(phone, ADDRESS) == 300
        found.append(work)
    assert found[0] == found[1]
    assert sum(found[0].values()) >= 4


async def test_a_wrong_code(hall: Hall) -> None:
    await hall.citizen(KNOWN)
    answers, found = [], []
    for phone in (KNOWN, UNKNOWN):
        await hall.code(phone)
        with counted(hall) as work:
            answers.append(await failed(hall.login.citizens.login_with_code(phone, "x", ADDRESS)))
        found.append(work)
    assert answers[0] == answers[1]
    assert found[0] == found[1]
    assert found[0]["UPDATE tb_code SET"] == 1


async def with_password(hall: Hall) -> None:
    actor = (await hall.citizen(KNOWN)).actor
    await hall.login.citizens.set_password(actor, await hall.code(KNOWN), PASSWORD)


async def test_a_wrong_password_of_a_citizen(hall: Hall) -> None:
    """Known with and without a password, locked, and unknown."""
    await with_password(hall)
    await hall.citizen("13700137000")
    await hall.citizen("13600136000")
    for _ in range(5):
        await failed(hall.login.citizens.login_with_password("13600136000", "Wrong-wrong1", ADDRESS))
    answers, found = [], []
    for phone in (KNOWN, "13700137000", "13600136000", UNKNOWN):
        with counted(hall) as work:
            answers.append(await failed(hall.login.citizens.login_with_password(phone, "Wrong-wrong1", ADDRESS)))
        found.append(work)
    assert len(set(answers)) == 1
    assert all(work == found[0] for work in found)
    assert found[0]["hash"] == 1


async def test_a_wrong_log_in_of_an_officer(hall: Hall) -> None:
    """Known, locked, disabled, unknown; wrong password, wrong code: one answer, one amount of work."""
    admins = await hall.admins()
    login, password, otp = admins["system_admin"]
    other, _, _ = admins["audit_admin"]
    third, _, _ = admins["security_admin"]
    async with hall.town.database.transaction() as tx:
        await tx.execute(f"UPDATE tb_account SET state = 'disabled' WHERE login = '{other}'")
    for _ in range(5):
        await failed(hall.login.officers.login(third, "Wrong-wrong1", "000000", ADDRESS))
    answers, found = [], []
    for name, word, code in (
        (login, "Wrong-wrong1", hall.now(otp)), (login, password, "000000"), (third, password, hall.now(otp)),
        ("nobody", "Wrong-wrong1", "000000"), (other, "Wrong-wrong1", "000000"),
    ):  # fmt: skip
        with counted(hall) as work:
            answers.append(await failed(hall.login.officers.login(name, word, code, ADDRESS)))
        found.append(work)
    assert len(set(answers)) == 1
    assert all(work == found[0] for work in found)
    assert found[0]["hash"] == 1


async def test_time_within_noise(hall: Hall) -> None:
    """Interleaved, medians of many, and only a difference nobody could call noise fails."""
    await with_password(hall)
    times: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for n in range(24):
        hall.clock.move(minutes=31)  # never locked
        for phone in (KNOWN, UNKNOWN) if n % 2 else (UNKNOWN, KNOWN):
            started = time.perf_counter()
            await failed(hall.login.citizens.login_with_password(phone, "Wrong-wrong1", ADDRESS))
            times[phone].append(time.perf_counter() - started)
    known, unknown = (statistics.median(times[phone]) for phone in (KNOWN, UNKNOWN))
    assert 0.5 < known / unknown < 2
