"""Row ids: UUID version 7 (RFC 9562), so that new rows stand together in every index."""

from __future__ import annotations

import os
import time


def uuid7() -> str:
    """Milliseconds, then 74 random bits. The time of making is public; nothing else can be read from it."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    number = milliseconds << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
