import base64
import hmac
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tongban_sdk import ANONYMOUS, Actor, NotAuthenticatedError
from tongban_sdk.actor import ActorKind

from core.identity import tokens as module
from core.identity.keys import KeyRing
from core.identity.tokens import (
    ACCESS_MAX_S,
    AUDIENCE,
    CLOSED,
    ISSUER,
    LEEWAY_S,
    LIFE_MAX_S,
    NOBODY,
    TYPE,
    Tokens,
    caller_from_request,
)

STAFF = Actor(
    id="s1", kind="staff", person="p1",
    roles=frozenset({"anonymous", "street_admin"}), org="o1", org_path="/640522/o1/",
    division="640522100000", grids=("640522100001001",),
)  # fmt: skip


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(KeyRing(tmp_path), takes_development=True)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "s1", "iat": now, "exp": now + 60, "kind": "staff", "roles": ["x"],
        "grids": [], "scopes": [], "real_name": 2, "sid": "t1", "gen": 1,
    }  # fmt: skip
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def sign(tokens: Tokens, body: dict[str, Any], **header: Any) -> str:
    key = tokens.ring.active
    return jwt.encode(body, key.private, "ES256", headers={"kid": key.kid, "typ": TYPE, **header})


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def hs256(text: str, secret: bytes) -> str:
    signature = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_an_actor_survives_the_journey(tokens: Tokens) -> None:
    assert tokens.verify(tokens.mint(STAFF)).actor == STAFF
    assert caller_from_request({"authorization": f"bearer {tokens.mint(STAFF)}"}, tokens).actor == STAFF


def test_without_a_header_nobody_calls(tokens: Tokens) -> None:
    assert caller_from_request({"cookie": f"authorization={tokens.mint(STAFF)}"}, tokens) is NOBODY


def test_anonymous_is_always_a_role(tokens: Tokens) -> None:
    assert tokens.verify(sign(tokens, claims())).actor.roles == {"x", "anonymous"}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": ...}, {"iat": ...}, {"aud": ...}, {"iss": ...}, {"sub": ...}, {"kind": ...}, {"roles": ...},
        {"grids": ...}, {"scopes": ...}, {"real_name": ...}, {"sid": ...}, {"gen": ...}, {"sid": ""}, {"sid": 7},
        {"gen": "1"}, {"gen": True}, {"real_name": True}, {"real_name": "3"}, {"grids": "640522"}, {"agent": 7},
        {"scopes": [7]}, {"exp": int(time.time()) + ACCESS_MAX_S + 10**5}, {"sid": ..., "dev": 1},
        {"sid": ..., "dev": "x"},
        {"iss": "other"}, {"aud": "other"}, {"aud": [AUDIENCE]}, {"sub": ""}, {"sub": 7}, {"kind": "system"},
        {"kind": "anonymous"}, {"kind": "root"}, {"roles": [1]}, {"roles": 7}, {"division": 7}, {"grids": [None]},
        {"exp": int(time.time()) - LEEWAY_S - 5}, {"exp": int(time.time()) + LIFE_MAX_S + 9_999}, {"exp": "soon"},
        {"nbf": int(time.time()) + 10**5}, {"iat": int(time.time()) + 10**5},
    ],
)  # fmt: skip
def test_bad_claims_are_refused(tokens: Tokens, changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(sign(tokens, claims(**changes)))


@pytest.mark.parametrize(
    "header",
    [{"typ": "JWT"}, {"typ": "AT+JWT"}, {"typ": None}, {"jku": "https://evil/jwks"}, {"jwk": {}},
     {"x5u": "https://evil"}, {"kid": "../../etc/passwd"}, {"kid": 7}, {"kid": "unknown"},
     {"crit": ["b64"], "b64": False}],
)  # fmt: skip
def test_header_tricks_are_refused(tokens: Tokens, header: dict[str, Any]) -> None:
    """Signed by the true key: nothing but the header is wrong."""
    assert tokens.verify(resigned(tokens, {})).actor.id == "s1"
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(resigned(tokens, header))


def resigned(tokens: Tokens, header: dict[str, Any]) -> str:
    key = tokens.ring.active
    head = {"alg": "ES256", "typ": TYPE, "kid": key.kid, **header}
    text = f"{part(head)}.{part(claims())}"
    algorithm = jwt.get_algorithm_by_name("ES256")
    signature = algorithm.sign(text.encode(), key.private)
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_other_algorithms_are_refused(tokens: Tokens) -> None:
    kid = tokens.ring.active.kid
    public = tokens.ring.active.public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    attacks = [
        f"{part({'alg': 'none', 'kid': kid})}.{part(claims())}.",
        hs256(f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims())}", public),
        jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": kid}),
        jwt.encode(claims(), ec.generate_private_key(ec.SECP384R1()), "ES384", headers={"kid": kid}),
        "", "a.b", "a.b.c", "." * 5000, "é.é.é",
    ]  # fmt: skip
    for token in attacks:
        with pytest.raises(NotAuthenticatedError):
            tokens.verify(token)


