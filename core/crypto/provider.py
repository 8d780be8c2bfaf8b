"""What a cipher suite does for the vault. Software suites are `sm` and `aes`; a device or a KMS is one more class."""

from __future__ import annotations

from typing import ClassVar, Protocol

#: What sealing adds to a text: 12 bytes of nonce, 16 of tag.
OVERHEAD_BYTES = 28


class CryptoProvider(Protocol):
    """Keys are opaque bytes made by `new_key`: the key itself, or the handle of one that never leaves a device.

    What may need a network or much arithmetic is async; what is done per value is not.
    """

    #: Stands in tb_key.profile and begins the id of every key.
    profile: ClassVar[str]

    @property
    def root_id(self) -> str:
        """Names the root key without telling anything of it."""
        ...

    def new_key(self) -> bytes: ...

    def encrypt(self, key: bytes, text: bytes, aad: bytes) -> bytes:
        """Authenticated: nonce, ciphertext and tag in one piece, OVERHEAD_BYTES longer than the text."""
        ...

    def decrypt(self, key: bytes, sealed: bytes, aad: bytes) -> bytes:
        """TamperedError when key, bytes or `aad` are not those of `encrypt`."""
        ...

    def digest(self, data: bytes) -> bytes: ...

    def mac(self, key: bytes, data: bytes) -> bytes:
        """32 bytes."""
        ...

    async def wrap(self, key: bytes, label: str) -> bytes:
        """Seal a key with the root key. `label` must be the same to unwrap."""
        ...

    async def unwrap(self, wrapped: bytes, label: str) -> bytes: ...

    async def new_signing_key(self) -> bytes: ...

    async def public_key(self, key: bytes) -> bytes:
        """The public half: an uncompressed point, 0x04 and two coordinates."""
        ...

    async def sign(self, key: bytes, data: bytes) -> bytes:
        """r and s, 32 bytes each."""
        ...

    async def verify(self, public_key: bytes, data: bytes, signature: bytes) -> bool: ...
