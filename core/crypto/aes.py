"""AES-256-GCM, SHA-256, HMAC-SHA-256 and ECDSA on P-256: the suite for machines without SM algorithms."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.crypto.software import SoftwareProvider

_CURVE = ec.SECP256R1()
_ECDSA = ec.ECDSA(hashes.SHA256())


class Aes(SoftwareProvider):
    profile: ClassVar[str] = "aes"
    key_bytes: ClassVar[int] = 32
    algorithm: ClassVar[hashes.HashAlgorithm] = hashes.SHA256()

    def gcm(self, key: bytes, nonce: bytes, text: bytes, aad: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, text, aad)

    def open_gcm(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        return AESGCM(key).decrypt(nonce, sealed, aad)

    async def new_signing_key(self) -> bytes:
        return ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(32, "big")

    async def public_key(self, key: bytes) -> bytes:
        return _private(key).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    async def sign(self, key: bytes, data: bytes) -> bytes:
        r, s = decode_dss_signature(await asyncio.to_thread(_private(key).sign, data, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    async def verify(self, public_key: bytes, data: bytes, signature: bytes) -> bool:
        return await asyncio.to_thread(_is_signed, public_key, data, signature)


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(key, "big"), _CURVE)


def _is_signed(public_key: bytes, data: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    pair = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public_key).verify(pair, data, _ECDSA)
    except (InvalidSignature, ValueError):
        return False
    return True
