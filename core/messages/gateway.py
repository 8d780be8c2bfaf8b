"""Who carries messages out of the house: one gateway for texts, calls and WeChat."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from core.identity.providers import ProviderError, load_provider
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Post:
    """What a gateway is handed."""

    #: The same for every try: what it has seen already it must not send again.
    key: str
    #: sms, phone or wechat
    channel: str
    #: A phone number; for wechat the id of the core.person, whom the gateway's own binding knows.
    address: str
    title: str
    text: str


class Gateway(Protocol):
    async def send(self, post: Post) -> bool:
        """Hand over, or ProviderError. True when the person is known to have it (a call that was answered)."""
        ...

    async def receipts(self) -> Sequence[str]:
        """Keys that people are known to have got; may name the same again."""
        ...


@dataclass(frozen=True, slots=True)
class FileGateway:
    """Development: a file per message, for this account alone, since it holds a phone in clear. A key written into
    receipts.txt beside them is a receipt."""

    data_dir: Path

    @property
    def folder(self) -> Path:
        return self.data_dir / "outbox" / "messages"

    async def send(self, post: Post) -> bool:
        await asyncio.to_thread(self._write, post)
        return False

    async def receipts(self) -> Sequence[str]:
        return await asyncio.to_thread(self._receipts)

    def _write(self, post: Post) -> None:
        path = self.folder / f"{post.key}.json"
        half = path.with_suffix(f".{os.getpid()}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(post), file, ensure_ascii=False)
            # Whoever dies half-way leaves no half message; the same key replaces itself.
            half.replace(path)
        except OSError as error:
            raise ProviderError(f"{self.folder}: {error.strerror}") from error

    def _receipts(self) -> list[str]:
        try:
            return (self.folder / "receipts.txt").read_text("utf-8").split()
        except FileNotFoundError:
            return []


@dataclass(frozen=True, slots=True)
class ConsoleGateway:
    """Development: on standard error of the server."""

    async def send(self, post: Post) -> bool:
        print(f"[{post.channel}] {post.address} {post.title}：{post.text}", file=sys.stderr, flush=True)
        return False

    async def receipts(self) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class NoGateway:
    """Nothing leaves the house; people read their inbox."""

    async def send(self, post: Post) -> bool:
        raise ProviderError("TONGBAN_MESSAGES is not set")

    async def receipts(self) -> Sequence[str]:
        return ()


def open_gateway(settings: Settings, **outside: Any) -> Gateway:
    """As TONGBAN_MESSAGES says; SettingsError when it names nothing usable."""
    match settings.messages or ("file" if settings.profile == "dev" else "none"):
        case "none":
            return NoGateway()
        case "file":
            return FileGateway(settings.data_dir)
        case "console":
            return ConsoleGateway()
        case spec:
            found: Gateway = load_provider("TONGBAN_MESSAGES", spec, **outside)
            return found
