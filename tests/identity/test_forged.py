"""Forged tokens at every door: each is one and the same refusal, in no time, and nothing else happens."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tongban_sdk import NotAuthenticatedError

from core.api.websocket import MESSAGE_MAX_CHARS, PROTOCOL
from core.identity.keys import KeyRing
from core.identity.tokens import TYPE, Tokens
from tests.api.doors import CITIZEN, Doors, open_doors

MESSAGE = "登录已失效，请重新登录"
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Forge:
    """A good token, and the means to spoil it: the true key included, so that one thing only is wrong each time."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.key = tokens.ring.active
        self.good = tokens.mint(replace(CITIZEN, session="s1"), life_s=600, generation=1)
        self.head: dict[str, Any] = jwt.get_unverified_header(self.good)
        self.claims: dict[str, Any] = jwt.decode(self.good, options={"verify_signature": False})
        self.public = self.key.public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, head: bytes, body: bytes) -> str:
        text = f"{b64(head)}.{b64(body)}"
        return f"{text}.{b64(jwt.get_algorithm_by_name('ES256').sign(text.encode(), self.key.private))}"

    def with_claims(self, **changes: Any) -> str:
        return self.sign(orjson.dumps(self.head), orjson.dumps({**self.claims, **changes}))

    def with_head(self, **changes: Any) -> str:
        return self.sign(orjson.dumps({**self.head, **changes}), orjson.dumps(self.claims))

    def hmac(self, algorithm: str, secret: bytes) -> str:
        text = f"{b64(orjson.dumps({**self.head, 'alg': algorithm}))}.{b64(orjson.dumps(self.claims))}"
        # PyJWT itself refuses to use a PEM as a secret; an attacker does not ask it.
        return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"

    def asymmetric(self, key: Any, algorithm: str, **head: Any) -> str:
        return jwt.encode(self.claims, key, algorithm, headers={"typ": TYPE, "kid": self.key.kid, **head})


def another_installation(forge: Forge) -> str:
    ring = KeyRing(forge.tokens.ring.folder.parent / "elsewhere")
    return Tokens(ring).mint(replace(CITIZEN, session="s1"), life_s=600, generation=1)


def jwk_of(forge: Forge) -> dict[str, Any]:
    jwk = jwt.get_algorithm_by_name("ES256").to_jwk(P256.public_key(), as_dict=True)
    return {**jwk, "kid": forge.key.kid}


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


