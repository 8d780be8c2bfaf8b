"""How both sides sign: HMAC over method, path, moment, nonce and the digest of the body. The key never travels."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac

from core.manifest.connectors import Signature

#: Names of the headers.
AT, NONCE, SIGNED = "x-tongban-timestamp", "x-tongban-nonce", "x-tongban-signature"
#: How far clocks may differ.
SKEW_S = 300
#: A key with fewer characters is none.
KEY_MIN_CHARS = 32
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGESTS: Mapping[Signature, type[hashes.SM3] | type[hashes.SHA256]] = {
    "hmac-sm3": hashes.SM3, "hmac-sha256": hashes.SHA256,
}  # fmt: skip


def keys_of(folder: Path, connector: str) -> tuple[bytes, ...]:
    """Keys shared with an outside system, one a line of `connectors/<connector>.key`: the first signs, each verifies,
    so that a key can be replaced without a gap. () = none yet."""
    try:
        text = (folder / "connectors" / f"{connector}.key").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(line.encode() for line in text.split() if len(line) >= KEY_MIN_CHARS)


def sign(algorithm: Signature, key: bytes, method: str, path: str, body: bytes) -> dict[str, str]:
    """Headers for a request."""
    at, nonce = str(int(time.time())), secrets.token_urlsafe(24)
    return {AT: at, NONCE: nonce, SIGNED: _mac(algorithm, key, _text(algorithm, method, path, at, nonce, body)).hex()}


def is_signed(
    algorithm: Signature, keys: Sequence[bytes], headers: Mapping[str, str], method: str, path: str, body: bytes
) -> bool:
    """Signed by one of the keys, a moment ago. That it was not used before, others look."""
    at, nonce, signed = (headers.get(name, "") for name in (AT, NONCE, SIGNED))
    if not (_SECONDS.fullmatch(at) and _NONCE.fullmatch(nonce) and _HEX.fullmatch(signed)):
        return False
    text = _text(algorithm, method, path, at, nonce, body)
    # Every key is tried: how long it takes tells nothing.
    fits = [_is_mac(algorithm, key, text, bytes.fromhex(signed)) for key in keys]
    return any(fits) and abs(time.time() - int(at)) <= SKEW_S


def _text(algorithm: Signature, method: str, path: str, at: str, nonce: str, body: bytes) -> bytes:
    digest = hashes.Hash(_DIGESTS[algorithm]())
    digest.update(body)
    return "\n".join((method, path, at, nonce, digest.finalize().hex())).encode()


def _mac(algorithm: Signature, key: bytes, text: bytes) -> bytes:
    made = hmac.HMAC(key, _DIGESTS[algorithm]())
    made.update(text)
    return made.finalize()


def _is_mac(algorithm: Signature, key: bytes, text: bytes, mac: bytes) -> bool:
    made = hmac.HMAC(key, _DIGESTS[algorithm]())
    made.update(text)
    try:
        made.verify(mac)
    except InvalidSignature:
        return False
    return True
