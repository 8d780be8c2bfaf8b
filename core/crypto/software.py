"""What the two software suites share: a root key in memory that wraps the others."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from core.crypto.errors import TamperedError

NONCE_BYTES = 12
TAG_BYTES = 16


class SoftwareProvider(ABC):
    """A suite of a block cipher in GCM, a hash and its HMAC; signatures are left to the subclass."""

    profile: ClassVar[str]
    key_bytes: ClassVar[int]
    algorithm: ClassVar[hashes.HashAlgorithm]

    def __init__(self, root: bytes) -> None:
        self._root = self.mac(root, f"tongban wrap {self.profile}".encode())[: self.key_bytes]
        # The same for both suites: one root key file serves them.
        self.root_id = hashlib.sha256(b"tongban root " + root).hexdigest()[:12]

    def new_key(self) -> bytes:
        return os.urandom(self.key_bytes)

    def encrypt(self, key: bytes, text: bytes, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.gcm(key, nonce, text, aad)

    def decrypt(self, key: bytes, sealed: bytes, aad: bytes) -> bytes:
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise TamperedError()
        try:
            return self.open_gcm(key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
        except InvalidTag:
            raise TamperedError() from None

    @abstractmethod
    def gcm(self, key: bytes, nonce: bytes, text: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag."""

    @abstractmethod
    def open_gcm(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """InvalidTag when anything is not right."""

    def digest(self, data: bytes) -> bytes:
        hash = hashes.Hash(self.algorithm)
        hash.update(data)
        return hash.finalize()

    def mac(self, key: bytes, data: bytes) -> bytes:
        keyed = _keyed(key, type(self.algorithm)).copy()
        keyed.update(data)
        return keyed.finalize()

    async def wrap(self, key: bytes, label: str) -> bytes:
        return self.encrypt(self._root, key, label.encode())

    async def unwrap(self, wrapped: bytes, label: str) -> bytes:
        return self.decrypt(self._root, wrapped, label.encode())


@lru_cache(64)
def _keyed(key: bytes, algorithm: type[hashes.HashAlgorithm]) -> HMAC:
    """Copying a keyed state is three times as fast as keying it."""
    return HMAC(key, algorithm())
