import base64
import hmac
import time
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tongban_sdk import ANONYMOUS, Actor, NotAuthenticatedError

from core.identity import tokens as module
from core.identity.keys import KeyRing
from core.identity.tokens import AUDIENCE, ISSUER, LEEWAY_S, LIFE_MAX_S, Tokens, actor_from_request

STAFF = Actor(
    id="s1", kind="staff", person="p1",
    roles=frozenset({"anonymous", "street_admin"}), org="o1", org_path="/640522/o1/",
    division="640522100000", grids=("640522100001001",),
)  # fmt: skip


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(KeyRing(tmp_path))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "s1", "iat": now, "exp": now + 60, "kind": "staff", "roles": ["x"],
        "grids": [],
    }  # fmt: skip
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def sign(tokens: Tokens, body: dict[str, Any], **header: Any) -> str:
    key = tokens.ring.active
    return jwt.encode(body, key.private, "ES256", headers={"kid": key.kid, **header})


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def hs256(text: str, secret: bytes) -> str:
    signature = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_an_actor_survives_the_journey(tokens: Tokens) -> None:
    assert tokens.verify(tokens.mint(STAFF)).actor == STAFF
    assert actor_from_request({"authorization": f"bearer {tokens.mint(STAFF)}"}, tokens) == STAFF


def test_without_a_header_nobody_calls(tokens: Tokens) -> None:
    assert actor_from_request({"cookie": f"authorization={tokens.mint(STAFF)}"}, tokens) is ANONYMOUS


def test_anonymous_is_always_a_role(tokens: Tokens) -> None:
    assert tokens.verify(sign(tokens, claims())).actor.roles == {"x", "anonymous"}


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": ...}, {"iat": ...}, {"aud": ...}, {"iss": ...}, {"sub": ...}, {"kind": ...}, {"roles": ...},
        {"grids": ...},
        {"iss": "other"}, {"aud": "other"}, {"aud": [AUDIENCE]}, {"sub": ""}, {"sub": 7}, {"kind": "system"},
        {"kind": "anonymous"}, {"kind": "root"}, {"roles": [1]}, {"roles": 7}, {"division": 7}, {"grids": [None]},
        {"exp": int(time.time()) - LEEWAY_S - 5}, {"exp": int(time.time()) + LIFE_MAX_S + 9_999}, {"exp": "soon"},
        {"nbf": int(time.time()) + 600}, {"iat": int(time.time()) + 600},
    ],
)  # fmt: skip
def test_bad_claims_are_refused(tokens: Tokens, changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(sign(tokens, claims(**changes)))


@pytest.mark.parametrize(
    "header",
    [{"jku": "https://evil/jwks"}, {"jwk": {}}, {"x5u": "https://evil"}, {"kid": "../../etc/passwd"}, {"kid": 7},
     {"kid": "unknown"}, {"crit": ["b64"], "b64": False}],
)  # fmt: skip
def test_header_tricks_are_refused(tokens: Tokens, header: dict[str, Any]) -> None:
    kid = header.get("kid", tokens.ring.active.kid)
    head = part({"alg": "ES256", "typ": "JWT", **header, "kid": kid})
    good = sign(tokens, claims()).split(".")
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(f"{head}.{good[1]}.{good[2]}")


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
    token = sign(tokens, claims(exp=int(time.time()) + 1))
    assert tokens.verify(token) is tokens.verify(token)
    time.sleep(1.1)
    with pytest.raises(NotAuthenticatedError):
        tokens.verify(token)


def test_raising_the_epoch_forgets_tokens(tokens: Tokens) -> None:
    token = tokens.mint(STAFF)
    first = tokens.verify(token)
    tokens.raise_epoch()
    assert tokens.verify(token) is not first


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
    here, there = Tokens(KeyRing(tmp_path)), Tokens(KeyRing(tmp_path))
    old = here.mint(STAFF)
    for _ in range(2):  # the second signs with a key this process has never seen
        there.ring.rotate()
    assert here.verify(there.mint(STAFF)).actor == STAFF
    assert there.verify(old).actor == STAFF
