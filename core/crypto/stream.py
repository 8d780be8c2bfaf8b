"""Many bytes sealed in chunks: written and read in bounded memory, read from any place on.

A sealed file is chunks of CHUNK_BYTES plain bytes, the last one shorter or full, each sealed with the file's own key
under its number and whether it is the last: a chunk changed, moved, dropped or cut off does not open.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from core.crypto.errors import TamperedError
from core.crypto.provider import OVERHEAD_BYTES, CryptoProvider

CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class StreamKey:
    """The key of one file."""

    provider: CryptoProvider
    secret: bytes

    def seal(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        return self.provider.encrypt(self.secret, chunk, _aad(number, is_last))

    def open(self, number: int, sealed: bytes, *, is_last: bool) -> bytes:
        return self.provider.decrypt(self.secret, sealed, _aad(number, is_last))


class SealingWriter(io.BufferedIOBase):
    """A file that takes plain bytes and holds sealed ones. `close` writes the last chunk and waits for the disk."""

    def __init__(self, path: Path, file: BinaryIO, key: StreamKey) -> None:
        self.path, self.key = path, key
        self._file, self._hash = file, hashlib.sha256()
        self._pending = bytearray()
        self._number = 0
        self.size_bytes = 0

    @property
    def sha256(self) -> str:
        """Of the plain bytes, hexadecimal."""
        return self._hash.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whoever writes has bytes
        self._hash.update(data)
        self.size_bytes += len(data)
        self._pending += data
        # A full chunk waits: it may be the last one.
        while len(self._pending) > CHUNK_BYTES:
            self._put(CHUNK_BYTES, is_last=False)
        return len(data)

    def close(self) -> None:
        if self.closed:
            return
        try:
            self._put(len(self._pending), is_last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            super().close()

    def discard(self) -> None:
        """Forget all of it; of no effect once the file has gone to its place."""
        self._file.close()
        super().close()
        self.path.unlink(missing_ok=True)

    def _put(self, length: int, *, is_last: bool) -> None:
        chunk = bytes(self._pending[:length])
        del self._pending[:length]
        self._file.write(self.key.seal(self._number, chunk, is_last=is_last))
        self._number += 1


class SealedReader(io.RawIOBase):
    """The plain bytes of a sealed file. TamperedError for bytes that are not those written; a cut-off end is noticed at
    once, the rest where it is read."""

    def __init__(self, file: BinaryIO, key: StreamKey) -> None:
        self._file, self._key = file, key
        self._count = -(-file.seek(0, io.SEEK_END) // (CHUNK_BYTES + OVERHEAD_BYTES))
        self._at, self._number, self._chunk = 0, -1, b""
        try:
            self.size_bytes = (self._count - 1) * CHUNK_BYTES + len(self._load(self._count - 1))
        except BaseException:
            file.close()
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as io hands it in
        if self._at >= self.size_bytes:
            return 0
        number, offset = divmod(self._at, CHUNK_BYTES)
        part = self._load(number)[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _load(self, number: int) -> bytes:
        if number < 0:
            raise TamperedError()
        if number != self._number:
            self._file.seek(number * (CHUNK_BYTES + OVERHEAD_BYTES))
            sealed = self._file.read(CHUNK_BYTES + OVERHEAD_BYTES)
            self._chunk = self._key.open(number, sealed, is_last=number == self._count - 1)
            self._number = number
        return self._chunk


class Stored(Protocol):
    """A file that can be opened more than once: a path, or a sealed one."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO: ...


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A whole sealed file; like a path, it can be opened for reading more than once."""

    path: Path
    key: StreamKey

    def open(self, _mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """TamperedError, see SealedReader."""
        return io.BufferedReader(SealedReader(self.path.open("rb"), self.key), CHUNK_BYTES)


def _aad(number: int, is_last: bool) -> bytes:
    return f"tongban chunk {number} {'last' if is_last else 'more'}".encode()
