"""The chain: what follows from what, as bytes and hashes. No database here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core.crypto import SealError, Vault
from core.store.dialect import datetime_text

#: What the first line of all follows.
GENESIS = ""
LINK_CHARS = 8


@dataclass(frozen=True, slots=True)
class Seal:
    """Lines `first` to `last` of a lane, after everything sealed before."""

    id: int
    lane: int
    first: int
    last: int
    at: datetime
    links: str
    #: "<profile>:<hash>"
    hash: str

    def authentic(self) -> bytes:
        """What its MAC is made of."""
        numbers = (self.id, self.lane, self.first, self.last)
        return orjson.dumps(["tb_audit_seal", *numbers, datetime_text(self.at), self.links, self.hash])

    def values(self, vault: Vault) -> dict[str, Any]:
        """Column values of its row."""
        own = {name: getattr(self, name) for name in ("id", "lane", "first", "last", "at", "links", "hash")}
        return {**own, "mac": vault.mac(self.authentic())}


def follow(vault: Vault, profile: str, before: str, lane: int, lines: Iterable[tuple[int, str]]) -> list[str]:
    """The hash after each line (number, MAC), hexadecimal; `before` is the seal's hash before these."""
    found = []
    for number, mac in lines:
        before = vault.digest(f"{before}\n{lane}:{number} {mac}".encode(), profile).hex()
        found.append(before)
    return found


def make_seal(
    vault: Vault, before: Seal | None, lane: int, lines: list[tuple[int, str]], at: datetime, base: tuple[int, str]
) -> Seal:
    """The next seal over these lines of one lane; `base` (id, hash) stands in for a seal that retention removed."""
    id, hash = (before.id, before.hash) if before else base
    hashes = follow(vault, vault.profile, hash, lane, lines)
    links = "".join(one[:LINK_CHARS] for one in hashes)
    return Seal(id + 1, lane, lines[0][0], lines[-1][0], at, links, f"{vault.profile}:{hashes[-1]}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to seal `id` was removed when its time was over."""

    id: int
    hash: str
    #: Last number removed, by lane.
    lanes: Mapping[int, int]
    at: datetime

    def authentic(self) -> bytes:
        return orjson.dumps(["tb_audit_checkpoint", self.id, self.hash, self.lanes_text(), datetime_text(self.at)])

    def lanes_text(self) -> str:
        return " ".join(f"{lane}:{number}" for lane, number in sorted(self.lanes.items()))

    def values(self, vault: Vault) -> dict[str, Any]:
        own = {"id": self.id, "hash": self.hash, "lanes": self.lanes_text(), "at": self.at}
        return {**own, "mac": vault.mac(self.authentic())}


NOTHING_REMOVED = Checkpoint(0, GENESIS, {}, datetime.min)


def holds(vault: Vault, data: bytes, mac: str) -> bool:
    """Whether the MAC is of these bytes; one whose key is gone proves nothing."""
    try:
        return vault.has_mac(data, mac)
    except SealError:
        return False


def lanes_of(text: str) -> dict[int, int]:
    pairs = (pair.partition(":") for pair in text.split())
    return {int(lane): int(number) for lane, _, number in pairs}
