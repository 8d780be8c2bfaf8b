"""Files sealed in chunks: any byte changed, moved or cut off is refused; nothing needs the whole file in memory."""

from __future__ import annotations

import io
import random
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import pytest

from core.crypto import TamperedError
from core.crypto.aes import Aes
from core.crypto.provider import OVERHEAD_BYTES, CryptoProvider
from core.crypto.sm import Sm
from core.crypto.stream import CHUNK_BYTES, SealedFile, SealingWriter, StreamKey

ROOT = bytes(range(32))
PROVIDERS: tuple[CryptoProvider, ...] = (Sm(ROOT), Aes(ROOT))
SEALED_BYTES = CHUNK_BYTES + OVERHEAD_BYTES


def bytes_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sealed(path: Path, content: bytes, provider: CryptoProvider = PROVIDERS[0], piece: int = 10_007) -> SealedFile:
    key = StreamKey(provider, provider.new_key())
    with SealingWriter(path, path.open("w+b"), key) as writer:
        for at in range(0, len(content), piece):
            writer.write(content[at : at + piece])
    return SealedFile(path, key)


def whole(file: SealedFile) -> bytes:
    with file.open() as opened:
        return opened.read()


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: str(p.profile))
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 200_001])
def test_what_was_written_comes_back_and_lies_nowhere(tmp_path: Path, provider: CryptoProvider, size: int) -> None:
    content = bytes_of(size)
    file = sealed(tmp_path / "f", content, provider)
    assert whole(file) == content
    chunks = max(1, -(-size // CHUNK_BYTES))
    raw = (tmp_path / "f").read_bytes()
    assert len(raw) == size + chunks * OVERHEAD_BYTES
    assert all(content[at : at + 16] not in raw for at in range(0, size - 16, 997))


def test_any_place_is_read_without_what_stands_before(tmp_path: Path) -> None:
    content = bytes_of(3 * CHUNK_BYTES + 77)
    chance = random.Random(7)
    with sealed(tmp_path / "f", content).open() as opened:
        for _ in range(200):
            start, length = chance.randrange(len(content) + 10), chance.randrange(2 * CHUNK_BYTES)
            assert opened.seek(start) == start
            assert opened.read(length) == content[start : start + length]
        assert opened.seek(-5, io.SEEK_END) == len(content) - 5
        assert opened.read() == content[-5:]


@pytest.mark.parametrize("at", [0, 11, 12, 40_000, SEALED_BYTES - 1, SEALED_BYTES, 2 * SEALED_BYTES, -1])
def test_a_changed_byte_is_refused_and_nothing_of_its_chunk_given(tmp_path: Path, at: int) -> None:
    content = bytes_of(2 * CHUNK_BYTES + 1000)
    file = sealed(tmp_path / "f", content)
    raw = bytearray(file.path.read_bytes())
    raw[at] ^= 1
    file.path.write_bytes(raw)
    with pytest.raises(TamperedError):
        whole(file)
    if 0 <= at < SEALED_BYTES:
        with file.open() as opened:
            opened.seek(CHUNK_BYTES)
            assert opened.read() == content[CHUNK_BYTES:]


@pytest.mark.parametrize("left", [0, 1, 27, 28, SEALED_BYTES, SEALED_BYTES + 28, 2 * SEALED_BYTES, -1])
def test_a_file_cut_off_anywhere_is_refused_before_a_byte_is_given(tmp_path: Path, left: int) -> None:
    file = sealed(tmp_path / "f", bytes_of(2 * CHUNK_BYTES + 1000))
    file.path.write_bytes(file.path.read_bytes()[:left])
    with pytest.raises(TamperedError):
        file.open()


def test_chunks_moved_repeated_or_of_another_file_are_refused(tmp_path: Path) -> None:
    file, other = (sealed(tmp_path / name, bytes_of(3 * CHUNK_BYTES)) for name in "fg")
    one, two, three = (file.path.read_bytes()[n * SEALED_BYTES : (n + 1) * SEALED_BYTES] for n in range(3))
    for raw in (two + one + three, one + one + two + three, one + three, other.path.read_bytes()):
        file.path.write_bytes(raw)
        with pytest.raises(TamperedError):
            whole(file)
    file.path.write_bytes(one + two + three)
    assert whole(file) == bytes_of(3 * CHUNK_BYTES)


def _drain(opened: BinaryIO) -> int:
    total = 0
    while part := opened.read(CHUNK_BYTES):
        total += len(part)
    return total


def test_a_hundred_megabytes_pass_through_one_megabyte(tmp_path: Path) -> None:
    piece, pieces = bytes_of(CHUNK_BYTES), 1600
    key = StreamKey(PROVIDERS[1], PROVIDERS[1].new_key())
    tracemalloc.start()
    try:
        with SealingWriter(tmp_path / "f", (tmp_path / "f").open("w+b"), key) as writer:
            for _ in range(pieces):
                writer.write(piece)
        with SealedFile(tmp_path / "f", key).open() as opened:
            assert _drain(opened) == pieces * CHUNK_BYTES == 104_857_600
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (tmp_path / "f").unlink()
    assert peak < 1024 * 1024


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    writer = SealingWriter(path, path.open("w+b"), StreamKey(PROVIDERS[0], PROVIDERS[0].new_key()))
    writer.write(b"x" * 200_000)
    writer.discard()
    assert not path.exists()
