"""Accounts of staff and administrators: made, disabled, unlocked, reset by a security administrator; never his own.

Who gets into an administrator's account is not for one to say: see four_eyes.py."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from tongban_sdk import (
    Actor,
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)

from core.identity import totp
from core.identity.accounts import Account
from core.identity.actors import AccountFacts, AccountKind, Actors
from core.identity.admins import ADMIN_ROLES
from core.identity.citizens import Parts
from core.identity.four_eyes import ENABLE, NOTHING_ASKED, PASSWORD, TOTP, UNCONFIRMED, FourEyes
from core.identity.passwords import make_password
from core.identity.required import require_role
from core.store.account_tables import ACCOUNT
from core.store.database import Transaction
from core.store.errors import UniqueError
from core.store.ids import uuid7
from core.store.statement import statement

MANAGERS = frozenset({"security_admin"})
LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,39}", re.ASCII)
# Held until the transaction ends, so that of two disabled at once the second sees that it is the last.
_USABLE = """UPDATE tb_account SET state = state WHERE kind = 'admin' AND admin_role = {admin_role} AND state = 'active'
 AND totp_sealed IS NOT NULL AND password_temporary = {no:password_temporary} RETURNING id"""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An account with a password that is good for choosing an own one; nobody can read it again. An administrator's is
    the first half of one: the second goes to who confirms."""

    account: Account
    password: str
    #: Second factor already enrolled, by `setup` only: what an app reads as a QR code.
    totp_uri: str = ""


class Administration:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._actors = Actors(parts.accounts.database.dialect)
        self._four_eyes = FourEyes(parts)

    async def create_staff(self, actor: Actor, staff: str, login: str) -> NewSecret:
        """An account for a row of core.staff that is on duty and has none yet."""
        check_manager(actor)
        login, staff_id = check_login(login), id_of(staff, "staff")
        await self._check_staff(staff_id)
        return await self._create(actor, "create_staff_account", "staff", login, staff=staff_id)

    async def create_admin(self, actor: Actor, login: str, role: str) -> NewSecret:
        """A further administrator: an account of its own with one of the three roles, once another has confirmed it."""
        check_manager(actor)
        if role not in ADMIN_ROLES:
            raise InvalidInputError("没有这种管理员", [InputProblem(("role",), "三种管理员之一", "admin.role")])
        handed = await self._four_eyes.create(actor, check_login(login), role)
        return NewSecret(handed.account, handed.half)

    async def disable(self, actor: Actor, id: str) -> Account:
        """Nobody logs in to it any more; its sessions end within seconds. What was asked about it is void."""
        parts, account = self._parts, await self._other(actor, id)
        async with parts.accounts.database.transaction() as tx:
            await self._check_not_last(tx, account)
            held = await parts.accounts.held(tx, account.id) or account
            why = UNCONFIRMED if held.state_why == UNCONFIRMED else "by_admin"
            await parts.accounts.change(account.id, tx, state="disabled", state_why=why, **NOTHING_ASKED)
            await parts.audit.tell_of(actor, "disable_account", account, tx=tx)
        await parts.sessions.revoke(account.id, "disabled")
        return await self._again(account)

    async def enable(self, actor: Actor, id: str) -> Account:
        """A disabled account opens again. An administrator's when confirmed: it may be a former one of who asks."""
        account = await self._other(actor, id)
        if account.state_why in ("recycled", "returned"):
            raise ConflictError("这个账号的手机号已归别的账号", hint="请本人用手机号登录后重新核验身份")
        if account.kind == "admin":
            return (await self._four_eyes.ask(actor, account.id, ENABLE)).account
        now = self._parts.clock()
        await self._change(actor, "enable_account", account, state="active", state_why="", enabled_at=now)
        return await self._again(account)

    async def unlock(self, actor: Actor, id: str) -> Account:
        account = await self._other(actor, id)
        await self._change(
            actor, "unlock_account", account, failed=0, locked_until=None, device_failed=0, device_locked_until=None
        )
        return await self._again(account)

    async def reset_password(self, actor: Actor, id: str) -> NewSecret:
        """A new one-time password; the old one and all sessions end. An administrator's: once another has confirmed."""
        account = await self._other(actor, id)
        if account.kind == "admin":
            handed = await self._four_eyes.ask(actor, account.id, PASSWORD)
            return NewSecret(handed.account, handed.half)
        if account.kind != "staff":
            raise ConflictError("公民的口令由本人用验证码设置")
        password = make_password()
        parts, hashed = self._parts, await self._parts.hasher.hash(password)
        async with parts.accounts.database.transaction() as tx:
            await parts.accounts.set_password(account, hashed, parts.clock(), temporary=True, tx=tx)
            await parts.audit.tell_of(actor, "reset_password", account, tx=tx)
        await parts.sessions.revoke(account.id, "password")
        return NewSecret(await self._again(account), password)

    async def reset_totp(self, actor: Actor, id: str) -> Account:
        """The second factor is gone; its owner enrols another at the next log-in. An administrator's when confirmed."""
        account = await self._other(actor, id)
        if account.kind == "admin":
            return (await self._four_eyes.ask(actor, account.id, TOTP)).account
        await self._change(actor, "reset_totp", account, totp_sealed=None, totp_pending=None)
        await self._parts.sessions.revoke(account.id, "totp")
        return await self._again(account)

    async def found(self, actor: Actor, login: str) -> Account | None:
        """The account of a login name, for whoever manages accounts or audits them."""
        check_manager(actor, also=frozenset({"audit_admin"}))
        return await self._parts.accounts.by("login", login.strip().lower())

    async def _create(self, actor: Actor, action: str, kind: AccountKind, login: str, **columns: str) -> NewSecret:
        parts, now, password = self._parts, self._parts.clock(), make_password()
        hashed = await parts.hasher.hash(password)
        id = uuid7()
        try:
            async with parts.accounts.database.transaction() as tx:
                account = await parts.accounts.create_in(
                    tx, kind, actor.id, now, id=id, login=login, password=hashed, password_at=now,
                    password_temporary=True, **columns,
                )  # fmt: skip
                await parts.audit.tell_of(actor, action, account, tx=tx)
        except UniqueError:
            raise ConflictError("账号名已被使用，或者这名工作人员已有账号") from None
        return NewSecret(account, password)

    async def _check_not_last(self, tx: Transaction, account: Account) -> None:
        """Of each of the three powers somebody stays who can exercise it: a factor, and a password of his own."""
        if account.kind != "admin" or account.state != "active":
            return
        dialect = self._parts.accounts.database.dialect
        sql = statement(dialect, ACCOUNT, _USABLE, admin_role=account.admin_role, no=False)
        if not {str(id) for (id,) in await tx.fetch(*sql)} - {account.id}:
            raise ConflictError("这是这种管理员的最后一个可用账号，不能停用", hint="请先为接任的人开户，并由他登录一次")

    async def _check_staff(self, staff: str) -> None:
        """What log-in would refuse is refused here already: no such row, off duty, or an administrator's role."""
        async with self._parts.accounts.database.transaction() as tx:
            try:
                await self._actors.actor_of(tx, AccountFacts("", "staff", staff=staff))
            except NotAuthenticatedError as error:
                problem = InputProblem(("staff",), error.message, "staff.account")
                raise InvalidInputError(f"不能开户：{error.message}", [problem]) from None

    async def _other(self, actor: Actor, id: str) -> Account:
        check_manager(actor)
        account = await self._parts.accounts.by("id", id_of(id, "account"))
        if account is None:
            raise NotFoundError("没有这个账号")
        if account.id == actor.id:
            raise PermissionDeniedError("不能管理自己的账号", hint="请另一名安全管理员办理")
        return account

    async def _change(self, actor: Actor, action: str, account: Account, **columns: Any) -> None:
        """Columns and the line about them, both or neither."""
        async with self._parts.accounts.database.transaction() as tx:
            await self._parts.accounts.change(account.id, tx, **columns)
            await self._parts.audit.tell_of(actor, action, account, tx=tx)

    async def _again(self, account: Account) -> Account:
        found = await self._parts.accounts.by("id", account.id)
        assert found is not None
        return found


