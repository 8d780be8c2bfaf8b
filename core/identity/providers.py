"""What log-in needs from outside: who sends texts, who knows identity documents, who compares faces.

A setting names one of the built-in ones or a class of the county's own, "package.module:Class", called with the host's
database, vault and data directory as keyword arguments.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from core.fields.times import utc_now
from core.settings import SettingsError

#: A provider that has not answered by then counts as away.
PROVIDER_TIMEOUT_S = 5.0


class ProviderError(Exception):
    """The provider is away or refuses; its message goes to the log, never to a caller."""


class SmsProvider(Protocol):
    async def send(self, phone: str, template: str, values: dict[str, str]) -> None:
        """Hand a text over to be delivered, or ProviderError. Templates: "login_code" with `code`, `minutes`;
        "window_code": read out to the clerk who has the holder's document before her, it binds the phone to that
        person; "delegation_code" with `agent`, `apps`, `until` (a day), too: read out to a clerk, it lets `agent` act
        for the holder of the phone; "filing_code" with `service`: read out to a clerk, it confirms that application.
        Texts must say what the code is for, and that all but the first log nobody in."""
        ...


class RealNameProvider(Protocol):
    name: ClassVar[str]

    async def find(self, name: str, idno: str, phone: str) -> str | None:
        """The core.person whose name and number these are, None when they do not fit or nobody knows them."""
        ...


class FaceProvider(Protocol):
    name: ClassVar[str]

    async def matches(self, person: str, picture: bytes) -> bool:
        """Whether the picture shows that core.person, alive."""
        ...


@dataclass(frozen=True, slots=True)
class FileSms:
    """Development: a line of JSON per text. It holds phones and codes in clear, hence a file for this account alone."""

    data_dir: Path

    async def send(self, phone: str, template: str, values: dict[str, str]) -> None:
        line = json.dumps({"at": utc_now().isoformat(), "phone": phone, "template": template, **values})
        await asyncio.to_thread(self._append, line + "\n")

    def _append(self, line: str) -> None:
        folder = self.data_dir / "outbox"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(folder / "sms.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ProviderError(f"{folder}: {error.strerror}") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)


@dataclass(frozen=True, slots=True)
class ConsoleSms:
    """Development: on standard error of the server."""

    async def send(self, phone: str, template: str, values: dict[str, str]) -> None:
        print(f"[短信] {phone} {template} {json.dumps(values)}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class NoSms:
    async def send(self, phone: str, template: str, values: dict[str, str]) -> None:
        raise ProviderError("TONGBAN_SMS is not set")


class NoRealName:
    name: ClassVar[str] = "none"

    async def find(self, name: str, idno: str, phone: str) -> str | None:
        raise ProviderError("TONGBAN_REAL_NAME is not set")


class NoFace:
    name: ClassVar[str] = "none"

    async def matches(self, person: str, picture: bytes) -> bool:
        raise ProviderError("TONGBAN_FACE is not set")


def load_provider(setting: str, spec: str, **parts: Any) -> Any:
    """An object of the county's own class; SettingsError says what does not fit."""
    module, colon, name = spec.partition(":")
    if not colon:
        raise SettingsError(f"{setting} 的值 {spec!r} 无效：应为内置名称或 包.模块:类")
    try:
        return getattr(importlib.import_module(module), name)(**parts)
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f"{setting} 的 {spec} 用不了：{error}") from None
