"""Staff and administrators: password and second factor, both always looked at, one answer for whatever is wrong."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from tongban_sdk import Actor, ConflictError, InputProblem, InvalidInputError, LoginFailedError, NotAuthenticatedError

from core.identity import totp
from core.identity.accounts import Account
from core.identity.citizens import Parts
from core.identity.passwords import check_password
from core.identity.sessions import Pair
from core.store.account_tables import CODE
from core.store.database import Insert
from core.store.statement import statement

#: What may be left to do before a log-in is one.
PASSWORD, TOTP = "password", "totp"


@dataclass(frozen=True, slots=True)
class Opened:
    """Logged in; `failed_before`: wrong tries since the last time, which only the owner is told."""

    pair: Pair
    failed_before: int
    #: What the device keeps and sends with its next log-in.
    device: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The password was right; a ticket for what is still to be done, good for minutes and for nothing else."""

    ticket: str
    needs: tuple[str, ...]


class Officers:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def login(
        self, name: str, password: str, code: str, address: str, client: str = "", device: str = ""
    ) -> Opened | Unfinished:
        """LoginFailedError: unknown, locked, disabled, dormant, wrong password or code, or a code used before."""
        parts, login, now = self._parts, name.strip().lower(), self._parts.clock()
        await parts.quotas.take("login_address", address)
        parts.hasher.check_room()
        account = await parts.accounts.by("login", login)
        is_device = hmac.compare_digest(account.device if account and account.device else "", _device_id(device))
        is_tried = await parts.accounts.try_once(account, parts.policy.lock, now, is_device=is_device)
        step = totp.step_of(self._secret_of(account), code, now, parts.policy.totp.steps_around)
        is_right = await parts.hasher.matches(account.password if account else None, password)
        if account is None or not (is_tried and is_right):
            await self._refuse("login_staff", account, login)
        # Whoever has no second factor yet gets a ticket to enrol one, and nothing else.
        if account.totp_sealed is not None and step is None:
            await self._refuse("login_staff", account, login)
        if await self._is_dormant(account) or not await parts.accounts.succeed(account, now, step, is_device=is_device):
            await self._refuse("login_staff", account, login)
        if needs := self._needs(account):
            await parts.audit.tell("login_staff", account, detail=f"unfinished: {', '.join(needs)}")
            return Unfinished(await self._ticket(account), needs)
        await parts.audit.tell("login_staff", account)
        pair, known = await parts.sessions.open(account.facts, client=client), secrets.token_urlsafe(32)
        await parts.accounts.change(
            account.id, device=_device_id(known), password_reset_by=None, totp_reset_by=None
        )  # fmt: skip
        return Opened(pair, account.failed + account.device_failed, known)

    async def choose_password(self, ticket: str, password: str) -> tuple[str, ...]:
        """Replace a one-time or expired password; returns what is left to do."""
        account = await self._account_of(ticket)
        if PASSWORD not in self._needs(account):
            raise ConflictError("口令已经换过", hint="请用新口令登录")
        chosen = await self._store("choose_password", account, password)
        left = tuple(need for need in self._needs(account) if need != PASSWORD)
        await (self._keep(ticket, chosen) if left else self._drop(ticket))
        return left

    async def enrol_totp(self, ticket: str) -> tuple[str, str]:
        """A new second factor, pending until confirmed: its secret (base32) and the URI an app reads as a QR code."""
        account = await self._account_of(ticket)
        self._check_enrolling(account)
        secret = totp.new_secret()
        sealed = self._parts.vault.seal(secret, f"tb_account.totp_pending:{account.id}")
        await self._change("enrol_totp", account, totp_pending=sealed)
        return secret, totp.uri_of(secret, account.login or "")

    async def confirm_totp(self, ticket: str, code: str) -> tuple[str, ...]:
        """The app shows the right codes: the factor counts from now on. Returns what is left to do."""
        parts, account = self._parts, await self._account_of(ticket)
        self._check_enrolling(account)
        if account.totp_pending is None:
            raise ConflictError("还没有开始登记动态码", hint="请先用 enrolTotp")
        secret = parts.vault.unseal(account.totp_pending, f"tb_account.totp_pending:{account.id}")
        step = totp.step_of(secret, code, parts.clock(), parts.policy.totp.steps_around)
        if step is None:
            raise InvalidInputError("动态码不对", [InputProblem(("code",), "与手机上显示的不一致", "totp.wrong")])
        sealed = parts.vault.seal(secret, f"tb_account.totp_sealed:{account.id}")
        await self._change("confirm_totp", account, totp_sealed=sealed, totp_pending=None, totp_last_step=step)
        left = tuple(need for need in self._needs(account) if need != TOTP)
        if not left:
            await self._drop(ticket)
        return left

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """An officer's own password. A wrong old one counts towards the lock; other sessions end."""
        parts = self._parts
        account = await parts.accounts.by("id", actor.id) if actor.session else None
        if account is None or account.kind not in ("staff", "admin"):
            raise NotAuthenticatedError("请先以工作人员或管理员身份登录")
        parts.hasher.check_room()
        is_tried = await parts.accounts.try_once(account, parts.policy.lock, parts.clock())
        if not (await parts.hasher.matches(account.password, old) and is_tried):
            await self._refuse("change_password", account, "")
        await self._store("change_password", account, new)
        await parts.sessions.revoke(account.id, "password", keep=actor.session)

    async def _change(self, action: str, account: Account, **columns: Any) -> None:
        """Columns and the line about them, both or neither."""
        async with self._parts.accounts.database.transaction() as tx:
            await self._parts.accounts.change(account.id, tx, **columns)
            await self._parts.audit.tell(action, account, tx=tx)

    async def _store(self, action: str, account: Account, password: str) -> str:
        """The hash that is stored, together with its line."""
        parts, policy = self._parts, self._parts.policy.password
        check_password(policy, password, names=(account.login or "",), field="password")
        # A one-time password has never been chosen, so the history does not hold it: it ends all the same.
        for old in dict.fromkeys((account.password, *await parts.accounts.old_passwords(account.id, policy.history))):
            if await parts.hasher.matches(old, password):
                problem = InputProblem(("password",), f"不能与最近 {policy.history} 次用过的相同", "password.used")
                raise InvalidInputError("口令不符合要求", [problem])
        hashed = await parts.hasher.hash(password)
        async with parts.accounts.database.transaction() as tx:
            await parts.accounts.set_password(account, hashed, parts.clock(), tx=tx)
            await parts.audit.tell(action, account, tx=tx)
        return hashed

    def _needs(self, account: Account) -> tuple[str, ...]:
        expires = timedelta(days=self._parts.policy.password.expires_days)
        is_old = account.password_at is None or self._parts.clock() - account.password_at >= expires
        needs_password = account.password_temporary or is_old
        return (PASSWORD,) * needs_password + (TOTP,) * (account.totp_sealed is None)

    def _check_enrolling(self, account: Account) -> None:
        if account.totp_sealed is not None:
            raise ConflictError("已经登记过动态码", hint="换手机请联系安全管理员重置")

    async def _is_dormant(self, account: Account) -> bool:
        """Disabled here and now, whether or not the nightly job has come by."""
        if self._parts.clock() - account.used_at < timedelta(days=self._parts.policy.dormant_days):
            return False
        await self._parts.accounts.change(account.id, state="disabled", state_why="dormant")
        return True

    def _secret_of(self, account: Account | None) -> str | None:
        if account is None or account.totp_sealed is None:
            return None
        return self._parts.vault.unseal(account.totp_sealed, f"tb_account.totp_sealed:{account.id}")

    async def _ticket(self, account: Account) -> str:
        ticket, now = secrets.token_urlsafe(32), self._parts.clock()
        ends = now + timedelta(seconds=self._parts.policy.ticket.life_s)
        row = {"id": _ticket_id(ticket), "secret": _stamp(account.password), "account": account.id, "tries": 0,
               "sent_at": now, "expires_at": ends}  # fmt: skip
        await self._parts.accounts.database.insert([Insert(CODE, row)])
        return ticket

    async def _account_of(self, ticket: str) -> Account:
        database = self._parts.accounts.database
        text = "SELECT account, secret FROM tb_code WHERE id = {id} AND expires_at > {now:expires_at}"
        sql = statement(database.dialect, CODE, text, id=_ticket_id(ticket), now=self._parts.clock())
        rows = await database.fetch(*sql)
        account = await self._parts.accounts.by("id", str(rows[0][0])) if rows else None
        # A ticket is good as long as the password it was given for: a reset takes back both.
        if account is None or account.state != "active" or rows[0][1] != _stamp(account.password):
            raise LoginFailedError("登录步骤已失效", hint="请重新用账号和口令登录")
        return account

    async def _keep(self, ticket: str, hashed: str) -> None:
        """The ticket goes on with the password chosen by it."""
        database = self._parts.accounts.database
        async with database.transaction() as tx:
            text = "UPDATE tb_code SET secret = {secret} WHERE id = {id}"
            await tx.execute(*statement(database.dialect, CODE, text, id=_ticket_id(ticket), secret=_stamp(hashed)))

    async def _drop(self, ticket: str) -> None:
        database = self._parts.accounts.database
        async with database.transaction() as tx:
            text = "DELETE FROM tb_code WHERE id = {id}"
            await tx.execute(*statement(database.dialect, CODE, text, id=_ticket_id(ticket)))

    async def _refuse(self, action: str, account: Account | None, tried: str) -> NoReturn:
        error = LoginFailedError(
            "账号、口令或动态码不正确", hint="连续错 5 次锁定 30 分钟；长期未用的账号请联系安全管理员"
        )
        await self._parts.audit.tell(action, account, tried=tried, error=error)
        raise error


def _device_id(device: str) -> str:
    return hashlib.sha256(device.encode()).hexdigest()


def _ticket_id(ticket: str) -> str:
    return f"ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


def _stamp(hashed: str | None) -> str:
    """Tells one password from the next."""
    return hashlib.sha256((hashed or "").encode()).hexdigest()