async def create_first_admins(parts: Parts, logins: dict[str, str]) -> list[NewSecret] | None:
    """The three administrators, role → login, all or none. None when there is an administrator already."""
    now, made = parts.clock(), []
    hashes = {role: (password := make_password(), await parts.hasher.hash(password)) for role in logins}
    async with parts.accounts.database.transaction() as tx:
        if parts.accounts.database.dialect.name == "postgres":
            await tx.execute("LOCK TABLE tb_account IN EXCLUSIVE MODE")
        if await tx.fetch("SELECT 1 FROM tb_account WHERE kind = 'admin' LIMIT 1"):
            return None
        for role, login in logins.items():
            id, secret, (password, hashed) = uuid7(), totp.new_secret(), hashes[role]
            sealed = parts.vault.seal(secret, f"tb_account.totp_sealed:{id}")
            account = await parts.accounts.create_in(
                tx, "admin", "setup", now, id=id, login=login, admin_role=role, password=hashed, password_at=now,
                password_temporary=True, totp_sealed=sealed,
            )  # fmt: skip
            await parts.audit.tell_of(Actor(id="setup", kind="system"), "setup", account, detail=role, tx=tx)
            made.append(NewSecret(account, password, totp.uri_of(secret, login)))
    return made


def check_login(login: str) -> str:
    """A login name, lower case."""
    name = login.strip().lower()
    if not LOGIN.fullmatch(name):
        problem = InputProblem(("login",), "2 到 40 个小写字母、数字、点、横线、下划线，以字母开头", "login.format")
        raise InvalidInputError("账号名不对", [problem])
    return name


def check_manager(actor: Actor, also: frozenset[str] = frozenset()) -> None:
    require_role(actor, MANAGERS | also, "只有安全管理员可以管理账号")


def id_of(text: str, field: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInputError("标识不对", [InputProblem((field,), "应为 UUID", "id.format")]) from None
