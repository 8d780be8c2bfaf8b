"""Log-in by a provider outside, against a real OpenID server; and against one that lies."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from tongban_sdk import InvalidInputError, LoginFailedError, NotFoundError, UnavailableError

from core.identity.oidc import OidcLogin
from core.identity.oidc_settings import OidcProvider, read_providers
from core.settings import SettingsError
from tests.login.hall import ADDRESS, Hall

BACK = "https://county.example/login/done"
CLAIMS = {"name": "name", "idno": "id_number", "level": "auth_level"}


def provider(issuer: str, **changes: Any) -> OidcProvider:
    values = {
        "name": "province", "title": "我的宁夏", "issuer": issuer, "client_id": "haiyuan", "client_secret": "s3cret",
        "redirect_uris": (BACK,), "scopes": ("openid", "profile"), "claims": CLAIMS, "levels": {"L2": 2, "L3": 3},
    }  # fmt: skip
    return OidcProvider(**{**values, **changes})


def door(hall: Hall, issuer: str, **changes: Any) -> OidcLogin:
    return OidcLogin(hall.login.parts, {"province": provider(issuer, **changes)}, hall.login.oidc._registry)


def come_back(url: str, subject: str) -> tuple[str, str]:
    """What the citizen's browser does at the provider: (state, code)."""
    answer = httpx.post(url, data={"sub": subject}, follow_redirects=False, trust_env=False)
    assert answer.status_code in (302, 303), answer.text
    target = urlsplit(answer.headers["location"])
    assert target._replace(query="").geturl() == BACK
    query = parse_qs(target.query)
    return query["state"][0], query["code"][0]


