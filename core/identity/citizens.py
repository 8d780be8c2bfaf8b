"""Citizens: log-in by phone and one-time code or password. An account comes into being at the first log-in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from tongban_sdk import Actor, InputProblem, InvalidInputError, LoginFailedError, NotAuthenticatedError

from core.crypto import Vault
from core.fields.times import utc_now
from core.identity.accounts import Account, Accounts
from core.identity.codes import Codes
from core.identity.hashing import Hasher
from core.identity.login_audit import LoginAudit
from core.identity.login_policy import Policy
from core.identity.passwords import check_password
from core.identity.quotas import Quotas
from core.identity.sessions import Pair, Sessions
from core.store.database import Transaction
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.session_tables import SESSION
from core.store.statement import statement

_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every way to log in works with; one per process."""

    accounts: Accounts
    codes: Codes
    quotas: Quotas
    hasher: Hasher
    sessions: Sessions
    audit: LoginAudit
    policy: Policy
    clock: Callable[[], datetime] = utc_now

    @property
    def vault(self) -> Vault:
        return self.accounts.vault


class Citizens:
    """Doors of a phone. Nothing they answer depends on whether the phone has an account."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def request_code(self, phone: str, address: str) -> int:
        """Send a code; returns the seconds it is good for."""
        return await self._parts.codes.send(mobile(phone), address)

    async def login_with_code(self, phone: str, code: str, address: str, client: str = "") -> Pair:
        """LoginFailedError for every wrong, old, dead or missing code alike."""
        parts, number = self._parts, mobile(phone)
        await parts.quotas.take("login_address", address)
        key = parts.codes.key_of(number)
        if not await parts.codes.spend(key, code):
            await self._refuse("login_with_code", None, number, wrong_code())
        account = await self.account_of(number)
        if account.state != "active":
            await self._refuse("login_with_code", account, number, wrong_code())
        await parts.accounts.succeed(account, parts.clock())
        await parts.audit.tell("login_with_code", account)
        return await parts.sessions.open(account.facts, client=client)

    async def login_with_password(self, phone: str, password: str, address: str, client: str = "") -> Pair:
        """LoginFailedError: wrong, locked, without a password or without an account, all alike and at equal cost."""
        parts, number = self._parts, mobile(phone)
        await parts.quotas.take("login_address", address)
        parts.hasher.check_room()
        account = await parts.accounts.by_phone(number)
        is_tried = await parts.accounts.try_once(account, parts.policy.lock, parts.clock())
        is_right = await parts.hasher.matches(account.password if account else None, password)
        if account is None or not (is_tried and is_right and await parts.accounts.succeed(account, parts.clock())):
            await self._refuse("login_with_password", account, number, wrong_password())
        await parts.audit.tell("login_with_password", account)
        return await parts.sessions.open(account.facts, client=client)

    async def set_password(self, actor: Actor, code: str, password: str) -> None:
        """A first or another password, by a code sent to the account's own phone. Other sessions end."""
        parts, account = self._parts, await self.own_account(actor)
        phone = self.phone_of(account)
        check_password(parts.policy.password, password, names=(phone,), field="password")
        if not await parts.codes.spend(parts.codes.key_of(phone), code):
            await self._refuse("set_password", account, "", wrong_code())
        hashed = await parts.hasher.hash(password)
        async with parts.accounts.database.transaction() as tx:
            await parts.accounts.set_password(account, hashed, parts.clock(), tx=tx)
            await parts.audit.tell("set_password", account, tx=tx)
        await parts.sessions.revoke(account.id, "password", keep=actor.session)

    async def own_account(self, actor: Actor) -> Account:
        """The citizen's account of a session; not while she acts for somebody else."""
        account = await self._parts.accounts.by("id", actor.id) if actor.session else None
        if account is None or account.kind != "citizen" or actor.agent is not None:
            raise NotAuthenticatedError("请先以公民本人身份登录")
        return account

    def phone_of(self, account: Account) -> str:
        if account.phone_sealed is None:
            raise InvalidInputError("账号没有手机号", hint="请用手机号和验证码登录")
        return self._parts.vault.unseal(account.phone_sealed, f"tb_account.phone_sealed:{account.id}")

    async def account_of(self, phone: str) -> Account:
        """The account of a phone whose holder has just shown the code: found, made, or made anew.

        Nobody used it for long: carriers may have given the number to somebody else, who must not find the records of
        whoever had it before. Once the old holder has shown who she is, her account is hers again (`reclaim`).
        """
        parts, key = self._parts, self._parts.codes.key_of(phone)
        found = await parts.accounts.by_phone(phone)
        if found is not None and not await self._is_stale(found):
            return found
        now = parts.clock()
        try:
            async with parts.accounts.database.transaction() as tx:
                if found is not None:
                    await parts.accounts.change(
                        found.id, tx, state="disabled", state_why="recycled", phone_lookup=None, phone_sealed=None
                    )
                return await self._create(tx, phone, key, now, found)
        except UniqueError:  # another log-in of this phone was faster
            made = await parts.accounts.by_phone(phone)
            assert made is not None
            return made

    async def reclaim(self, tx: Transaction, account: Account, person: str) -> Account:
        """The account a proven person goes on with: the one this one took the phone from, if it was hers."""
        parts, old_id = self._parts, account.successor_of
        if old_id is None or not await parts.accounts.has_been(old_id, person):
            return account
        phone, now = self.phone_of(account), parts.clock()
        await parts.accounts.change(
            account.id, tx, state="disabled", state_why="returned", phone_lookup=None, phone_sealed=None
        )
        sealed = parts.vault.seal(phone, f"tb_account.phone_sealed:{old_id}")
        await parts.accounts.change(
            old_id, tx, state="active", state_why="", phone_lookup=parts.codes.key_of(phone), phone_sealed=sealed,
            last_login_at=now,
        )  # fmt: skip
        return await parts.accounts.within(tx, old_id)

    async def _create(self, tx: Transaction, phone: str, key: str, now: datetime, old: Account | None) -> Account:
        id = uuid7()
        sealed = self._parts.vault.seal(phone, f"tb_account.phone_sealed:{id}")
        return await self._parts.accounts.create_in(
            tx, "citizen", "self", now, id=id, phone_sealed=sealed, phone_lookup=key,
            successor_of=old.id if old else None, last_login_at=now,
        )  # fmt: skip

    async def _is_stale(self, account: Account) -> bool:
        """Neither a log-in nor a session's request within the days after which numbers are given away."""
        before = self._parts.clock() - timedelta(days=self._parts.policy.phone.stale_days)
        if account.state != "active" or account.used_at > before:
            return False
        text = "SELECT 1 FROM tb_session WHERE account = {account} AND seen_at > {before:seen_at} LIMIT 1"
        database = self._parts.accounts.database
        sql = statement(database.dialect, SESSION, text, account=account.id, before=before)
        return not await database.fetch(*sql)

    async def _refuse(self, action: str, account: Account | None, tried: str, error: LoginFailedError) -> NoReturn:
        await self._parts.audit.tell(action, account, tried=tried, error=error)
        raise error


def mobile(phone: str) -> str:
    """A mobile number of the mainland, without spaces, dashes and +86."""
    number = re.sub(r"[\s-]", "", phone).removeprefix("+86")
    if not _MOBILE.fullmatch(number):
        raise InvalidInputError("手机号不对", [InputProblem(("phone",), "应为 11 位大陆手机号", "phone.format")])
    return number


def wrong_code() -> LoginFailedError:
    return LoginFailedError("验证码不对或已失效", hint="验证码 5 分钟内有效，最多试 5 次；请重新获取")


def wrong_password() -> LoginFailedError:
    return LoginFailedError("手机号或口令不对", hint="连续错 5 次锁定 30 分钟；也可以用验证码登录")
