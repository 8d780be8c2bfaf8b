"""Log-in by a provider outside, such as a province's unified identity: started here, finished here, once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import structlog
from tongban_sdk import InputProblem, InvalidInputError, LoginFailedError, NotFoundError, UnavailableError

from core.identity.accounts import Account
from core.identity.citizens import Parts
from core.identity.oidc_client import OidcClient, not_proven
from core.identity.oidc_settings import OidcProvider
from core.identity.providers import ProviderError
from core.identity.registry_check import RegistryCheck
from core.identity.sessions import Pair
from core.store.account_tables import ACCOUNT_PERSON, CODE
from core.store.database import Insert, Transaction
from core.store.errors import UniqueError
from core.store.statement import statement

log = structlog.get_logger("tongban.identity")

#: From the first click to the way back.
STATE_LIFE = timedelta(minutes=10)


class OidcLogin:
    """Of all providers. States live in the database: the way back may lead to another node."""

    def __init__(self, parts: Parts, providers: Mapping[str, OidcProvider], registry: RegistryCheck) -> None:
        self._parts, self._registry = parts, registry
        self._clients = {name: OidcClient(provider) for name, provider in providers.items()}

    def providers(self) -> list[OidcProvider]:
        return [client.provider for client in self._clients.values()]

    async def start(self, name: str, redirect_uri: str, address: str) -> tuple[str, str]:
        """The provider's page and the state that must come back with its code: whoever began compares it."""
        await self._parts.quotas.take("oidc_address", address)
        client = self._clients.get(name)
        if client is None:
            raise NotFoundError("没有这个统一身份认证")
        if redirect_uri not in client.provider.redirect_uris:
            problem = InputProblem(("redirectUri",), "没有登记这个返回地址", "oidc.redirect")
            raise InvalidInputError("返回地址不对", [problem])
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            url = await client.url(redirect_uri, state, nonce, verifier)
        except ProviderError as error:
            raise _away(name, error) from None
        facts = {"provider": name, "redirect_uri": redirect_uri, "nonce": nonce, "verifier": verifier}
        await self._remember(state, facts)
        return url, state

    async def finish(self, state: str, code: str, address: str, client: str = "") -> Pair:
        """LoginFailedError for a state or a code that is unknown, used, expired or of somebody else."""
        await self._parts.quotas.take("oidc_address", address)
        facts = await self._recall(state)
        provider = self._clients.get(facts["provider"]) if facts else None
        if facts is None or provider is None:
            await self._parts.audit.tell("finish_oidc_login", None, tried=state, error=not_proven())
            raise not_proven()
        try:
            claims = await provider.claims(code, facts["redirect_uri"], facts["nonce"], facts["verifier"])
        except ProviderError as error:
            raise _away(facts["provider"], error) from None
        except LoginFailedError as error:
            await self._parts.audit.tell("finish_oidc_login", None, tried=state, error=error, detail=facts["provider"])
            raise
        return await self._log_in(provider.provider, claims, client)

    async def _log_in(self, provider: OidcProvider, claims: Mapping[str, Any], client: str) -> Pair:
        parts = self._parts
        person, level = await self._person_of(provider, claims)
        account = await self._account_of(provider, str(claims["sub"]))
        if account.state != "active":
            await parts.audit.tell("finish_oidc_login", account, error=not_proven(), detail=provider.name)
            raise not_proven()
        subjects = (person,) if person else ()
        await parts.audit.tell("finish_oidc_login", account, subjects=subjects, detail=provider.name)
        await self._bind(account, provider, person, level)
        await parts.accounts.succeed(account, parts.clock())
        return await parts.sessions.open_as(account.facts, person, client=client)

    async def _person_of(self, provider: OidcProvider, claims: Mapping[str, Any]) -> tuple[str | None, int]:
        """Whom the provider has proven, as far as the county knows them, and how well."""
        values = {ours: claims.get(theirs) for ours, theirs in provider.claims.items()}
        level = provider.levels.get(str(values.get("level", "")), 1)
        name, idno = values.get("name"), values.get("idno")
        if level < 2 or not isinstance(name, str) or not isinstance(idno, str):
            return None, 1
        return await self._registry.find(name.strip(), idno.strip().upper(), ""), level

    async def _account_of(self, provider: OidcProvider, subject: str) -> Account:
        parts, said = self._parts, f"{provider.issuer} {subject}"
        for key in parts.vault.lookups(said, "tb_account.outside"):
            if (found := await parts.accounts.by("outside", key)) is not None:
                return found
        key, now = parts.vault.lookup(said, "tb_account.outside"), parts.clock()
        try:
            async with parts.accounts.database.transaction() as tx:
                return await parts.accounts.create_in(tx, "citizen", provider.name, now, outside=key)
        except UniqueError:  # another log-in of this subject was faster
            found = await parts.accounts.by("outside", key)
            assert found is not None
            return found

    async def _bind(self, account: Account, provider: OidcProvider, person: str | None, level: int) -> None:
        """One subject is one person: whoever the provider named before is no longer bound by it."""
        source = f"oidc:{provider.name}"
        async with self._parts.accounts.database.transaction() as tx:
            await self._end_others(tx, account.id, source, person)
            if person is not None:
                now = self._parts.clock()
                await self._parts.accounts.bind(tx, account.id, person, level, source, account.id, now)

    async def _end_others(self, tx: Transaction, account: str, source: str, person: str | None) -> None:
        text = (
            "UPDATE tb_account_person SET ended_at = {now:ended_at} WHERE account = {account} AND source = {source} "
            "AND ended_at IS NULL AND person <> {person}"
        )
        values = {"account": account, "source": source, "person": person or account, "now": self._parts.clock()}
        await tx.execute(*statement(self._parts.accounts.database.dialect, ACCOUNT_PERSON, text, **values))

    async def _remember(self, state: str, facts: Mapping[str, str]) -> None:
        id, now = _state_id(state), self._parts.clock()
        secret = self._parts.vault.seal(orjson.dumps(facts).decode(), f"tb_code.secret:{id}")
        row = {"id": id, "secret": secret, "tries": 0, "sent_at": now, "expires_at": now + STATE_LIFE}
        await self._parts.accounts.database.insert([Insert(CODE, row)])

    async def _recall(self, state: str) -> dict[str, str] | None:
        """Once: the row goes with the answer."""
        id, database = _state_id(state), self._parts.accounts.database
        text = "DELETE FROM tb_code WHERE id = {id} AND expires_at > {now:expires_at} RETURNING secret"
        async with database.transaction() as tx:
            rows = await tx.fetch(*statement(database.dialect, CODE, text, id=id, now=self._parts.clock()))
        if not rows:
            return None
        found: dict[str, str] = orjson.loads(self._parts.vault.unseal(rows[0][0], f"tb_code.secret:{id}"))
        return found


def _state_id(state: str) -> str:
    return f"oidc:{hashlib.sha256(state.encode()).hexdigest()}"


def _away(name: str, error: ProviderError) -> UnavailableError:
    log.error("oidc_away", provider=name, reason=str(error))
    return UnavailableError("统一身份认证暂时不可用，请稍后再试", retry_after_s=60.0)
