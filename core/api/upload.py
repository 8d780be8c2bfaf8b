"""Bytes from the network to a sealed file, streamed, counted and looked at before they are kept."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from email.message import Message
from typing import Any, Protocol, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.api.content import clean_name, sniff
from core.api.errors import Refusal, refuse
from core.crypto.contents import Contents
from core.crypto.stream import SealedFile, SealingWriter

#: One of them is the file; browsers may send other fields of the form.
PARTS_MAX = 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Received:
    """A whole upload, sealed, that no row holds yet."""

    content: SealingWriter
    name: str
    mime: str


class Taking(Protocol):
    """What takes the bytes of a file."""

    @property
    def size_bytes(self) -> int: ...
    def write(self, data: bytes, /) -> int: ...


class Sink:
    """Where the parser of the form writes the one part named "file"."""

    def __init__(self, content: Taking, max_bytes: int) -> None:
        self._content, self._max_bytes = content, max_bytes
        self._header, self._value = b"", b""
        self._wanted = False
        self._parts = 0
        self.name: str | None = None
        self.is_complete = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._on_part,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }

    def _on_part(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise refuse("BAD_REQUEST", f"表单的部分过多，上限 {PARTS_MAX}")

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            options = parse_options_header(self._value)[1]
            self._wanted = options.get(b"name") == b"file"
            if self._wanted and self.name is not None:
                raise refuse("BAD_REQUEST", "一次只能上传一个文件")
            if self._wanted:
                self.name = clean_name(options.get(b"filename", b"").decode("utf-8", "replace"))
        self._header = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if not self._wanted:
            return
        if self._content.size_bytes + end - start > self._max_bytes:
            raise too_large(self._max_bytes)
        self._content.write(data[start:end])

    def _on_end(self) -> None:
        self.is_complete = True


async def receive(content_type: str, chunks: AsyncIterator[bytes], contents: Contents, max_bytes: int) -> Received:
    """Stream a multipart form into a new content. Whatever goes wrong, no file is left behind."""
    boundary = _boundary(content_type)
    try:
        content = contents.begin()
        try:
            sink = Sink(content, max_bytes)
            await _feed(boundary, sink, chunks, max_bytes)
            return await asyncio.to_thread(_accept, content, sink)
        except BaseException:
            content.discard()
            raise
    except OSError as error:
        if error.errno in FULL:
            raise refuse("STORAGE_FULL", "存储空间不足，暂时不能上传") from None
        raise


async def _feed(boundary: bytes, sink: Sink, chunks: AsyncIterator[bytes], max_bytes: int) -> None:
    total = 0
    try:
        parser = MultipartParser(boundary, cast(Any, sink.callbacks()))
        async for chunk in chunks:
            total += len(chunk)
            # Headers and boundaries come on top of the file, but not without end.
            if total > max_bytes + 64 * 1024:
                raise too_large(max_bytes)
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise refuse("BAD_REQUEST", "上传的表单不完整或格式不对") from None


def _accept(content: SealingWriter, sink: Sink) -> Received:
    """Runs in a thread: waiting for the disk and reading archives must not hold up other requests."""
    content.close()
    if sink.name is None or not sink.is_complete:
        raise refuse("BAD_REQUEST", "表单里没有完整的 file 部分")
    if not content.size_bytes:
        raise refuse("BAD_REQUEST", "文件是空的")
    with SealedFile(content.path, content.key).open() as file:
        mime = sniff(file)
    if mime is None:
        raise refuse(
            "UNSUPPORTED_MEDIA_TYPE", "不接受这种文件", hint="可用：图片、PDF、MP4、MP3、docx、xlsx、OFD、纯文本"
        )
    return Received(content, sink.name, mime)


class _Hashing:
    """In the place of a content: the bytes of a form's file are hashed and forgotten."""

    def __init__(self) -> None:
        self.sha256, self.size_bytes = hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        self.size_bytes += len(data)
        return len(data)


async def fingerprint(content_type: str, chunks: AsyncIterator[bytes], max_bytes: int) -> str:
    """SHA-256 of the file of a multipart form, hexadecimal; nothing of it is kept."""
    hashing = _Hashing()
    sink = Sink(hashing, max_bytes)
    await _feed(_boundary(content_type), sink, chunks, max_bytes)
    if sink.name is None or not sink.is_complete or not hashing.size_bytes:
        raise refuse("BAD_REQUEST", "请先选择文件")
    return hashing.sha256.hexdigest()


def too_large(max_bytes: int) -> Refusal:
    return refuse("BODY_TOO_LARGE", f"文件过大，上限 {max_bytes} 字节", headers={"connection": "close"})


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary:
        raise refuse("UNSUPPORTED_MEDIA_TYPE", "请用 multipart/form-data 上传，文件放在 file 部分")
    return boundary.encode("ascii", "replace")
