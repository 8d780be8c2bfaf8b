"""The protocol half of log-in by a provider outside: discovery, keys, exchange of a code, checks of what comes back.

OpenID Connect Core 1.0, RFC 7636 (PKCE), RFC 9207's rule that only the configured issuer is ever talked to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlencode

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from tongban_sdk import LoginFailedError

from core.identity.oidc_settings import OidcProvider
from core.identity.providers import ProviderError

TIMEOUT_S = 5.0
ANSWER_MAX_BYTES = 256 * 1024
#: Discovery and keys are asked for again after this long; an unknown key asks at once, but not more often than RETRY_S.
KNOWN_S, RETRY_S = 3600.0, 10.0
LEEWAY_S = 60
#: An ID token older than this is not the answer to a log-in that began ten minutes ago at most.
AGE_MAX_S = 600
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(slots=True)
class Known:
    """What a provider has published, and when it was read."""

    document: Mapping[str, Any]
    keys: KeySet
    at: float


class OidcClient:
    """Of one provider. Never follows a redirect, never calls a host that is not configured."""

    def __init__(self, provider: OidcProvider) -> None:
        self.provider = provider
        self._known: Known | None = None

    async def url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the citizen's browser is sent."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code", "client_id": self.provider.client_id, "redirect_uri": redirect_uri,
            "scope": " ".join(("openid", *(s for s in self.provider.scopes if s != "openid"))), "state": state,
            "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        endpoint = (await self._published()).document["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def claims(self, code: str, redirect_uri: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """The checked claims of the ID token for a code. LoginFailedError: refused; ProviderError: away."""
        known = await self._published()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
                "code_verifier": verifier}  # fmt: skip
        answer = await self._exchange(known.document["token_endpoint"], form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise not_proven()
        return self._checked(await self._decoded(token, known), nonce)

    async def _decoded(self, token: str, known: Known) -> Mapping[str, Any]:
        algorithms = list(self.provider.algorithms)
        try:
            return jwt.decode(token, known.keys, algorithms=algorithms).claims
        except (JoseError, ValueError):
            if time.monotonic() - known.at < RETRY_S:
                raise not_proven() from None
        # The provider may have changed its keys since they were read.
        self._known = None
        try:
            return jwt.decode(token, (await self._published()).keys, algorithms=algorithms).claims
        except (JoseError, ValueError):
            raise not_proven() from None

    def _checked(self, claims: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        now, expires, issued = time.time(), claims.get("exp"), claims.get("iat")
        is_ours = (
            claims.get("iss") == self.provider.issuer
            and self.provider.client_id in audiences
            and (len(audiences) == 1 or claims.get("azp") == self.provider.client_id)
            and claims.get("azp", self.provider.client_id) == self.provider.client_id
            and _is_time(expires) and now < expires + LEEWAY_S
            and _is_time(issued) and now - AGE_MAX_S - LEEWAY_S < issued < now + LEEWAY_S
            and isinstance(claims.get("sub"), str) and 0 < len(claims["sub"]) <= 255
            and isinstance(claims.get("nonce"), str) and hmac.compare_digest(claims["nonce"].encode(), nonce.encode())
        )  # fmt: skip
        if not is_ours:
            raise not_proven()
        return claims

    async def _published(self) -> Known:
        if self._known is None or time.monotonic() - self._known.at > KNOWN_S:
            document = await self._get(f"{self.provider.issuer}/.well-known/openid-configuration")
            if document.get("issuer") != self.provider.issuer:
                raise ProviderError("discovery names another issuer")
            for name in _ENDPOINTS:
                if not isinstance(document.get(name), str) or not self.provider.allows(document[name]):
                    raise ProviderError(f"{name} is on a host that is not configured")
            try:
                keys = KeySet.import_key_set(await self._get(document["jwks_uri"]))  # type: ignore[arg-type]  # it checks
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise ProviderError(f"keys: {type(error).__name__}") from None
            self._known = Known(document, keys, time.monotonic())
        return self._known

    async def _get(self, url: str) -> dict[str, Any]:
        status, body = await self._call("GET", url)
        if status != 200:
            raise ProviderError(f"status {status}")
        return _object(body)

    async def _exchange(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        """4xx is the provider's no to this code."""
        status, body = await self._call("POST", url, form)
        if 400 <= status < 500:
            raise not_proven()
        if status != 200:
            raise ProviderError(f"status {status}")
        return _object(body)

    async def _call(self, method: str, url: str, form: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        auth = (self.provider.client_id, self.provider.client_secret) if form else None
        try:
            async with (
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
                client.stream(method, url, data=form, auth=auth, headers={"accept": "application/json"}) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_MAX_BYTES:
                        raise ProviderError("answer too large")
                return answer.status_code, body
        except httpx.HTTPError as error:
            raise ProviderError(type(error).__name__) from None


def not_proven() -> LoginFailedError:
    return LoginFailedError("统一身份认证没有通过", hint="请重新登录")


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderError("no JSON") from None
    if not isinstance(found, dict):
        raise ProviderError("no JSON object")
    return found
