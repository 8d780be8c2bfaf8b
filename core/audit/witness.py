"""What lies outside the database: how far the chain had come, and once a day a signed anchor."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from core.audit.chain import Seal, holds
from core.crypto import SealError, Vault
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Head:
    """The last seal that was seen."""

    seal: int
    hash: str


class Witness:
    """Files of one installation: head-<installation>.json and anchors-<installation>/<day>.json."""

    def __init__(self, folder: Path, installation: int, vault: Vault) -> None:
        self.folder, self.installation, self._vault = folder, installation, vault
        self.anchors = folder / f"anchors-{installation}"
        self._head = folder / f"head-{installation}.json"

    @classmethod
    def of(cls, settings: Settings, installation: int, vault: Vault) -> Witness:
        return cls(settings.anchor_dir or settings.data_dir / "audit", installation, vault)

    def head(self) -> Head | None:
        """None: nothing was seen yet. ValueError when the file is not what was written."""
        try:
            found = orjson.loads(self._head.read_bytes())
        except FileNotFoundError:
            return None
        mac = str(found.pop("mac", ""))
        if not holds(self._vault, _bytes(found), mac) or found.get("installation") != self.installation:
            raise ValueError(f"{self._head} 被改动过")
        return Head(int(found["seal"]), str(found["hash"]))

    def stranger(self) -> Path | None:
        """A head of some other installation. Its number stands in the database: who changes it must not be rid of the
        head that knew better."""
        return next((path for path in sorted(self.folder.glob("head-*.json")) if path != self._head), None)

    async def keep_head(self, seal: Seal) -> None:
        told = {"installation": self.installation, "seal": seal.id, "hash": seal.hash, "at": seal.at.isoformat()}
        await asyncio.to_thread(_write, self._head, {**told, "mac": self._vault.mac(_bytes(told))})

    def has_anchor(self, day: date) -> bool:
        return (self.anchors / f"{day}.json").exists()

    async def anchor(self, day: date, seal: Seal) -> None:
        """Signed, so that whoever is shown it can check it without the keys of the installation."""
        told = {"installation": self.installation, "day": day.isoformat(), "seal": seal.id, "hash": seal.hash}
        signature = await self._vault.sign(_bytes(told))
        await asyncio.to_thread(_write, self.anchors / f"{day}.json", {**told, "signature": signature})

    async def read_anchors(self) -> list[tuple[Path, Head | None]]:
        """Anchors in the order of their days; None for one whose signature does not hold."""
        paths = sorted(self.anchors.glob("*.json")) if self.anchors.is_dir() else []
        return [(path, await self._read_anchor(path)) for path in paths]

    async def _read_anchor(self, path: Path) -> Head | None:
        try:
            found = orjson.loads(await asyncio.to_thread(path.read_bytes))
            signature = str(found.pop("signature"))
            is_signed = await self._vault.has_signature(_bytes(found), signature)
        except (ValueError, KeyError, SealError):
            return None
        if not is_signed or found.get("day") != path.stem or found.get("installation") != self.installation:
            return None
        return Head(int(found["seal"]), str(found["hash"]))


def _bytes(told: Mapping[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _write(path: Path, told: Mapping[str, Any]) -> None:
    """Whole or not at all, also when the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(f".{os.getpid()}")
    with beside.open("wb") as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