def test_a_changed_payload_is_refused(tokens: Tokens) -> None:
    head, _, signature = sign(tokens, claims()).split(".")
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(f"{head}.{part(claims(roles=['system_admin']))}.{signature}")


def test_a_remembered_token_still_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEEWAY_S", 0)
    ends = int(time.time()) + 2
    token = sign(tokens, claims(exp=ends))
    assert tokens.verify(token) is tokens.verify(token)
    time.sleep(ends + 0.05 - time.time())
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(token)


def test_a_cut_ends_lower_generations_remembered_or_not(tokens: Tokens) -> None:
    seen, unseen, other = (sign(tokens, claims(gen=2, jti=str(n))) for n in range(3))
    newer, elsewhere = sign(tokens, claims(gen=3)), sign(tokens, claims(sid="t2", gen=1))
    for token in (seen, newer, elsewhere):
        tokens.verify(token)
    tokens.cut({"t1": 3})
    for token in (seen, unseen):
        with pytest.raises(NotAuthenticatedError):
            tokens.verify(token)
    assert {tokens.verify(token).generation for token in (newer, elsewhere)} == {3, 1}
    tokens.cut({"t1": 2})  # late news of an older cut
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(other)
    tokens.cut({"t1": CLOSED})
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(newer)


def test_cuts_are_forgotten_when_no_token_can_be_left(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens.cut({"t1": 2})
    monkeypatch.setattr(module, "CUT_KEPT_S", 0)
    tokens.cut({"t2": 2})
    assert list(tokens._cuts) == ["t2"]


def test_clocks_may_differ_by_thirty_seconds_and_no_more(tokens: Tokens) -> None:
    now = int(time.time())
    for changes in ({"exp": now - 28, "iat": now - 100}, {"iat": now + 28, "exp": now + 100}, {"nbf": now + 28}):
        assert tokens.verify(sign(tokens, claims(**changes))).actor.id == "s1"
    for changes in ({"exp": now - 31, "iat": now - 100}, {"iat": now + 35, "exp": now + 100}, {"nbf": now + 35}):
        with pytest.raises(NotAuthenticatedError):
            tokens.verify(sign(tokens, claims(**changes)))


def test_development_tokens_are_good_outside_production_only(tokens: Tokens, tmp_path: Path) -> None:
    token = tokens.mint(STAFF)
    assert jwt.decode(token, options={"verify_signature": False})["dev"] is True
    assert tokens.verify(token).actor.session == ""
    production = Tokens(KeyRing(tmp_path))
    with pytest.raises(NotAuthenticatedError):
        production.verify(token)
    session = replace(STAFF, session="t1")
    assert production.verify(production.mint(session, life_s=600, generation=1)).actor == session


def test_every_fact_of_an_actor_survives_the_journey(tokens: Tokens) -> None:
    actor = Actor(
        id="a1", kind="citizen", person="p1", roles=frozenset({"anonymous", "delegate"}), real_name=3, agent="p2",
        delegation="d1", scopes=("community", "eldercare"), session="t1", legal_entity="l1", staff="s1",
    )  # fmt: skip
    caller = tokens.verify(tokens.mint(actor, life_s=600, generation=7))
    assert caller.actor == actor
    assert caller.generation == 7


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        ("admin", {"system_admin", "audit_admin"}), ("admin", {"system_admin", "street_admin"}), ("admin", set()),
        ("admin", {"street_admin"}), ("staff", {"system_admin"}), ("citizen", {"resident", "audit_admin"}),
    ],
)  # fmt: skip
def test_powers_are_never_joined_in_a_token(tokens: Tokens, kind: ActorKind, roles: set[str]) -> None:
    with pytest.raises(ValueError, match="administrator"):
        tokens.mint(Actor(id="x", kind=kind, roles=frozenset({"anonymous", *roles})))


def test_the_memory_of_tokens_is_bounded(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_MAX", 3)
    for _ in range(5):
        tokens.verify(tokens.mint(STAFF))
    assert len(tokens._known) == 3


@pytest.mark.parametrize("actor", [ANONYMOUS, Actor(id="x", kind="system"), Actor(kind="staff")])
def test_no_token_for_nobody(tokens: Tokens, actor: Actor) -> None:
    with pytest.raises(ValueError, match="account"):
        tokens.mint(actor)


def test_tokens_follow_a_rotation_made_by_another_process(tmp_path: Path) -> None:
    here, there = Tokens(KeyRing(tmp_path), takes_development=True), Tokens(KeyRing(tmp_path), takes_development=True)
    old = here.mint(STAFF)
    for _ in range(2):  # the second signs with a key this process has never seen
        there.ring.rotate()
    assert here.verify(there.mint(STAFF)).actor == STAFF
    assert there.verify(old).actor == STAFF
