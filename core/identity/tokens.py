"""Tokens: made from an actor, turned back into one. The only way an Actor comes into being."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import jwt
from tongban_sdk import ANONYMOUS, Actor, NotAuthenticatedError, UnavailableError
from tongban_sdk.actor import ActorKind

from core.identity.admins import check_separation
from core.identity.keys import ALGORITHM, Key, KeyRing

ISSUER = "tongban"
AUDIENCE = "tongban-api"
#: RFC 9068: no other kind of JWT can be taken for an access token.
TYPE = "at+jwt"
#: Clocks of nodes may differ this much; security.md allows 60 s at most.
LEEWAY_S = 30
#: Longest life of a development token. `RETIRED_KEPT_S` of keys depends on it.
LIFE_MAX_S = 24 * 3600
#: Longest life of an access token of a session.
ACCESS_MAX_S = 600
TOKEN_MAX_CHARS = 4096
CACHE_MAX = 10_000
#: Not more often than this are the keys read again for an unknown kid, so that junk costs no disk.
RELOAD_EVERY_S = 5.0
#: After this long every access token of a session that was cut has expired.
CUT_KEPT_S = ACCESS_MAX_S + 2 * LEEWAY_S + 60
#: A generation no token reaches: the session is closed.
CLOSED = 2**53

#: No padding, no spaces: one token has one spelling.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TEXTS = ("person", "org", "org_path", "division", "staff", "legal_entity", "agent", "delegation")
_LISTS = ("grids", "scopes")
_KINDS = frozenset(get_args(ActorKind)) - {"anonymous", "system"}


@dataclass(frozen=True, slots=True)
class Caller:
    """A checked token: who calls, until when (Unix seconds; infinity without a token), in which generation of the
    session."""

    actor: Actor
    expires_at: float
    generation: int = 0


NOBODY = Caller(ANONYMOUS, float("inf"))


class Tokens:
    """Signs and checks tokens of one key ring. Checked tokens are kept until they expire or their session is cut."""

    def __init__(self, ring: KeyRing, *, takes_development: bool = False) -> None:
        self.ring = ring
        self.takes_development = takes_development
        #: From this moment (Unix seconds) revocations may have been missed, and nobody can be told to be logged in.
        self.blind_at = float("inf")
        #: Sessions in use since somebody last looked: Watch puts a time to them.
        self.used: set[str] = set()
        self._known: dict[str, Caller] = {}
        #: Session → lowest generation that is still good, and when this was learnt.
        self._cuts: dict[str, tuple[int, float]] = {}
        self._reloaded_at = float("-inf")

    def mint(self, actor: Actor, *, life_s: int = LIFE_MAX_S, generation: int = 0) -> str:
        """Sign a token: an access token for an actor with a session, a development token for one without. ValueError
        for whoever must not have one."""
        longest = ACCESS_MAX_S if actor.session else LIFE_MAX_S
        if actor.kind not in _KINDS or not actor.id or not 0 < life_s <= longest:
            raise ValueError("a token needs an account and a life within its limit")
        check_separation(actor.kind, actor.roles)
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": actor.id, "iat": now, "exp": now + life_s, "jti": uuid.uuid4().hex,
            "kind": actor.kind, "roles": sorted(actor.roles), "real_name": actor.real_name,
        }  # fmt: skip
        claims |= {"sid": actor.session, "gen": generation} if actor.session else {"dev": True}
        claims |= {name: list(getattr(actor, name)) for name in _LISTS}
        claims |= {name: value for name in _TEXTS if (value := getattr(actor, name)) is not None}
        key = self.ring.active
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid, "typ": TYPE})

    def touch(self, caller: Caller) -> None:
        """This caller is doing something now."""
        if session := caller.actor.session:
            self.used.add(session)

    def verify(self, token: str) -> Caller:
        """The caller of a token, or NotAuthenticatedError. Says nothing about what was wrong with it."""
        now = time.time()
        caller = self._known.get(token)
        if caller is not None and now < caller.expires_at and now < self.blind_at:
            return caller
        if now >= self.blind_at:
            raise UnavailableError("暂时无法确认登录状态，请稍后再试", retry_after_s=1.0)
        self._known.pop(token, None)
        caller = self._check(token)
        if len(self._known) >= CACHE_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[token] = caller
        return caller

    def cut(self, generations: Mapping[str, int]) -> None:
        """From now on these sessions need a token of at least this generation (`CLOSED`: none will do)."""
        now = time.monotonic()
        self._cuts = {id: kept for id, kept in self._cuts.items() if now - kept[1] < CUT_KEPT_S}
        new = {id: least for id, least in generations.items() if self._least(id) < least}
        self._cuts |= {id: (least, now) for id, least in new.items()}
        if new:
            self._known = {t: c for t, c in self._known.items() if not self._is_cut(c)}

    def _least(self, session: str) -> int:
        return self._cuts.get(session, (0, 0.0))[0]

    def _is_cut(self, caller: Caller) -> bool:
        return caller.generation < self._least(caller.actor.session)

    def _check(self, token: str) -> Caller:
        try:
            caller = self._caller(self._decode(token))
            if self._is_cut(caller):
                raise ValueError("the session was cut")
            return caller
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, RecursionError):
            # No cause: a chained traceback would carry the token into a log.
            raise NotAuthenticatedError("登录已失效，请重新登录", hint="令牌无效或已过期") from None

    def _decode(self, token: str) -> dict[str, Any]:
        if len(token) > TOKEN_MAX_CHARS or not _SHAPE.fullmatch(token):
            raise ValueError("not the shape of a token")
        header = jwt.get_unverified_header(token)
        # Only our own kid is looked at: a token can never say where its key is to be found.
        if set(header) != {"alg", "typ", "kid"} or header["typ"] != TYPE or header["alg"] != ALGORITHM:
            raise ValueError("not one of our headers")
        if (key := self._key(header["kid"])) is None:
            raise ValueError("unknown key")
        return jwt.decode(
            token, key.public, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "sub", "iat", "exp"], "strict_aud": True},
        )  # fmt: skip

    def _key(self, kid: object) -> Key | None:
        if not isinstance(kid, str):
            return None
        if kid not in self.ring.keys and time.monotonic() - self._reloaded_at > RELOAD_EVERY_S:
            self._reloaded_at = time.monotonic()
            self.ring.reload()
        return self.ring.keys.get(kid)

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        session, generation = self._session(claims)
        kind, roles, real_name = claims["kind"], claims["roles"], claims["real_name"]
        texts = {name: claims[name] for name in _TEXTS if name in claims}
        lists: dict[str, Any] = {name: claims[name] for name in _LISTS}
        are_lists = all(isinstance(v, list) for v in (roles, *lists.values()))
        if kind not in _KINDS or type(real_name) is not int or not are_lists:
            raise ValueError("malformed claims")
        strings = [claims["sub"], *roles, *texts.values(), *(s for v in lists.values() for s in v)]
        if not claims["sub"] or not all(isinstance(s, str) for s in strings):
            raise ValueError("malformed claims")
        lists = {name: tuple(v) for name, v in lists.items()}
        actor = Actor(
            id=claims["sub"], kind=kind, roles=frozenset(roles) | {"anonymous"}, real_name=real_name, session=session,
            **texts, **lists,
        )  # fmt: skip
        return Caller(actor, float(claims["exp"]), generation)

    def _session(self, claims: Mapping[str, Any]) -> tuple[str, int]:
        """Session and generation; a token without a session is for development, and only there."""
        life_s = claims["exp"] - claims["iat"]
        if "sid" not in claims:
            if not self.takes_development or claims.get("dev") is not True or life_s > LIFE_MAX_S:
                raise ValueError("no development here")
            return "", 0
        session, generation = claims["sid"], claims["gen"]
        if not isinstance(session, str) or not session or type(generation) is not int or life_s > ACCESS_MAX_S:
            raise ValueError("malformed session")
        return session, generation


def caller_from_request(headers: Mapping[str, str], tokens: Tokens) -> Caller:
    """Who sent these headers (lower-case names). Cookies are never looked at, so no page can borrow a log-in."""
    header = headers.get("authorization")
    if header is None:
        return NOBODY
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticatedError("登录已失效，请重新登录", hint="请使用 Authorization: Bearer 令牌")
    caller = tokens.verify(token.strip())
    tokens.touch(caller)
    return caller
