"""A session from log-in to its end: rotation, limits, revocation."""

from __future__ import annotations

import asyncio
from contextvars import Context
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tongban_sdk import ConflictError, NotAuthenticatedError, RequestError, UnavailableError

from core.identity.policy import session_policy
from core.identity.sessions import Pair, hash_of
from core.jobs.housekeeping import sweep_rows
from core.store.database import Database
from tests.identity.town import Town, found_town


@pytest.fixture
async def town(database: Database, tmp_path: Path) -> Town:
    return await found_town(database, tmp_path)


async def refusal(call: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await call  # type: ignore[misc]  # a coroutine
    return caught.value


async def test_log_in_makes_the_actor_its_rows_describe(town: Town) -> None:
    person = await town.person()
    pair = await town.sessions.open(await town.citizen(person, real_name=3), client="手机")
    actor = town.tokens.verify(pair.access).actor
    assert actor == pair.actor
    assert (actor.kind, actor.person, actor.real_name) == ("citizen", person, 3)
    assert actor.roles == {"anonymous", "resident"}
    assert actor.session == pair.session_id
    assert (pair.access_expires_at - datetime.now(UTC)).total_seconds() <= 600


async def test_no_token_stands_in_the_database(town: Town) -> None:
    pair = await town.sessions.open(await town.citizen())
    stored = await town.value("SELECT id FROM tb_refresh")
    assert len(stored) == 64
    assert stored not in (pair.refresh, pair.access)


async def test_a_refresh_token_is_good_once(town: Town) -> None:
    first = await town.sessions.open(await town.citizen())
    second = await town.sessions.refresh(first.refresh)
    assert second.session_id == first.session_id
    assert second.refresh != first.refresh
    assert town.tokens.verify(second.access).actor == first.actor
    # An access token once given lives to its end: only what ends the session ends it.
    assert town.tokens.verify(first.access).actor == first.actor


async def test_two_refreshes_at_once_give_one_pair_and_one_clear_error(town: Town) -> None:
    first = await town.sessions.open(await town.citizen())
    other = town.node()
    found = await asyncio.gather(
        *(sessions.refresh(first.refresh) for sessions in (town.sessions, other) * 4), return_exceptions=True
    )
    pairs = [one for one in found if isinstance(one, Pair)]
    assert len(pairs) == 1
    assert {type(one) for one in found} == {Pair, ConflictError}
    # Nothing is lost: the session lives, and the pair that came out goes on.
    assert (await town.sessions.refresh(pairs[0].refresh)).session_id == first.session_id


async def test_a_second_use_later_ends_the_family_and_is_told_to_the_audit(town: Town) -> None:
    first = await town.sessions.open(await town.citizen())
    second = await town.sessions.refresh(first.refresh)
    town.tokens.verify(second.access)
    earlier = datetime.now(UTC).replace(microsecond=0) - session_policy().grace - timedelta(seconds=1)
    await town.set("tb_refresh", hash_of(first.refresh), used_at=earlier)
    assert (await refusal(town.sessions.refresh(first.refresh))).code == "NOT_AUTHENTICATED"
    for token in (first.access, second.access):
        with pytest.raises(NotAuthenticatedError):
            town.tokens.verify(token)
    assert (await refusal(town.sessions.refresh(second.refresh))).code == "NOT_AUTHENTICATED"
    assert await town.value("SELECT reason FROM tb_session") == "reuse"
    told = "SELECT detail FROM tb_audit WHERE action = 'refresh_session' AND result = 'NOT_AUTHENTICATED'"
    assert [row[0] for row in await town.database.fetch(told, [])] == ["续期令牌被第二次使用"]


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "\ud800" * 43, "a" * 43, "a" * 100_000, "a.b.c"])
async def test_what_is_no_refresh_token_is_refused(town: Town, token: str) -> None:
    pair = await town.sessions.open(await town.citizen())
    assert (await refusal(town.sessions.refresh(token))).code == "NOT_AUTHENTICATED"
    assert (await refusal(town.sessions.refresh(pair.access))).code == "NOT_AUTHENTICATED"
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(pair.refresh)
    assert (await town.sessions.refresh(pair.refresh)).session_id == pair.session_id


