"""Nobody opens or re-opens an administrator's account alone: one administrator asks, one of another role confirms.

A one-time password comes in two halves, one for each of them; its owner gets both by hand. Until the second has
confirmed nothing changes: the old password and factor stay good, a new account lets nobody in.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tongban_sdk import (
    Actor,
    ConflictError,
    InputProblem,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
)

from core.identity.accounts import Account
from core.identity.citizens import Parts
from core.identity.passwords import make_half
from core.identity.required import require_login
from core.store.database import Transaction
from core.store.errors import UniqueError
from core.store.ids import uuid7

#: What may be asked for: a new account, one half of an old one's way in, or that a disabled one opens again.
CREATE, PASSWORD, TOTP, ENABLE = "create", "password", "totp", "enable"
#: Actions of the audit.
_ASKS = {PASSWORD: "reset_password", TOTP: "reset_totp", ENABLE: "enable_account"}
UNCONFIRMED = "unconfirmed"
NOTHING_ASKED: Mapping[str, None] = dict.fromkeys(("asked", "asked_by", "asked_at", "asked_password", "asked_half"))
_WAITING = "WHERE kind = 'admin' AND asked_at > {value:asked_at} ORDER BY asked_at, id"


@dataclass(frozen=True, slots=True)
class Handed:
    """An account, and the half of its one-time password that nobody can read again; "" where there is none."""

    account: Account
    half: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a second administrator, and the login of who asked."""

    account: Account
    asker: str


