"""A file of unknown encoding as lines of text: UTF-8 with or without a mark, or GB18030. Memory holds one block."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tongban_sdk.errors import TooLargeError

from core.crypto.stream import Stored
from core.exchange.faults import BadFileError, Faults

BLOCK_BYTES = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@contextmanager
def open_text(stored: Stored, max_bytes: int, faults: Faults) -> Iterator[TextIO]:
    """The file as text, line ends as they are. TooLargeError, or BadFileError with the lines that cannot be read."""
    with stored.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
    if size > max_bytes:
        mebibytes = max_bytes / (1 << 20)
        raise TooLargeError(f"文件超过 {mebibytes:g} MiB", hint="请分成几个文件，或调大 TONGBAN_IMPORT_MAX_BYTES")
    encoding = _encoding(stored, faults)
    with io.TextIOWrapper(stored.open("rb"), encoding, newline="") as lines:
        yield lines


def _encoding(stored: Stored, faults: Faults) -> str:
    with stored.open("rb") as file:
        head = file.read(4)
    if head[:2] in _UTF16:
        faults.add(1, "csv.encoding", "文件是 UTF-16 编码，请另存为“CSV UTF-8”")
        raise BadFileError
    broken, whole = _utf8_letters(stored)
    if not broken:
        return "utf-8-sig"
    # Of a file in GB18030 most letters are no UTF-8; of a damaged UTF-8 file nearly all are.
    if head[:3] != codecs.BOM_UTF8 and broken > whole and not any(_bad_lines(stored, "gb18030")):
        return "gb18030"
    encoding = "utf-8" if broken <= whole or head[:3] == codecs.BOM_UTF8 else "gb18030"
    for line in _bad_lines(stored, encoding):
        faults.add(line, "csv.encoding", f"含有不是 {encoding.upper()} 的字节")
    raise BadFileError


def _utf8_letters(stored: Stored) -> tuple[int, int]:
    """Bytes that are not UTF-8, and letters beyond ASCII that are."""
    broken = whole = 0
    for text in _decoded(stored, "utf-8"):
        if not text.isascii():
            sound = text.encode("utf-8", "ignore").decode()
            broken += len(text) - len(sound)
            whole += len(sound) - len(sound.encode("ascii", "ignore"))
    return broken, whole


def _bad_lines(stored: Stored, encoding: str) -> Iterator[int]:
    """Numbers of the lines with bytes that the encoding does not know."""
    line, was_return, told = 1, False, 0
    for text in _decoded(stored, encoding):
        if max(text, default="") < "\udc80":
            # Nothing to tell of: only count.
            line += _breaks(text, was_return)
            was_return = text.endswith("\r") if text else was_return
            continue
        for c in text:
            if c == "\r" or (c == "\n" and not was_return):
                line += 1
            elif "\udc80" <= c <= "\udcff" and told != line:
                yield (told := line)
            was_return = c == "\r"


def _breaks(text: str, was_return: bool) -> int:
    joined = was_return and text.startswith("\n")
    return text.count("\n") + text.count("\r") - text.count("\r\n") - joined


def _decoded(stored: Stored, encoding: str) -> Iterator[str]:
    """Blocks of text; a byte that fits nowhere is a lone surrogate."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    with stored.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield decoder.decode(block)
    yield decoder.decode(b"", final=True)