@contextmanager
def real_server(*users: dict[str, Any]) -> Iterator[str]:
    """The OpenID server of PyPI in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = [word for user in users for word in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "-n", "true", *known]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        assert process.poll() is None
        time.sleep(0.1)
    raise AssertionError("the server did not start")


async def test_a_citizen_of_the_province_is_who_the_province_says(hall: Hall) -> None:
    person, idno = await hall.resident("马小花", 1)
    claims = {"name": "马小花", "id_number": idno, "auth_level": "L3"}
    with real_server({"sub": "u1", **claims}, {"sub": "u2", "name": "某人"}) as issuer:
        oidc = door(hall, issuer)
        url, state = await oidc.start("province", BACK, ADDRESS)
        asked = parse_qs(urlsplit(url).query)
        assert (asked["state"], asked["code_challenge_method"], asked["response_type"]) == ([state], ["S256"], ["code"])
        back = come_back(url, "u1")
        assert back[0] == state
        pair = await oidc.finish(*back, ADDRESS)
        assert (pair.actor.kind, pair.actor.person, pair.actor.real_name) == ("citizen", person, 3)
        with pytest.raises(LoginFailedError):  # each state once
            await oidc.finish(*back, ADDRESS)
        url, state = await oidc.start("province", BACK, ADDRESS)
        with pytest.raises(LoginFailedError):  # and each code, which is another log-in's besides
            await oidc.finish(state, back[1], ADDRESS)
        again = await oidc.finish(*come_back((await oidc.start("province", BACK, ADDRESS))[0], "u1"), ADDRESS)
        assert again.actor.id == pair.actor.id
        other = await oidc.finish(*come_back((await oidc.start("province", BACK, ADDRESS))[0], "u2"), ADDRESS)
        assert other.actor.id != pair.actor.id
        assert (other.actor.person, other.actor.real_name) == (None, 1)
    text = str(await hall.town.database.fetch("SELECT * FROM tb_account", []))
    assert "u1" not in [part.strip("' ") for part in text.split(",")]
    assert idno not in str(await hall.town.database.fetch("SELECT * FROM tb_audit", []))


async def test_a_state_expires_and_belongs_to_us(hall: Hall) -> None:
    with real_server({"sub": "u1"}) as issuer:
        oidc = door(hall, issuer)
        url, _ = await oidc.start("province", BACK, ADDRESS)
        back = come_back(url, "u1")
        with pytest.raises(LoginFailedError):
            await oidc.finish("another-state", back[1], ADDRESS)
        hall.clock.move(minutes=11)
        with pytest.raises(LoginFailedError):
            await oidc.finish(*back, ADDRESS)
    assert await hall.value("SELECT count(*) FROM tb_account") == 0


async def test_only_registered_addresses_and_providers(hall: Hall) -> None:
    with real_server() as issuer:
        oidc = door(hall, issuer)
        for address in (f"{BACK}/", f"{BACK}?x=1", "https://evil.example/", ""):
            with pytest.raises(InvalidInputError):
                await oidc.start("province", address, ADDRESS)
        with pytest.raises(NotFoundError):
            await oidc.start("nation", BACK, ADDRESS)
    assert await hall.value("SELECT count(*) FROM tb_code") == 0


class Liar:
    """An OpenID server under our thumb: `claims`, `header`, `key` and `document` are what it answers with."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}, private=True)
        self.document: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.token: Any = None
        self.moved: str | None = None
        self.form: dict[str, list[str]] = {}
        self.asked: list[str] = []
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                liar.asked.append(self.path)
                if liar.moved:
                    self.send_response(302)
                    self.send_header("location", liar.moved)
                    self.end_headers()
                    return
                keys = {"keys": [liar.key.as_dict(private=False)]}
                self.reply(liar.discovery() if "well-known" in self.path else keys)

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                liar.form = parse_qs(self.rfile.read(length).decode())
                self.reply({"access_token": "a", "token_type": "Bearer", "id_token": liar.id_token()})

            def reply(self, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def discovery(self) -> dict[str, Any]:
        pages = {"authorization_endpoint": "/a", "token_endpoint": "/t", "jwks_uri": "/k"}
        found = {"issuer": self.issuer, **{name: self.issuer + path for name, path in pages.items()}}
        return {**found, **self.document}

    def id_token(self) -> Any:
        if callable(self.token):
            return self.token(self.full_claims())
        return jwt.encode({"alg": "RS256", "kid": "k1"}, self.full_claims(), self.key)

    def full_claims(self) -> dict[str, Any]:
        now = int(time.time())
        base = {"iss": self.issuer, "aud": "haiyuan", "sub": "u1", "iat": now, "exp": now + 300}
        return {name: value for name, value in {**base, **self.claims}.items() if value is not None}


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


async def attempt(hall: Hall, liar: Liar, **claims: Any) -> Any:
    """One log-in; its ID token has the right nonce unless `claims` says otherwise."""
    oidc = door(hall, liar.issuer)
    url, state = await oidc.start("province", BACK, ADDRESS)
    liar.claims = {"nonce": parse_qs(urlsplit(url).query)["nonce"][0], **claims}
    return await oidc.finish(state, "code", ADDRESS)


async def test_an_honest_answer_of_that_server_logs_in(hall: Hall, liar: Liar) -> None:
    assert (await attempt(hall, liar)).actor.kind == "citizen"
    assert len(liar.form["code_verifier"][0]) >= 43
    assert liar.form["redirect_uri"] == [BACK]


OTHER = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"}, {"nonce": None}, {"nonce": 7}, {"iss": "http://127.0.0.1:1"}, {"iss": None},
        {"aud": "another"}, {"aud": None}, {"aud": ["haiyuan", "another"]}, {"aud": []},
        {"aud": ["haiyuan", "another"], "azp": "another"}, {"azp": "another"}, {"exp": OTHER - 120}, {"exp": None},
        {"exp": "soon"}, {"exp": True}, {"iat": OTHER + 3600}, {"iat": OTHER - 3600}, {"iat": None}, {"sub": None},
        {"sub": ""}, {"sub": 7}, {"sub": "x" * 256},
    ],
)  # fmt: skip
async def test_claims_that_are_not_an_answer_to_us(hall: Hall, liar: Liar, claims: dict[str, Any]) -> None:
    with pytest.raises(LoginFailedError):
        await attempt(hall, liar, **claims)
    assert await hall.value("SELECT count(*) FROM tb_account") == 0
    assert await hall.value("SELECT count(*) FROM tb_session") == 0


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _by_hand(header: dict[str, str], claims: dict[str, Any], secret: bytes = b"") -> str:
    """No signature, or one that takes a public key for a shared secret."""
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{signed}.{_part(hmac.digest(secret, signed.encode(), 'sha256')) if secret else ''}"


