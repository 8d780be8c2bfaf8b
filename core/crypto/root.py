"""The root key of a software suite: 32 random bytes in one file, beside the database but never in it."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from core.crypto.errors import RootKeyError

FILE = "root.key"
_HEAD = "tongban-root-1 "
ROOT_BYTES = 32


def read_root(folder: Path) -> bytes:
    """The root key; RootKeyError when it is missing or no root key at all."""
    file = folder / FILE
    try:
        text = file.read_text("ascii")
    except FileNotFoundError:
        raise RootKeyError(
            f"找不到根密钥 {file}：数据库里的密钥都由它包着。请从备份放回这个文件（TONGBAN_SECRETS_DIR）；不会另造一把"
        ) from None
    except UnicodeDecodeError:
        raise _damaged(file) from None
    try:
        root = base64.b64decode(text.strip().removeprefix(_HEAD), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _damaged(file) from None
    if not text.startswith(_HEAD) or len(root) != ROOT_BYTES:
        raise _damaged(file)
    return root


def make_root(folder: Path) -> None:
    """Write a root key unless there is one. A link is atomic: of two processes starting together one wins."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / FILE).exists():
        return
    descriptor, path = tempfile.mkstemp(dir=folder, prefix=".root-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{_HEAD}{base64.urlsafe_b64encode(os.urandom(ROOT_BYTES)).decode()}\n")
            file.flush()
            # Keys wrapped by it are committed a moment later: it must be there after a power cut, too.
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(path, folder / FILE)
    finally:
        os.unlink(path)


def _damaged(file: Path) -> RootKeyError:
    return RootKeyError(f"{file} 不是根密钥，或者已损坏：请从备份放回这个文件；不会另造一把")