@pytest.mark.parametrize(("kind", "idle_min"), [("staff", 30), ("admin", 15), ("citizen", 43_200)])
async def test_an_idle_session_ends_on_the_server(town: Town, kind: str, idle_min: int) -> None:
    account = await getattr(town, kind)()
    idle = timedelta(minutes=idle_min)
    kept = await town.sessions.open(account)
    await town.age(kept.session_id, seen=idle - timedelta(minutes=1))
    kept = await town.sessions.refresh(kept.refresh)
    # The new access token ends when the session would be idle for too long, not ten minutes later.
    assert 0 < (kept.access_expires_at - datetime.now(UTC)).total_seconds() <= 60
    await town.age(kept.session_id, seen=timedelta(minutes=1, seconds=1))
    assert (await refusal(town.sessions.refresh(kept.refresh))).code == "NOT_AUTHENTICATED"
    assert await town.value("SELECT reason FROM tb_session") == "idle"
    assert await town.sessions.of(account.id) == []


@pytest.mark.parametrize(("kind", "hours"), [("staff", 8), ("admin", 8)])
async def test_a_session_ends_after_its_absolute_time_used_or_not(town: Town, kind: str, hours: int) -> None:
    pair = await town.sessions.open(await getattr(town, kind)())
    await town.age(pair.session_id, opened=timedelta(hours=hours, minutes=-1))
    pair = await town.sessions.refresh(pair.refresh)
    assert 0 < (pair.access_expires_at - datetime.now(UTC)).total_seconds() <= 60
    await town.age(pair.session_id, opened=timedelta(minutes=1))
    assert (await refusal(town.sessions.refresh(pair.refresh))).code == "NOT_AUTHENTICATED"
    assert await town.value("SELECT reason FROM tb_session") == "expired"


async def test_use_keeps_a_session_alive_on_every_node_and_costs_no_write(town: Town) -> None:
    pair = await town.sessions.open(await town.staff())
    await town.age(pair.session_id, seen=timedelta(minutes=29))
    before = await town.value("SELECT seen_at FROM tb_session")
    town.tokens.touch(town.tokens.verify(pair.access))
    assert await town.value("SELECT seen_at FROM tb_session") == before
    await town.sessions._watch.flush()
    # Another node, which has not seen the request, gives a token of full life.
    refreshed = await town.node().refresh(pair.refresh)
    assert (refreshed.access_expires_at - datetime.now(UTC)).total_seconds() > 500


async def test_a_refresh_is_no_use(town: Town) -> None:
    """A page left open that refreshes by a clock does not keep its session."""
    pair = await town.sessions.open(await town.staff())
    await town.age(pair.session_id, seen=timedelta(minutes=20))
    pair = await town.sessions.refresh(pair.refresh)
    await town.age(pair.session_id, seen=timedelta(minutes=10))
    assert (await refusal(town.sessions.refresh(pair.refresh))).code == "NOT_AUTHENTICATED"