async def test_tokens_that_its_keys_did_not_sign(hall: Hall, liar: Liar) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "k1"}, private=True)
    pem = liar.key.as_pem(private=False)
    forged = {
        "no signature": lambda claims: _by_hand({"alg": "none"}, claims),
        "another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, stranger),
        "public key as secret": lambda claims: _by_hand({"alg": "HS256", "kid": "k1"}, claims, pem),
        "algorithm that is not allowed": lambda claims: jwt.encode({"alg": "PS512"}, claims, liar.key, ["PS512"]),
        "key in the header": lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "k2", "jwk": stranger.as_dict(private=False)}, claims, stranger
        ),
        "not a token": lambda claims: "x",
        "not a text": lambda claims: 7,
        "none at all": lambda claims: None,
    }
    for forge in forged.values():
        liar.token = forge
        with pytest.raises(LoginFailedError):
            await attempt(hall, liar)
    assert await hall.value("SELECT count(*) FROM tb_account") == 0


async def test_no_host_but_the_configured_one_is_called(hall: Hall, liar: Liar) -> None:
    elsewhere = Liar()
    elsewhere.thread.start()
    try:
        for name in ("token_endpoint", "jwks_uri", "authorization_endpoint"):
            for url in (f"{elsewhere.issuer}/x", f"http://x@{urlsplit(liar.issuer).netloc}/t", "file:///etc/passwd"):
                liar.document = {name: url}
                with pytest.raises(UnavailableError):
                    await attempt(hall, liar)
        liar.document = {"issuer": elsewhere.issuer}
        with pytest.raises(UnavailableError):
            await attempt(hall, liar)
        liar.document, liar.moved = {}, f"{elsewhere.issuer}/.well-known/openid-configuration"
        with pytest.raises(UnavailableError):
            await attempt(hall, liar)
        assert elsewhere.asked == []
    finally:
        elsewhere.server.shutdown()
        elsewhere.server.server_close()


async def test_a_provider_that_is_away_is_away(hall: Hall) -> None:
    with pytest.raises(UnavailableError):
        await door(hall, "http://127.0.0.1:9").start("province", BACK, ADDRESS)


async def test_a_key_that_was_changed_is_fetched_again(hall: Hall, liar: Liar) -> None:
    oidc = door(hall, liar.issuer)
    for kid in ("k1", "k2"):
        url, state = await oidc.start("province", BACK, ADDRESS)
        key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)
        if kid == "k2":
            known = oidc._clients["province"]._known
            assert known is not None
            known.at -= 60  # read a minute ago
            liar.key = key
        liar.token = lambda claims, kid=kid: jwt.encode({"alg": "RS256", "kid": kid}, claims, liar.key)
        liar.claims = {"nonce": parse_qs(urlsplit(url).query)["nonce"][0]}
        assert (await oidc.finish(state, "code", ADDRESS)).actor.kind == "citizen"


def test_settings_are_checked_whole(tmp_path: Path) -> None:
    file = tmp_path / "oidc.yaml"
    file.write_text(
        "province:\n  issuer: https://id.nx.example\n  client_id: haiyuan\n  redirect_uris: [https://a.example/b]\n"
        "  claims: {name: xm, idno: sfzh, level: dj}\n  levels: {2: 2, L3: 3}\n"
    )
    found = read_providers(file, {"TONGBAN_OIDC_SECRET_PROVINCE": "hush"})["province"]
    assert (found.client_secret, found.levels, found.claims["idno"]) == ("hush", {"2": 2, "L3": 3}, "sfzh")
    assert "hush" not in repr(found)
    file.write_text(
        "P:\n  client_id: 7\n  algorithms: [none, HS256]\n  claims: {phone: x}\n  levels: {a: 9}\n  colour: red\n"
    )
    with pytest.raises(SettingsError) as caught:
        read_providers(file, {})
    for words in ("名称", "缺少 issuer", "缺少 client_id", "redirect_uris", "algorithms", "claims", "levels", "colour"):
        assert words in str(caught.value)
    file.write_text("p1:\n  issuer: http://id.nx.example\n  client_id: h\n  redirect_uris: []\n")
    with pytest.raises(SettingsError, match="https"):
        read_providers(file, {})
