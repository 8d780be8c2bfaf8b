"""What an uploaded file is, by its content, and a name for it that deceives nobody."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from typing import BinaryIO

NAME_MAX_CHARS = 200
#: What a file starts with, or a test of its head and path; anything else is refused. Text is last: it matches widely.
MAGIC: tuple[tuple[str, bytes, int], ...] = (
    ("image/jpeg", b"\xff\xd8\xff", 0),
    ("image/png", b"\x89PNG\r\n\x1a\n", 0),
    ("image/gif", b"GIF87a", 0),
    ("image/gif", b"GIF89a", 0),
    ("image/webp", b"WEBP", 8),
    ("application/pdf", b"%PDF-", 0),
    ("video/mp4", b"ftyp", 4),
    ("audio/mpeg", b"ID3", 0),
)
#: A member that only this kind of zip has.
ZIPS = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "OFD.xml": "application/ofd",
}
#: The record at the end of a zip with the longest comment it may have.
ZIP_TAIL_BYTES = 22 + 65_535 + 20
#: Members of a document of a thousand pages fit into this.
ZIP_DIRECTORY_MAX_BYTES = 1024 * 1024
ACCEPTED = "可用：图片、PDF、MP4、MP3、docx、xlsx、OFD、纯文本"


def sniff(file: BinaryIO) -> str | None:
    """The media type by content; what a client declares is not looked at."""
    head = file.read(4096)
    for mime, magic, at in MAGIC:
        if head[at : at + len(magic)] == magic:
            return mime
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(file)
    return "text/plain" if _is_text(file) else None


def _zip_kind(file: BinaryIO) -> str | None:
    if not _has_small_directory(file):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    return next((mime for member, mime in ZIPS.items() if member in members), None)


def _has_small_directory(file: BinaryIO) -> bool:
    """The list of a zip's members is read whole: half a million of them fit into one upload. Never true of zip64."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - ZIP_TAIL_BYTES))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    is_zip64 = tail[max(0, end - 20) : max(0, end - 16)] == b"PK\x06\x07"
    return end >= 0 and not is_zip64 and int.from_bytes(tail[end + 12 : end + 16], "little") <= ZIP_DIRECTORY_MAX_BYTES


def _is_text(file: BinaryIO) -> bool:
    """UTF-8 or GB18030 without control characters, and not mark-up a browser would run."""
    return _is_text_in(file, "utf-8") or _is_text_in(file, "gb18030")


def _is_text_in(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    lines = io.TextIOWrapper(file, encoding)
    try:
        first = lines.read(4096)
        while block := lines.read(65536):
            if "\0" in block:
                return False
    except UnicodeDecodeError:
        return False
    finally:
        lines.detach()
    controls = {c for c in first if unicodedata.category(c) == "Cc"} - set("\t\r\n")
    return not controls and not first.lstrip("\ufeff \t\r\n").startswith("<") and not first.startswith("MZ")


def clean_name(name: str) -> str:
    """The last part of a path, without characters that hide or reorder what people read."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, suffix = shown.rpartition(".")
    room = NAME_MAX_CHARS - len(dot + suffix[:20])
    return (stem[:room] + dot + suffix[:20] if dot else shown[:NAME_MAX_CHARS]) or "未命名"