NOW = int(time.time())
ATTACKS: dict[str, Callable[[Forge], str]] = {
    "expired": lambda f: f.with_claims(iat=NOW - 600, exp=NOW - 60),
    "not yet": lambda f: f.with_claims(nbf=NOW + 10**6),
    "made in the future": lambda f: f.with_claims(iat=NOW + 10**6, exp=NOW + 10**6 + 300),
    "for ever": lambda f: f.with_claims(exp=NOW + 10**9),
    "no end": lambda f: f.sign(orjson.dumps(f.head), orjson.dumps({k: v for k, v in f.claims.items() if k != "exp"})),
    "other audience": lambda f: f.with_claims(aud="another-api"),
    "list of audiences": lambda f: f.with_claims(aud=["tongban-api", "another-api"]),
    "other issuer": lambda f: f.with_claims(iss="https://evil.example"),
    "alg none": lambda f: f"{b64(orjson.dumps({**f.head, 'alg': 'none'}))}.{f.good.split('.')[1]}.",
    "alg None": lambda f: f"{b64(orjson.dumps({**f.head, 'alg': 'None'}))}.{f.good.split('.')[1]}.",
    "no signature": lambda f: f"{f.good.rpartition('.')[0]}.",
    "zero signature": lambda f: f"{f.good.rpartition('.')[0]}.{b64(bytes(64))}",
    "HS256 with the public key": lambda f: f.hmac("HS256", f.public),
    "HS256 with the jwk": lambda f: f.hmac("HS256", orjson.dumps(f.key.jwk)),
    "HS256 with nothing": lambda f: f.hmac("HS256", b""),
    "RS256": lambda f: f.asymmetric(RSA, "RS256"),
    "PS256": lambda f: f.asymmetric(RSA, "PS256"),
    "ES256 of another key": lambda f: f.asymmetric(P256, "ES256"),
    "another installation": another_installation,
    "another installation under our kid": lambda f: f.asymmetric(P256, "ES256", kid=f.key.kid),
    "kid as path": lambda f: f.with_head(kid="../../../../dev/null"),
    "kid as file": lambda f: f.with_head(kid="token-active.pem"),
    "kid as URL": lambda f: f.with_head(kid="https://evil.example/key"),
    "kid as SQL": lambda f: f.with_head(kid="x' UNION SELECT 'key' --"),
    "kid with NUL": lambda f: f.with_head(kid=f.key.kid + "\0"),
    "kid as list": lambda f: f.with_head(kid=[f.key.kid]),
    "kid as number": lambda f: f.with_head(kid=0),
    "no kid": lambda f: f.sign(orjson.dumps({"alg": "ES256", "typ": TYPE}), orjson.dumps(f.claims)),
    "jku": lambda f: f.with_head(jku="https://evil.example/jwks.json"),
    "x5u": lambda f: f.with_head(x5u="https://evil.example/cert.pem"),
    "x5c": lambda f: f.with_head(x5c=["MIIB"]),
    "jwk": lambda f: f.asymmetric(P256, "ES256", jwk=jwk_of(f)),
    "crit": lambda f: f.with_head(crit=["exp"]),
    "b64 false": lambda f: f.with_head(b64=False, crit=["b64"]),
    "zip": lambda f: f.with_head(zip="DEF"),
    "wrong typ": lambda f: f.with_head(typ="JWT"),
    "refresh typ": lambda f: f.with_head(typ="rt+jwt"),
    "no typ": lambda f: f.sign(orjson.dumps({"alg": "ES256", "kid": f.key.kid}), orjson.dumps(f.claims)),
    "huge": lambda f: f.with_claims(org="x" * 1_000_000),
    "huge junk": lambda f: "a" * 200_000,
    "many dots": lambda f: "." * 4000,
    "nested claims": lambda f: f.sign(orjson.dumps(f.head), nested(1400)),
    "nested header": lambda f: f.sign(nested(1400), b"{}"),
    "deeply nested claim": lambda f: f.sign(orjson.dumps(f.head), b'{"sub":' + nested(1200) + b"}"),
    "duplicate claims": lambda f: f.sign(
        orjson.dumps(f.head), orjson.dumps(f.claims)[:-1] + b',"kind":"admin","kind":"root"}'
    ),
    "duplicate alg": lambda f: f.sign(orjson.dumps(f.head)[:-1] + b',"alg":"none"}', orjson.dumps(f.claims)),
    "claims as list": lambda f: f.sign(orjson.dumps(f.head), b"[]"),
    "claims as text": lambda f: f.sign(orjson.dumps(f.head), b'"admin"'),
    "claims as null": lambda f: f.sign(orjson.dumps(f.head), b"null"),
    "header as list": lambda f: f.sign(b"[]", orjson.dumps(f.claims)),
    "bad UTF-8": lambda f: f.sign(orjson.dumps(f.head), b'{"sub":"\xff\xfe"}'),
    "lone surrogate": lambda f: f.sign(orjson.dumps(f.head), b'{"sub":"\\ud800"}'),
    "infinity": lambda f: f.sign(orjson.dumps(f.head), b'{"exp":Infinity,"iat":NaN,"sub":"a"}'),
    "number too large": lambda f: f.with_claims().replace(".", "", 1),
    "exp too large": lambda f: f.sign(
        orjson.dumps(f.head), orjson.dumps(f.claims).replace(str(f.claims["exp"]).encode(), b"1e999")
    ),
    "wrong kinds": lambda f: f.with_claims(roles={"a": 1}),
    "role of an administrator beside others": lambda f: f.good.replace(
        f.good.split(".")[1], b64(orjson.dumps({**f.claims, "roles": ["system_admin"]}))
    ),
    "unicode dots": lambda f: f.good.replace(".", "。"),
    "padding": lambda f: f.good + "==",
    "spaces": lambda f: f.good.replace(".", " . "),
    "a part too many": lambda f: f.good + ".x",
    "twice": lambda f: f"{f.good},{f.good}",
    "an encrypted one": lambda f: f"{f.good}.x.y",
    "a refresh token": lambda f: "A" * 43,
    "nothing": lambda f: "null",
}


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    found = open_doors(tmp_path)
    found.tokens.takes_development = False
    return found


@pytest.fixture
def forge(doors: Doors) -> Forge:
    return Forge(doors.tokens)


def test_the_good_one_is_good(forge: Forge) -> None:
    assert forge.tokens.verify(forge.good).actor.id == "a1"
    for token in (forge.with_claims(), forge.with_head()):
        assert forge.tokens.verify(token).actor.id == "a1"


