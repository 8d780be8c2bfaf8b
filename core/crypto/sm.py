"""SM4-GCM, SM3, HMAC-SM3 (OpenSSL, by `cryptography`) and SM2 signatures (gmalg, in a thread): the default suite."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from gmalg import SM2
from gmalg.errors import GMError

from core.crypto.software import TAG_BYTES, SoftwareProvider

#: GB/T 35276: the identity of a signer who has none of his own.
SIGNER = b"1234567812345678"


class Sm(SoftwareProvider):
    profile: ClassVar[str] = "sm"
    key_bytes: ClassVar[int] = 16
    algorithm: ClassVar[hashes.HashAlgorithm] = hashes.SM3()

    def gcm(self, key: bytes, nonce: bytes, text: bytes, aad: bytes) -> bytes:
        cipher = Cipher(SM4(key), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(aad)
        return cipher.update(text) + cipher.finalize() + cipher.tag

    def open_gcm(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        cipher = Cipher(SM4(key), modes.GCM(nonce, tag)).decryptor()
        cipher.authenticate_additional_data(aad)
        return cipher.update(text) + cipher.finalize()

    async def new_signing_key(self) -> bytes:
        key, _ = await asyncio.to_thread(SM2().generate_keypair)
        return bytes(key).rjust(32, b"\0")

    async def public_key(self, key: bytes) -> bytes:
        return bytes(await asyncio.to_thread(SM2().generate_pk, key))

    async def sign(self, key: bytes, data: bytes) -> bytes:
        r, s = await asyncio.to_thread(lambda: SM2(key, SIGNER).sign(data))
        return bytes(r).rjust(32, b"\0") + bytes(s).rjust(32, b"\0")

    async def verify(self, public_key: bytes, data: bytes, signature: bytes) -> bool:
        return await asyncio.to_thread(_is_signed, public_key, data, signature)


def _is_signed(public_key: bytes, data: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    try:
        checker = SM2(uid=SIGNER, pk=public_key)
        return bool(checker.verify_pk(public_key) and checker.verify(data, signature[:32], signature[32:]))
    except (GMError, ValueError, IndexError):
        return False
