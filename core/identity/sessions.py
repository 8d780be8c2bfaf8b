"""Log-in sessions: opened, refreshed, watched, ended. The rows of tb_session are the truth on every node."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tongban_sdk import Actor, ConflictError, NotAuthenticatedError, NotFoundError, RequestError

from core.audit import Audit, Entry
from core.identity.actors import AccountFacts, Actors, Bound, Choice, DelegationEndedError, Known
from core.identity.policy import SessionPolicy, session_policy
from core.identity.rows import Rows, Session
from core.identity.tokens import Tokens
from core.identity.watch import Watch
from core.store.database import Database, Transaction
from core.store.ids import uuid7

REFRESH_BYTES = 32
REFRESH_CHARS = 43


@dataclass(frozen=True, slots=True)
class Access:
    """A new access token, and who it makes of its bearer."""

    access: str
    access_expires_at: datetime
    session_id: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Pair(Access):
    """An access token with the refresh token that follows it."""

    refresh: str


class Sessions:
    """One per process. `start` follows the other nodes; commands that only look need not."""

    def __init__(self, database: Database, tokens: Tokens, audit: Audit, policy: SessionPolicy | None = None) -> None:
        self.tokens = tokens
        self.policy = policy or session_policy()
        self._database, self._audit = database, audit
        self._rows = Rows(database.dialect)
        self._actors = Actors(database.dialect)
        self._watch = Watch(database, self._rows, tokens)

    async def start(self) -> None:
        await self._watch.start()

    async def stop(self) -> None:
        await self._watch.stop()

    async def open(self, account: AccountFacts, *, client: str = "") -> Pair:
        """Log an account in: the last step of every way to log in. NotAuthenticatedError when its rows forbid it."""
        limits, id = self.policy.kinds[account.kind], uuid7()
        async with self._database.transaction() as tx:
            now = await self._rows.now(tx)
            # The row's word counts, held so that whoever disables the account or resets its password finds this session
            # or is found by it.
            facts = await self._actors.account(tx, account.id, hold=True)
            if facts is None or facts.password_at != account.password_at:
                raise _gone()
            known = await self._actors.actor_of(tx, facts, session=id)
            session = Session(
                id=id, account=account.id, kind=account.kind, client=client[:200], opened_at=now, seen_at=now,
                ends_at=now + limits.absolute,
            )  # fmt: skip
            await self._rows.add(tx, session)
            surplus = (await self._rows.open_of(tx, account.id))[limits.sessions_max :]
            closed = await self._rows.close(tx, [s.id for s in surplus], "too_many", now)
            pair = await self._pair(tx, session, known, now)
        self._watch.cut(closed)
        return pair

    async def open_as(self, account: AccountFacts, person: str | None, *, client: str = "") -> Pair:
        """The same, going on as one of several persons bound to the account: the one just shown."""
        pair = await self.open(account, client=client)
        if person is None or pair.actor.person == person:
            return pair
        return _with_refresh(await self.act(pair.actor, Choice(person)), pair.refresh)

    async def refresh(self, token: str) -> Pair:
        """The next pair for a refresh token. Each is good once: a second use within `grace` is ConflictError and
        changes nothing, later it ends the session, for somebody else holds the token. NotAuthenticatedError: log in
        again. DelegationEndedError: the session is its holder's own again, the token was not used up."""
        if len(token) != REFRESH_CHARS or not token.isascii():
            raise _gone()
        try:
            async with self._database.transaction() as tx:
                outcome = await self._refresh(tx, hash_of(token))
        except DelegationEndedError as error:
            await self._end_delegation(hash_of(token))
            raise error from None
        if isinstance(outcome, RequestError):
            await self._watch.follow()
            raise outcome
        return outcome

    async def act(self, actor: Actor, choice: Choice) -> Access:
        """Be somebody else in this session: a bound person, a principal, or oneself. Earlier access tokens end."""
        async with self._database.transaction() as tx:
            now = await self._rows.now(tx)
            seen = self._watch.seen(actor.session)
            session = await self._rows.lock(tx, actor.session, seen) if actor.session else None
            if session is None or session.closed_at or session.kind != "citizen":
                raise NotAuthenticatedError("请先以公民身份登录", hint="只有公民登录后可以切换身份")
            account = await self._actors.account(tx, session.account)
            if account is None:
                raise _gone()
            person = choice.person or session.person
            if choice.person and choice.person not in {b.person for b in await self._actors.bound(tx, account.id)}:
                raise NotFoundError("账号没有绑定这个人")
            new = Choice(person, choice.delegation)
            became = await self._actors.actor_of(tx, account, new, session.id)
            session = await self._rows.choose(tx, session, new, now)
            access = self._access(session, became, now)
            await self._audit.within(tx, _told_of(became.actor, choice))
        self._watch.cut({session.id: session.generation})
        return access

    async def close(self, session_id: str, reason: str = "logout", *, told: Entry | None = None) -> bool:
        """End one session. False: it was not open."""
        return bool(await self.revoke(session_id, reason, told=told))

    async def revoke(self, id: str, reason: str, *, keep: str = "", told: Entry | None = None) -> int:
        """End the session of this id, or every session of the account of this id (but `keep`) and of the companies'
        accounts it holds: here at once, on other nodes within seconds. Returns how many. `told` goes to the audit in
        the same transaction."""
        async with self._database.transaction() as tx:
            found = [s for s in await self._rows.open_of(tx, id, held=True) if s.id != keep]
            closed = await self._rows.close(tx, [s.id for s in found], reason, await self._rows.now(tx))
            if told:
                await self._audit.within(tx, told)
        self._watch.cut(closed)
        return len(closed)

    async def drop(self, ids: Sequence[str]) -> None:
        """Facts have changed: access tokens of these sessions, accounts or delegations end, refreshing goes on."""
        async with self._database.transaction() as tx:
            dropped = await self._rows.drop(tx, ids, await self._rows.now(tx))
        self._watch.cut(dropped)

    async def of(self, account: str) -> list[Session]:
        """Open sessions of an account, last used first."""
        now = await self._rows.now(self._database)
        return [s for s in await self._rows.open_of(self._database, account) if not self._end_of(s, now)]

    async def bound(self, account: str) -> list[Bound]:
        return await self._actors.bound(self._database, account)

    async def _refresh(self, tx: Transaction, hash: str) -> Pair | RequestError:
        """An error that is returned keeps what was written; one that is raised undoes it."""
        now = await self._rows.now(tx)
        used = await self._rows.use(tx, hash, now)
        if used is None:
            return _gone()
        session = await self._rows.lock(tx, used.session, seen_at=self._watch.seen(used.session))
        if session is None or session.closed_at:
            return _gone()
        if not used.is_first:
            return await self._reused(tx, session, used.at, now)
        if reason := self._end_of(session, now):
            await self._rows.close(tx, [session.id], reason, now)
            return _gone()
        account = await self._actors.account(tx, session.account)
        if account is None:
            return await self._refuse(tx, session, _gone(), now)
        try:
            known = await self._actors.actor_of(tx, account, session.choice, session.id)
        except NotAuthenticatedError as error:
            return await self._refuse(tx, session, error, now)
        await self._audit.within(tx, Entry(known.actor, "refresh_session", row_id=session.id))
        return await self._pair(tx, session, known, now)

    async def _reused(self, tx: Transaction, session: Session, used_at: datetime, now: datetime) -> RequestError:
        if now - used_at <= self.policy.grace:
            return ConflictError("登录正在由另一个页面续期", hint="请改用那个页面得到的令牌")
        actor = Actor(id=session.account, kind=_kind(session), session=session.id)
        entry = Entry(
            actor, "refresh_session", row_id=session.id, result="NOT_AUTHENTICATED", detail="续期令牌被第二次使用"
        )
        await self._audit.within(tx, entry)
        return await self._refuse(tx, session, _gone(), now, "reuse")

    async def _refuse(
        self, tx: Transaction, session: Session, error: RequestError, now: datetime, reason: str = "facts"
    ) -> RequestError:
        await self._rows.close(tx, [session.id], reason, now)
        return error

    async def _end_delegation(self, hash: str) -> None:
        async with self._database.transaction() as tx:
            if (id := await self._rows.session_of(tx, hash)) and (session := await self._rows.lock(tx, id)):
                await self._rows.choose(tx, session, Choice(session.person), await self._rows.now(tx))
        await self._watch.follow()

    def _end_of(self, session: Session, now: datetime) -> str:
        """Why a session is over; "" while it is not."""
        if now >= session.ends_at:
            return "expired"
        return "idle" if now - session.seen_at >= self.policy.kinds[session.kind].idle else ""

    async def _pair(self, tx: Transaction, session: Session, known: Known, now: datetime) -> Pair:
        refresh = secrets.token_urlsafe(REFRESH_BYTES)
        await self._rows.issue(tx, hash_of(refresh), session, now)
        return _with_refresh(self._access(session, known, now), refresh)

    def _access(self, session: Session, known: Known, now: datetime) -> Access:
        # Never good beyond the moment an unused session ends: whoever is idle needs a refresh, and there it is seen.
        ends = min(session.ends_at, session.seen_at + self.policy.kinds[session.kind].idle)
        left = (min(ends, known.until) if known.until else ends) - now
        life_s = max(1, min(self.policy.access_s, int(left.total_seconds())))
        token = self.tokens.mint(known.actor, life_s=life_s, generation=session.generation)
        return Access(token, datetime.fromtimestamp(int(time.time()) + life_s, UTC), session.id, known.actor)


def _with_refresh(made: Access, refresh: str) -> Pair:
    return Pair(made.access, made.access_expires_at, made.session_id, made.actor, refresh)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _told_of(actor: Actor, choice: Choice) -> Entry:
    """Whose name the session now works in: the principal finds it among those who looked."""
    action = "act_as_person" if choice.person else "act_as"
    if actor.delegation is None:
        return Entry(actor, action, row_id=actor.session)
    subjects = (actor.person,) if actor.person else ()
    return Entry(actor, action, entity="core.delegation", row_id=actor.delegation, subjects=subjects)


def _kind(session: Session) -> Any:
    return "citizen" if session.kind == "legal" else session.kind


def _gone() -> NotAuthenticatedError:
    return NotAuthenticatedError("登录已失效，请重新登录")
