import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.identity import keys
from core.identity.keys import RETIRED_KEPT_S, KeyRing


def test_keys_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = KeyRing(folder)
    assert KeyRing(folder).active.kid == first.active.kid
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()} == {
        "token-active.pem": 0o600,
        "token-next.pem": 0o600,
    }


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kids = set(pool.map(lambda _: KeyRing(tmp_path).active.kid, range(8)))
    assert len(kids) == 1


def test_jwks_holds_public_halves_only_and_checks_tokens(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    keys = ring.jwks()["keys"]
    assert [set(k) for k in keys] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}] * 2
    token = jwt.encode({"a": 1}, ring.active.private, "ES256", headers={"kid": ring.active.kid})
    published = jwt.PyJWKSet.from_dict(ring.jwks())[ring.active.kid]
    assert jwt.decode(token, published, algorithms=["ES256"]) == {"a": 1}


def test_rotation_publishes_before_it_signs_and_keeps_the_old(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    old, following = ring.active.kid, next(kid for kid in ring.keys if kid != ring.active.kid)
    ring.rotate()
    assert ring.active.kid == following
    assert set(ring.keys) > {old, following}
    assert len(ring.keys) == 3


def test_no_process_ever_finds_a_folder_without_an_active_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(tmp_path)
    known = set(ring.keys)
    seen: list[bool] = []

    def looking(step: Callable[..., None]) -> Callable[..., None]:
        def look(*arguments: object) -> None:
            seen.append((tmp_path / "token-active.pem").exists())
            step(*arguments)
            seen.append((tmp_path / "token-active.pem").exists())

        return look

    monkeypatch.setattr(os, "replace", looking(os.replace))
    monkeypatch.setattr(os, "link", looking(os.link))
    ring.rotate()
    assert set(seen) == {True}
    assert ring.active.kid in known
    assert set(KeyRing(tmp_path).keys) == set(ring.keys)


def test_a_retired_key_is_dropped_when_its_last_token_has_expired(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    old = ring.active.kid
    ring.rotate()
    past = time.time() - RETIRED_KEPT_S - 1
    os.utime(tmp_path / f"token-retired-{old}.pem", (past, past))
    ring.reload()
    assert old not in ring.keys
    assert not (tmp_path / f"token-retired-{old}.pem").exists()


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "token-active.pem").write_bytes(pem)
    with pytest.raises(ValueError, match="P-256"):
        KeyRing(tmp_path)


def test_a_process_that_never_meets_an_unknown_key_follows_a_rotation_all_the_same(tmp_path: Path) -> None:
    """Else it would sign with the old key until the others have dropped it."""
    here, there = KeyRing(tmp_path), KeyRing(tmp_path)
    there.rotate()
    assert here.active.kid != there.active.kid
    here.follow()
    assert here.active.kid == there.active.kid
    assert set(here.keys) == set(there.keys)


def test_following_reads_nothing_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(tmp_path)
    ring.reload()
    monkeypatch.setattr(KeyRing, "_read", lambda self: pytest.fail("read again"))
    ring.follow()


def test_a_rotation_in_the_middle_of_reading_loses_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = KeyRing(tmp_path), KeyRing(tmp_path)
    load, turns = keys._load, iter([None, writer.rotate])

    def rotating(file: Path) -> keys.Key:
        found = load(file)
        if reading and (turn := next(turns, None)):
            monkeypatch.setattr(keys, "_load", load)
            turn()
            monkeypatch.setattr(keys, "_load", rotating)
        return found

    reading = False
    monkeypatch.setattr(keys, "_load", rotating)
    reading = True
    reader.reload()
    monkeypatch.setattr(keys, "_load", load)
    assert reader.active.kid == writer.active.kid
    assert set(reader.keys) == set(writer.keys)
