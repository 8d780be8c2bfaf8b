"""Tokens: made from an actor, turned back into one. The only way an Actor comes into being."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import jwt
from tongban_sdk import ANONYMOUS, Actor, NotAuthenticatedError
from tongban_sdk.actor import ActorKind

from core.identity.keys import ALGORITHM, KeyRing

ISSUER = "tongban"
AUDIENCE = "tongban-api"
#: Clocks of nodes may differ this much; security.md allows 60 s at most.
LEEWAY_S = 30
#: Longest life of any token; development tokens use it whole. `RETIRED_KEPT_S` of keys depends on it.
LIFE_MAX_S = 24 * 3600
TOKEN_MAX_CHARS = 4096
CACHE_MAX = 10_000
#: Not more often than this are the keys read again for an unknown kid, so that junk costs no disk.
RELOAD_EVERY_S = 5.0

_CLAIMS = ("person", "org", "org_path", "division")
_KINDS = frozenset(get_args(ActorKind)) - {"anonymous", "system"}


@dataclass(frozen=True, slots=True)
class Caller:
    """A checked token: who calls and until when (Unix seconds; infinity without a token)."""

    actor: Actor
    expires_at: float


NOBODY = Caller(ANONYMOUS, float("inf"))


class Tokens:
    """Signs and checks tokens of one key ring. Checked tokens are kept until they expire or the epoch is raised."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.epoch = 0
        self._known: dict[str, Caller] = {}
        self._reloaded_at = float("-inf")

    def mint(self, actor: Actor, *, life_s: int = LIFE_MAX_S) -> str:
        """Sign a token for an actor. Log-in and the `token` command are the only callers."""
        if actor.kind not in _KINDS or not actor.id or not 0 < life_s <= LIFE_MAX_S:
            raise ValueError("a token needs an account and a life of at most a day")
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": actor.id, "iat": now, "exp": now + life_s, "jti": uuid.uuid4().hex,
            "kind": actor.kind, "roles": sorted(actor.roles), "grids": list(actor.grids),
        }  # fmt: skip
        claims |= {name: value for name in _CLAIMS if (value := getattr(actor, name)) is not None}
        key = self.ring.active
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str) -> Caller:
        """The caller of a token, or NotAuthenticatedError. Says nothing about what was wrong with it."""
        caller = self._known.get(token)
        if caller is not None and time.time() < caller.expires_at:
            return caller
        self._known.pop(token, None)
        caller = self._check(token)
        if len(self._known) >= CACHE_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[token] = caller
        return caller

    def raise_epoch(self) -> None:
        """Forget every checked token, so that a revocation or a dropped key takes effect with the next request."""
        self.epoch += 1
        self._known.clear()

    def _check(self, token: str) -> Caller:
        try:
            return _caller(self._decode(token))
        except (jwt.PyJWTError, ValueError, KeyError, TypeError):
            # No cause: a chained traceback would carry the token into a log.
            raise NotAuthenticatedError("登录已失效，请重新登录", hint="令牌无效或已过期") from None

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_MAX_CHARS:
            raise ValueError("token too long")
        header = jwt.get_unverified_header(token)
        # Only our own kid is looked at: a token can never say where its key is to be found.
        key = self._key(header["kid"]) if set(header) <= {"alg", "typ", "kid"} else None
        if key is None:
            raise ValueError("unknown key")
        return jwt.decode(
            token, key.public, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "sub", "iat", "exp"], "strict_aud": True},
        )  # fmt: skip

    def _key(self, kid: object) -> Any:
        if not isinstance(kid, str):
            return None
        if kid not in self.ring.keys and time.monotonic() - self._reloaded_at > RELOAD_EVERY_S:
            self._reloaded_at = time.monotonic()
            self.ring.reload()
        return self.ring.keys.get(kid)


def _caller(claims: Mapping[str, Any]) -> Caller:
    if claims["exp"] - claims["iat"] > LIFE_MAX_S:
        raise ValueError("token lives too long")
    kind, roles, grids = claims["kind"], claims["roles"], claims["grids"]
    texts = {name: claims.get(name) for name in _CLAIMS}
    strings = [claims["sub"], *roles, *grids, *(v for v in texts.values() if v is not None)]
    if kind not in _KINDS or not claims["sub"] or not all(isinstance(s, str) for s in strings):
        raise ValueError("malformed claims")
    actor = Actor(id=claims["sub"], kind=kind, roles=frozenset(roles) | {"anonymous"}, grids=tuple(grids), **texts)
    return Caller(actor, float(claims["exp"]))


def caller_from_request(headers: Mapping[str, str], tokens: Tokens) -> Caller:
    """Who sent these headers (lower-case names). Cookies are never looked at, so no page can borrow a log-in."""
    header = headers.get("authorization")
    if header is None:
        return NOBODY
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError("登录已失效，请重新登录", hint="请使用 Authorization: Bearer 令牌")
    return tokens.verify(token.strip())


def actor_from_request(headers: Mapping[str, str], tokens: Tokens) -> Actor:
    """The one seam between log-in and everything else: headers in, actor out."""
    return caller_from_request(headers, tokens).actor
