"""An entry as it is stored: numbered in a lane, authenticated together with the persons it concerns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import getrandbits
from typing import Any

import orjson

from core.audit.entry import Entry
from core.crypto import Vault
from core.store.dialect import datetime_text

#: A lane no longer used; retention may forget it, so nobody may come back to it.
IDLE_MAX_S = 24 * 3600.0
TEXT_MAX_CHARS = 500


class Lane:
    """A sequence of numbers of this process. Whoever holds it is alone in it."""

    __slots__ = ("id", "number", "used_s")

    def __init__(self) -> None:
        # 41 bits of milliseconds, so that lanes stand in the order they were opened, and 22 of chance.
        self.id = (time.time_ns() // 1_000_000) << 22 | getrandbits(22)
        #: The last one that is in the database.
        self.number = 0
        self.used_s = time.monotonic()


class Lanes:
    """The lanes nobody holds, last used first: as many as there ever were writers at one moment."""

    def __init__(self) -> None:
        self._free: list[Lane] = []

    def take(self) -> Lane:
        while self._free:
            lane = self._free.pop()
            if time.monotonic() - lane.used_s < IDLE_MAX_S:
                return lane
        return Lane()

    def give_back(self, lane: Lane, number: int) -> None:
        lane.number, lane.used_s = number, time.monotonic()
        self._free.append(lane)


@dataclass(frozen=True, slots=True)
class Line:
    """Values of one row of tb_audit, and the rows of tb_audit_subject beside it."""

    values: Mapping[str, Any]
    subjects: tuple[str, ...]

    def subject_rows(self) -> list[dict[str, Any]]:
        values = self.values
        where = {name: values[name] for name in ("at", "lane", "number")}
        return [{"person": person, **where} for person in self.subjects]


def line_of(vault: Vault, entry: Entry, lane: int, number: int, node: str, at: datetime) -> Line:
    actor = entry.actor
    subjects = tuple(sorted(set(entry.subjects))) if len(entry.subjects) > 1 else entry.subjects
    texts = {
        "actor": actor.id,
        "kind": actor.kind,
        "principal": (actor.person or "") if actor.agent else "",
        "agent": actor.agent or "",
        "action": entry.action,
        "entity": entry.entity,
        "row_id": entry.row_id,
        "result": entry.result,
        "fields": ",".join(entry.fields),
        "purpose": _clean(entry.purpose),
        "case": _clean(entry.case),
        "rule": entry.rule,
        "node": node,
        "session": actor.session,
        "detail": _clean(entry.detail),
    }
    mac = vault.mac(_bytes(lane, number, at, texts.values(), subjects))
    return Line({"lane": lane, "number": number, "at": at, **texts, "mac": mac}, subjects)


def authentic(values: Mapping[str, Any], subjects: Sequence[str]) -> bytes:
    """The bytes a line's MAC is made of: every column in order, then the persons. `values` may hold the MAC."""
    lane, number, at, *texts = [value for name, value in values.items() if name != "mac"]
    return _bytes(lane, number, at, texts, subjects)


def _bytes(lane: int, number: int, at: datetime, texts: Iterable[str], subjects: Sequence[str]) -> bytes:
    return orjson.dumps([lane, number, datetime_text(at), *texts, subjects])


def lane_bytes(lane: int, number: int) -> bytes:
    """What the MAC of a lane's counter is made of."""
    return b"tb_audit_lane %d %d" % (lane, number)


def _clean(text: str) -> str:
    """What a database takes, whoever wrote it."""
    if not text:
        return text
    return text[:TEXT_MAX_CHARS].replace("\0", "").encode("utf-8", "replace").decode()
