"""One-time codes of phones: counted in the database before they are compared, dead after a few tries, good once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from tongban_sdk import RateLimitedError, UnavailableError

from core.crypto import Vault
from core.fields.times import utc_now
from core.identity.login_policy import CodePolicy
from core.identity.providers import ProviderError, SmsProvider
from core.identity.quotas import Quotas
from core.identity.within import within
from core.store.account_tables import CODE
from core.store.database import Database
from core.store.statement import statement

log = structlog.get_logger("tongban.identity")

_STORE = (
    "INSERT INTO tb_code (id, secret, tries, sent_at, expires_at) "
    "VALUES ({id}, {secret}, 0, {now:sent_at}, {ends:expires_at}) ON CONFLICT (id) DO UPDATE SET "
    "secret = excluded.secret, tries = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at"
)
_TRY = (
    "UPDATE tb_code SET tries = tries + 1 WHERE id = {id} AND tries < {most:tries} AND expires_at > {now:expires_at} "
    "RETURNING secret"
)


@dataclass(frozen=True, slots=True)
class Use:
    """What a code is good for, and for nothing else; the text says so, for whoever is asked to read it out."""

    id: str
    #: Of the text, see SmsProvider.
    template: str


LOGIN = Use("phone", "login_code")
DELEGATION = Use("delegation", "delegation_code")
WINDOW = Use("window", "window_code")
FILING = Use("filing", "filing_code")


class Codes:
    """One per process. A code belongs to a phone, not to an account: nothing here knows who has one."""

    def __init__(
        self, database: Database, vault: Vault, policy: CodePolicy, quotas: Quotas, sms: SmsProvider,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:  # fmt: skip
        self._database, self._vault, self._policy = database, vault, policy
        self._quotas, self.sms, self._clock = quotas, sms, clock

    def key_of(self, phone: str) -> str:
        """The keyed hash a phone is found by, here and in tb_account."""
        return self._vault.lookup(phone, "tb_account.phone")

    async def send(self, phone: str, asker: str, use: Use = LOGIN, about: str = "", **words: str) -> int:
        """Send a new code; the one before for the same use is dead. Returns the seconds it is good for.

        `asker`: the address or account that is counted. `about`: the very matter the code confirms. `words`: more for
        the text."""
        key = self.key_of(phone)
        await self._quotas.take("code_address", asker)
        await self._quotas.take("code_phone", key)
        try:
            await self._quotas.take("code_phone_day", key)
        except RateLimitedError:
            await self._quotas.give_back("code_phone", key)
            raise
        code = f"{secrets.randbelow(10**self._policy.digits):0{self._policy.digits}}"
        try:
            minutes = str(self._policy.life_s // 60)
            await within(self.sms.send(phone, use.template, {"code": code, "minutes": minutes, **words}))
        except ProviderError as error:
            await self._quotas.give_back("code_phone", key)
            await self._quotas.give_back("code_phone_day", key)
            log.error("sms_failed", reason=str(error))
            raise UnavailableError("短信暂时发不出去，请稍后再试", retry_after_s=60.0) from None
        await self._store(f"{use.id}:{key}", self._secret(key, code, about))
        return self._policy.life_s

    async def spend(self, key: str, code: str, use: Use = LOGIN, about: str = "") -> bool:
        """Whether this is the code of the phone with this key, for this use and matter. Every call is a try; a right
        one is the last."""
        dialect, id, now = self._database.dialect, f"{use.id}:{key}", self._clock()
        async with self._database.transaction() as tx:
            rows = await tx.fetch(*statement(dialect, CODE, _TRY, id=id, most=self._policy.tries, now=now))
        secret = self._secret(key, code, about)
        if not rows or not hmac.compare_digest(rows[0][0], secret):
            return False
        # Two right guesses at once: one of them deletes the row.
        text = "DELETE FROM tb_code WHERE id = {id} AND secret = {secret} RETURNING id"
        async with self._database.transaction() as tx:
            return bool(await tx.fetch(*statement(dialect, CODE, text, id=id, secret=secret)))

    async def _store(self, id: str, secret: str) -> None:
        now = self._clock()
        values = {"id": id, "secret": secret, "now": now, "ends": now + timedelta(seconds=self._policy.life_s)}
        async with self._database.transaction() as tx:
            await tx.execute(*statement(self._database.dialect, CODE, _STORE, **values))

    def _secret(self, key: str, code: str, about: str) -> str:
        return self._vault.lookup(f"{key} {code} {about}", "tb_code.secret")
