"""Who a citizen is: level 1 a phone, 2 name and identity number checked, 3 face compared or seen at a window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog
from tongban_sdk import (
    Actor,
    InputProblem,
    InvalidInputError,
    PermissionDeniedError,
    RealNameRequiredError,
    RequestError,
    UnavailableError,
)

from core.fields.base import FieldError
from core.fields.identity import check_idno
from core.identity.accounts import Account
from core.identity.citizens import Citizens, Parts, mobile, wrong_code
from core.identity.codes import WINDOW
from core.identity.providers import FaceProvider, ProviderError, RealNameProvider
from core.identity.required import require_role
from core.identity.sessions import Pair
from core.identity.within import within
from core.store.database import Transaction

log = structlog.get_logger("tongban.identity")

Sees = Callable[[Actor, str], Awaitable[bool]]
CLERKS = frozenset({"window_clerk"})
#: A face is compared as one picture of this size at most.
PICTURE_MAX_BYTES = 150 * 1024


@dataclass(frozen=True, slots=True)
class RealNames:
    """Binds persons to accounts: each after a check of its own, so that one phone may serve several."""

    parts: Parts
    citizens: Citizens
    provider: RealNameProvider
    face: FaceProvider
    #: Whether the rules show a member of staff this core.person.
    sees: Sees

    async def verify(self, actor: Actor, name: str, idno: str) -> Pair:
        """Level 2 for the person of this name and number. The answer is a new log-in; the old session ends."""
        account = await self.citizens.own_account(actor)
        person = await self.find(account, name, idno)
        if person is None:
            await self._refuse("verify_identity", account, _mismatch())
        return await self._go_on(actor, account, person, 2, self.provider.name)

    async def verify_face(self, actor: Actor, picture: bytes) -> Pair:
        """Level 3 for the person the session already is."""
        account = await self.citizens.own_account(actor)
        if actor.person is None:
            raise RealNameRequiredError(2)
        if not 0 < len(picture) <= PICTURE_MAX_BYTES:
            raise InvalidInputError(f"照片应为 1 到 {PICTURE_MAX_BYTES // 1024} KB")
        await self.parts.quotas.take("check_account", account.id)
        try:
            is_hers = await within(self.face.matches(actor.person, picture))
        except ProviderError as error:
            await self.parts.quotas.give_back("check_account", account.id)
            raise _away("人脸核验", error) from None
        if not is_hers:
            await self._refuse("verify_face", account, PermissionDeniedError("人脸核验没有通过", hint="可到窗口核验"))
        return await self._go_on(actor, account, actor.person, 3, self.face.name)

    async def request_window_code(self, clerk: Actor, phone: str) -> int:
        """Send the code that confirm_at_window asks for, good for this clerk only; returns the seconds it lives."""
        staff = _clerk(clerk)
        return await self.parts.codes.send(mobile(phone), clerk.id, WINDOW, staff)

    async def confirm_at_window(self, clerk: Actor, phone: str, code: str, name: str, idno: str) -> str:
        """Level 3, by a clerk who has the document and its holder before her, and the code from the holder's phone.

        Returns the core.person."""
        staff = _clerk(clerk)
        number = mobile(phone)
        if not await self.parts.codes.spend(self.parts.codes.key_of(number), code, WINDOW, staff):
            await self.parts.audit.tell_of(clerk, "confirm_at_window", error=wrong_code())
            raise wrong_code()
        held = await self.parts.accounts.by_phone(number)
        if held is not None:
            await self._check_other(clerk, *(bound.person for bound in await self.parts.sessions.bound(held.id)))
        person = await self._find(clerk.id, number, name, idno, at_window=True)
        if person is None or not await self.sees(clerk, person):
            await self.parts.audit.tell_of(clerk, "confirm_at_window", error=_mismatch())
            raise _mismatch()
        await self._check_other(clerk, person)
        account = await self.citizens.account_of(number)
        async with self.parts.accounts.database.transaction() as tx:
            await self.parts.audit.tell_of(clerk, "confirm_at_window", account, subjects=(person,), tx=tx)
            target = await self._bind(tx, account, person, 3, "window", clerk.id)
        await self.parts.sessions.drop([target.id])
        return person

    async def _check_other(self, clerk: Actor, *persons: str) -> None:
        """Nobody confirms herself, or somebody else for a phone of her own."""
        if clerk.person in persons:
            error = PermissionDeniedError("不能核验本人，也不能用本人的手机核验", hint="请另一名窗口人员办理")
            await self.parts.audit.tell_of(clerk, "confirm_at_window", error=error)
            raise error

    async def find(self, account: Account, name: str, idno: str) -> str | None:
        """The person of a name and a number, within the quota of the account that asks."""
        phone = self.citizens.phone_of(account) if account.phone_sealed else ""
        return await self._find(account.id, phone, name, idno)

    async def _find(self, asker: str, phone: str, name: str, idno: str, *, at_window: bool = False) -> str | None:
        number = idno.strip().upper()
        try:
            check_idno(number)
        except FieldError as error:
            raise InvalidInputError("身份证号码不对", [InputProblem(("idno",), error.message, error.id)]) from None
        if not at_window:
            await self.parts.quotas.take("check_account", asker)
            await self.parts.quotas.take("check_idno", number)
        try:
            return await within(self.provider.find(name.strip(), number, phone))
        except ProviderError as error:
            if not at_window:
                await self.parts.quotas.give_back("check_account", asker)
                await self.parts.quotas.give_back("check_idno", number)
            raise _away("身份核验", error) from None

    async def _go_on(self, actor: Actor, account: Account, person: str, level: int, source: str) -> Pair:
        """Bound and told of, or neither."""
        action = "verify_identity" if level == 2 else "verify_face"
        async with self.parts.accounts.database.transaction() as tx:
            await self.parts.audit.tell(action, account, subjects=(person,), detail=source, tx=tx)
            target = await self._bind(tx, account, person, level, source, account.id)
        await self.parts.sessions.revoke(account.id if target.id != account.id else actor.session, "verified")
        return await self.parts.sessions.open_as(target.facts, person)

    async def _bind(self, tx: Transaction, account: Account, person: str, level: int, source: str, by: str) -> Account:
        target = await self.citizens.reclaim(tx, account, person)
        await self.parts.accounts.bind(tx, target.id, person, level, source, by, self.parts.clock())
        return target

    async def _refuse(self, action: str, account: Account, error: RequestError) -> NoReturn:
        await self.parts.audit.tell(action, account, error=error)
        raise error


def _clerk(actor: Actor) -> str:
    """The core.staff of a clerk at a window."""
    require_role(actor, CLERKS, "只有窗口人员可以现场核验")
    if actor.staff is None:
        raise PermissionDeniedError("只有窗口人员可以现场核验")
    return actor.staff


def _mismatch() -> InvalidInputError:
    """The same for an unknown number, another's name and, at a window, a resident of elsewhere: nobody finds out who is
    registered."""
    return InvalidInputError("姓名与公民身份号码不一致", hint="请核对证件；仍不通过可到政务服务窗口核验")


def _away(what: str, error: ProviderError) -> UnavailableError:
    log.error("provider_away", what=what, reason=str(error))
    return UnavailableError(f"{what}暂时不可用，请稍后再试", retry_after_s=60.0)
