"""Keys that sign tokens: ES256; one active, one published ahead of use, retired ones until their last token expires."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM = "ES256"
#: A retired key is kept this long: the life of the longest token plus the leeway of clocks.
RETIRED_KEPT_S = 25 * 3600.0


@dataclass(frozen=True, slots=True)
class Key:
    """One key pair; `kid` is the RFC 7638 thumbprint of its public half, so two nodes agree on it without talking."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    jwk: dict[str, Any]

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        return self.private.public_key()


class KeyRing:
    """The keys of one secrets folder: `token-active.pem`, `token-next.pem`, `token-retired-<kid>.pem`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("active", "next"):
            self._create(name)
        self.reload()

    def jwks(self) -> dict[str, Any]:
        """What other programs need to check our tokens. The next key is there before it signs anything."""
        return {"keys": [key.jwk for key in self.keys.values()]}

    def reload(self) -> None:
        """Follow a rotation made by another process."""
        self._stamp = self.folder.stat().st_mtime_ns
        self.active, self.keys = self._read()

    def follow(self) -> None:
        """The same, if the folder was changed since: sign with the new key before the old one is dropped."""
        if self.folder.stat().st_mtime_ns != self._stamp:
            self.reload()

    def rotate(self) -> None:
        """Sign with the next key from now on; tokens of the old key stay good until they expire."""
        retired = self._file(f"retired-{self.active.kid}")
        with suppress(FileExistsError):  # left by a rotation that was cut short
            os.link(self._file("active"), retired)
        os.utime(retired)
        # One step, so that no other process ever finds the folder without an active key.
        os.replace(self._file("next"), self._file("active"))
        self._create("next")
        self.reload()

    def _read(self) -> tuple[Key, dict[str, Key]]:
        self._drop_expired()
        active = _load(self._file("active"))
        others: list[Key] = []
        for file in (self._file("next"), *sorted(self.folder.glob("token-retired-*.pem"))):
            with suppress(FileNotFoundError):  # moved or dropped by another process
                others.append(_load(file))
        if (
            _load(self._file("active")).kid != active.kid
        ):  # a rotation in the middle of the reading: some key was missed
            return self._read()
        return active, {key.kid: key for key in (active, *others)}

    def _drop_expired(self) -> None:
        for file in sorted(self.folder.glob("token-retired-*.pem")):
            with suppress(FileNotFoundError):
                if time.time() - file.stat().st_mtime > RETIRED_KEPT_S:
                    file.unlink()

    def _file(self, name: str) -> Path:
        return self.folder / f"token-{name}.pem"

    def _create(self, name: str) -> None:
        """Write a key unless there is one. A link is atomic: two processes starting together use the winner's."""
        if self._file(name).exists():
            return
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        descriptor, path = tempfile.mkstemp(dir=self.folder, prefix=".token-")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
            os.link(path, self._file(name))
        except FileExistsError:
            pass
        finally:
            os.unlink(path)


def _load(file: Path) -> Key:
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"{file} 不是 P-256 私钥")
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    # RFC 7638: required members only, sorted, no spaces.
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(orjson.dumps(required, option=orjson.OPT_SORT_KEYS)).digest()
    kid = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return Key(kid, key, {**required, "kid": kid, "use": "sig", "alg": ALGORITHM})