@pytest.mark.parametrize("attack", ATTACKS)
async def test_http_refuses_without_a_detail(doors: Doors, forge: Forge, attack: str) -> None:
    header = b"Bearer " + ATTACKS[attack](forge).encode("utf-8", "surrogatepass")
    async with doors.client() as client:
        started = time.process_time()
        answer = await client.post(
            "/graphql",
            json={"query": "mutation{bump}"},
            headers={b"authorization": header},
        )
        assert time.process_time() - started < 0.5
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "errors": [{"message": MESSAGE, "extensions": {"code": "NOT_AUTHENTICATED", "hint": "令牌无效或已过期"}}]
    }
    assert doors.host.bumps == 0
    assert doors.tokens._known == {}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_socket_is_refused_without_a_detail(doors: Doors, forge: Forge, attack: str) -> None:
    token = ATTACKS[attack](forge)
    # A message too long is refused before it is read.
    expected = (4400, "消息应为不太长的文本") if len(token) > MESSAGE_MAX_CHARS else (4403, MESSAGE)
    with (
        TestClient(doors.socket_app) as client,
        client.websocket_connect("/graphql", subprotocols=[PROTOCOL]) as socket,
    ):
        socket.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
    assert (caught.value.code, caught.value.reason) == expected


async def test_a_cookie_is_nobody(doors: Doors, forge: Forge) -> None:
    for cookie in (f"token={forge.good}", f"authorization=Bearer {forge.good}", f"__Host-session={forge.good}"):
        assert await doors.data("{me}", cookie=cookie) == {"me": ""}
    assert await doors.data("{me}", authorization=f"Bearer {forge.good}") == {"me": "a1"}


def test_refusing_takes_time_linear_in_the_length(forge: Forge) -> None:
    def cost(token: str) -> float:
        best = float("inf")
        for _ in range(5):
            started = time.process_time()
            for _ in range(20):
                with pytest.raises(NotAuthenticatedError):
                    forge.tokens.verify(token)
            best = min(best, time.process_time() - started)
        return best

    for shape in ("a", ".", "eyJ", "=", "_-"):
        short, long = shape * (2_000 // len(shape)), shape * (2_000_000 // len(shape))
        # A thousand times longer, and refused by its length alone.
        assert cost(long) < 5 * cost(short) + 0.05


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Forge:
    return Forge(Tokens(KeyRing(tmp_path_factory.mktemp("keys"))))


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é中"
MUTATION = st.tuples(
    st.sampled_from(["replace", "insert", "delete", "swap", "cut"]), st.integers(0), st.text(ALPHABET, max_size=4)
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MUTATION, min_size=1, max_size=4))
def test_no_mutation_of_a_good_token_says_anything_else(lasting: Forge, mutations: list[tuple[str, int, str]]) -> None:
    token = lasting.good
    for kind, place, text in mutations:
        n = place % (len(token) + 1)
        match kind:
            case "replace":
                token = token[:n] + text + token[n + len(text) :]
            case "insert":
                token = token[:n] + text + token[n:]
            case "delete":
                token = token[:n] + token[n + 1 :]
            case "swap":
                token = token[n:] + token[:n]
            case _:
                token = token[:n]
    try:
        caller = lasting.tokens.verify(token)
    except NotAuthenticatedError as refused:
        said = refused.message
    else:
        # Whatever base64 lets pass says what the good one says, byte for byte.
        said = MESSAGE if caller == lasting.tokens.verify(lasting.good) else "something else"
    assert said == MESSAGE


NAMES = st.sampled_from(
    ["iss", "aud", "sub", "iat", "exp", "nbf", "kind", "roles", "grids", "scopes", "real_name", "sid", "gen", "person"]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYED = st.text(max_size=3)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYED, inner, max_size=3), max_leaves=5
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_claims_of_any_kind_make_an_actor_or_one_error(lasting: Forge, changes: dict[str, Any]) -> None:
    """Even signed by the true key, nothing but well-formed claims becomes an actor, and nothing becomes a traceback."""
    try:
        token = lasting.with_claims(**changes)
    except TypeError:  # an integer no JSON of ours holds
        return
    try:
        actor = lasting.tokens.verify(token).actor
    except NotAuthenticatedError:
        return
    assert isinstance(actor.id, str)
    assert actor.id
    assert all(isinstance(role, str) for role in actor.roles)
    assert actor.session