async def test_times_seen_that_could_not_be_written_are_kept(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = await town.sessions.open(await town.staff())
    town.tokens.touch(town.tokens.verify(pair.access))

    def gone() -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr(town.database, "transaction", gone)
    with pytest.raises(UnavailableError):
        await town.sessions._watch.flush()
    assert list(town.sessions._watch._seen) == [pair.session_id]


async def test_logging_out_ends_both_tokens_here_at_once_and_elsewhere_at_the_next_look(town: Town) -> None:
    pair, other = await town.sessions.open(await town.citizen()), town.node()
    assert other.tokens.verify(pair.access).actor == pair.actor
    assert await town.sessions.close(pair.session_id)
    assert not await town.sessions.close(pair.session_id)
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(pair.access)
    await other._watch.follow()
    with pytest.raises(NotAuthenticatedError):
        other.tokens.verify(pair.access)
    for sessions in (town.sessions, other):
        assert (await refusal(sessions.refresh(pair.refresh))).code == "NOT_AUTHENTICATED"


async def test_a_node_that_starts_knows_what_ended_before(town: Town) -> None:
    pair = await town.sessions.open(await town.citizen())
    await town.sessions.close(pair.session_id)
    ten_minutes_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    await town.set("tb_session", pair.session_id, cut_at=ten_minutes_ago)
    other = town.node()
    await other.start()
    try:
        with pytest.raises(NotAuthenticatedError):
            other.tokens.verify(pair.access)
    finally:
        await other.stop()


async def test_a_node_that_cannot_look_says_so_instead_of_trusting(town: Town) -> None:
    pair = await town.sessions.open(await town.citizen())
    await town.sessions.start()
    try:
        assert town.tokens.verify(pair.access).actor == pair.actor
        town.tokens.blind_at = 0.0
        with pytest.raises(UnavailableError):
            town.tokens.verify(pair.access)
        await town.sessions._watch.follow()
        assert town.tokens.verify(pair.access).actor == pair.actor
    finally:
        await town.sessions.stop()


async def test_revoking_an_account_ends_all_its_sessions_but_one_if_so_wished(town: Town) -> None:
    account = await town.citizen()
    mine, lost = await town.sessions.open(account), await town.sessions.open(account)
    others = await town.sessions.open(await town.citizen())
    assert await town.sessions.revoke(account.id, "password", keep=mine.session_id) == 1
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(lost.access)
    assert [s.id for s in await town.sessions.of(account.id)] == [mine.session_id]
    assert await town.sessions.revoke(account.id, "disabled") == 1
    assert town.tokens.verify(others.access).actor == others.actor


async def test_one_log_in_too_many_ends_the_one_used_longest_ago(town: Town) -> None:
    account = await town.admin()
    first = await town.sessions.open(account)
    await town.age(first.session_id, seen=timedelta(minutes=5))
    second, third = await town.sessions.open(account), await town.sessions.open(account)
    assert {s.id for s in await town.sessions.of(account.id)} == {second.session_id, third.session_id}
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(first.access)


async def test_dropped_tokens_end_and_refreshing_goes_on_with_new_facts(town: Town) -> None:
    account = await town.staff()
    pair = await town.sessions.open(account)
    assert account.staff is not None
    await town.set("core_staff", account.staff, roles=["unit_head"])
    await town.sessions.drop([account.id])
    with pytest.raises(NotAuthenticatedError):
        town.tokens.verify(pair.access)
    pair = await town.sessions.refresh(pair.refresh)
    assert town.tokens.verify(pair.access).actor.roles == {"anonymous", "unit_head"}


async def test_what_is_over_is_swept_away_and_nothing_else(town: Town) -> None:
    over, lives = await town.sessions.open(await town.staff()), await town.sessions.open(await town.citizen())
    lives = await town.sessions.refresh(lives.refresh)
    assert await sweep_rows(town.database, datetime.now(UTC)) == 0
    # The day after: the staff session's refresh token; 39 days later its session, and the citizen's used token.
    assert await sweep_rows(town.database, datetime.now(UTC) + timedelta(days=1)) == 1
    assert await sweep_rows(town.database, datetime.now(UTC) + timedelta(days=40)) == 2
    assert await town.sessions.of(over.session_id) == []
    assert (await town.sessions.refresh(lives.refresh)).session_id == lives.session_id


async def test_a_log_in_waits_for_whoever_is_disabling_the_account(
    town: Town, database_place: tuple[str, str | None]
) -> None:
    """Else it would read the row of before, and stay inside behind the back of the revocation."""
    account = await town.citizen()
    other = await Database.open(database_place[0], pool_max=1, schema=database_place[1])
    try:
        async with other.transaction() as tx:
            await tx.execute("UPDATE tb_account SET state = 'disabled'")
            opening = asyncio.create_task(town.sessions.open(account), context=Context())
            await asyncio.wait([opening], timeout=0.3)
    finally:
        await other.close()
    assert (await refusal(opening)).code == "NOT_AUTHENTICATED"
    assert await town.sessions.of(account.id) == []


async def test_a_disabled_account_is_let_in_by_no_door(town: Town) -> None:
    account = await town.citizen()
    pair = await town.sessions.open(account)
    await town.set("tb_account", account.id, state="disabled")
    assert (await refusal(town.sessions.open(account))).code == "NOT_AUTHENTICATED"
    assert (await refusal(town.sessions.refresh(pair.refresh))).code == "NOT_AUTHENTICATED"
    assert await town.value("SELECT count(*) FROM tb_session WHERE closed_at IS NULL") == 0
