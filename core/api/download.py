"""A content as an answer: whole or one range of it, in bounded memory."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from core.crypto.stream import CHUNK_BYTES

#: No file has more bytes than 18 digits can say.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


async def answer(request: Request, file: BinaryIO, name: str, mime: str, headers: Mapping[str, str]) -> Response:
    """The file, or the range that is asked for. Several ranges at once are answered by the whole file.

    The first bytes are read before the answer begins: a file that does not open is an error, not half an answer.
    """
    try:
        size = await asyncio.to_thread(file.seek, 0, io.SEEK_END)
        span = _span(request.headers, size)
        own = {"accept-ranges": "bytes", "content-disposition": _disposition(name), **headers}
        if span is not None and not span:
            file.close()
            return Response(None, 416, {**own, "content-range": f"bytes */{size}"})
        status, asked = (200, range(size)) if span is None else (206, span)
        if span is not None:
            own["content-range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
        own["content-length"] = str(len(asked))
        await asyncio.to_thread(file.seek, asked.start)
        first = await asyncio.to_thread(file.read, min(CHUNK_BYTES, len(asked)))
    except BaseException:
        file.close()
        raise
    if request.method == "HEAD":
        file.close()
        return Response(None, status, own, mime)
    return StreamingResponse(_chunks(file, first, len(asked)), status, own, mime)


async def _chunks(file: BinaryIO, first: bytes, length: int) -> AsyncIterator[bytes]:
    try:
        chunk = first
        while chunk:
            yield chunk
            length -= len(chunk)
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, length))
    finally:
        file.close()


def _span(headers: Mapping[str, str], size: int) -> range | None:
    """The one range asked for; empty = it lies outside, None = no range, or one that is none."""
    found = _RANGE.fullmatch(headers.get("range", "").strip())
    # Nothing names a version of a file, so nothing a client has can match one.
    if found is None or "if-range" in headers or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None
    return range(int(first), max(stop, int(first)))


def _disposition(name: str) -> str:
    return f"attachment; filename*=utf-8''{quote(name, safe='')}"