class FourEyes:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def create(self, actor: Actor, login: str, role: str) -> Handed:
        """An account that lets nobody in before it is confirmed."""
        parts, id, now = self._parts, uuid7(), self._parts.clock()
        asker = await self._administrator(actor)
        half, secrets = await self._halves(id)
        try:
            async with parts.accounts.database.transaction() as tx:
                account = await parts.accounts.create_in(
                    tx, "admin", actor.id, now, id=id, login=login, admin_role=role, state="disabled",
                    state_why=UNCONFIRMED, password_temporary=True, asked=CREATE, asked_by=asker.id, asked_at=now,
                    **secrets,
                )  # fmt: skip
                await parts.audit.tell_of(actor, "create_admin_account", account, detail=f"asked: {role}", tx=tx)
        except UniqueError:
            raise ConflictError("账号名已被使用") from None
        return Handed(account, half)

    async def ask(self, actor: Actor, id: str, what: str) -> Handed:
        """Ask to reset an administrator's password or second factor, or to enable him. Asking again renews it."""
        parts, asker = self._parts, await self._administrator(actor)
        half, secrets = await self._halves(id) if what == PASSWORD else ("", {})
        async with parts.accounts.database.transaction() as tx:
            account = await self._held(tx, id)
            asked = CREATE if what == PASSWORD and account.state_why == UNCONFIRMED else what
            self._check_ask(asker, account, asked)
            news: dict[str, Any] = {
                **NOTHING_ASKED,
                "asked": asked,
                "asked_by": asker.id,
                "asked_at": parts.clock(),
                **secrets,
            }
            await parts.accounts.change(id, tx, **news)
            await parts.audit.tell_of(actor, _ASKS[what], account, detail=f"asked: {asked}", tx=tx)
        return Handed(replace(account, **news), half)

    async def waiting(self, actor: Actor) -> list[Waiting]:
        """What any administrator may look through, oldest first."""
        await self._administrator(actor)
        found = await self._parts.accounts.listed(_WAITING, self._stale)
        askers = {one.asked_by: await self._parts.accounts.by("id", str(one.asked_by)) for one in found}
        return [Waiting(one, (asker.login or "") if (asker := askers[one.asked_by]) else "") for one in found]

    async def confirm(self, actor: Actor, id: str, *, is_checked: bool) -> Handed:
        """What was asked happens now. `is_checked`: the confirmer says that she had the owner before her."""
        parts, confirmer = self._parts, await self._administrator(actor)
        if not is_checked:
            problem = InputProblem(("checkedInPerson",), "确认前须当面核对账号所有人的身份", "admin.unchecked")
            raise InvalidInputError("没有当面核对，不能确认", [problem])
        async with parts.accounts.database.transaction() as tx:
            account = await self._held(tx, id)
            await self._check_confirm(tx, confirmer, account)
            await self._carry_out(tx, account)
            detail = f"{account.asked}; asked by {account.asked_by}; checked in person"
            await parts.audit.tell_of(actor, "confirm_admin_account", account, detail=detail, tx=tx)
            changed = await parts.accounts.within(tx, id)
        await parts.sessions.revoke(id, str(account.asked))
        sealed = account.asked_half
        return Handed(changed, parts.vault.unseal(sealed, f"tb_account.asked_half:{id}") if sealed else "")

    def is_asked(self, account: Account) -> bool:
        """Whether something waits; what waited too long counts no more."""
        return account.asked_at is not None and account.asked_at > self._stale

    @property
    def _stale(self) -> datetime:
        return self._parts.clock() - timedelta(hours=self._parts.policy.confirm.life_h)

    async def _carry_out(self, tx: Transaction, account: Account) -> None:
        accounts, now = self._parts.accounts, self._parts.clock()
        changes: dict[str, Any] = dict(NOTHING_ASKED)
        if account.asked == TOTP:
            changes |= {"totp_sealed": None, "totp_pending": None, "totp_reset_by": account.asked_by}
        if account.asked in (CREATE, PASSWORD):
            changes |= {"password_reset_by": account.asked_by}
            await accounts.set_password(account, str(account.asked_password), now, temporary=True, tx=tx)
        if account.asked in (CREATE, ENABLE):
            changes |= {"state": "active", "state_why": "", "enabled_at": now}
        await accounts.change(account.id, tx, **changes)

    def _check_ask(self, asker: Account, account: Account, asked: str) -> None:
        if asked in (TOTP, ENABLE) and account.state_why == UNCONFIRMED:
            hint = "请另一种管理员用 confirmAdminAccount 确认；口令的一半丢了，请用 resetPassword 重新申请"
            raise ConflictError("这个账号还没有另一名管理员确认", hint=hint)
        if asked == ENABLE and account.state == "active":
            raise ConflictError("这个账号没有停用")
        if self.is_asked(account) and (account.asked, account.asked_by) != (asked, asker.id):
            raise ConflictError("这个账号有一件事正等待另一名管理员确认", hint="请先确认它，或等它过期")
        other = {TOTP: account.password_reset_by, PASSWORD: account.totp_reset_by}
        if asker.id == other.get(asked):
            hint = "请另一名安全管理员办理，或等本人登录之后再办"
            raise PermissionDeniedError("口令和动态码不能由同一名管理员重置", hint=hint)

    async def _check_confirm(self, tx: Transaction, confirmer: Account, account: Account) -> None:
        if not self.is_asked(account):
            raise ConflictError("这个账号没有等待确认的事", hint="申请可能已过期，请安全管理员重新申请")
        if confirmer.id in (account.id, account.asked_by):
            raise PermissionDeniedError("申请人和账号本人都不能确认", hint="请另一种管理员确认")
        asker = await self._parts.accounts.within(tx, str(account.asked_by))
        if asker.admin_role == confirmer.admin_role:
            raise PermissionDeniedError("确认人须是与申请人不同种的管理员", hint="请系统管理员或安全审计员确认")
        if asker.state != "active":
            raise ConflictError("申请人的账号已停用，申请作废", hint="请另一名安全管理员重新申请")

    async def _administrator(self, actor: Actor) -> Account:
        """Roles come from rows: a token of development without an account asks and confirms nothing."""
        require_login(actor)
        found = await self._parts.accounts.by("id", actor.id) if is_id(actor.id) else None
        if found is None or found.kind != "admin" or found.state != "active" or found.admin_role not in actor.roles:
            raise PermissionDeniedError("只有管理员可以办理")
        return found

    async def _held(self, tx: Transaction, id: str) -> Account:
        account = await self._parts.accounts.held(tx, id)
        if account is None or account.kind != "admin":
            raise NotFoundError("没有这个管理员账号")
        return account

    async def _halves(self, id: str) -> tuple[str, dict[str, str]]:
        """The half for who asks; the hash of both with a hyphen between, and the other half, sealed."""
        first, second = make_half(), make_half()
        hashed = await self._parts.hasher.hash(f"{first}-{second}")
        sealed = self._parts.vault.seal(second, f"tb_account.asked_half:{id}")
        return first, {"asked_password": hashed, "asked_half": sealed}


def is_id(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
