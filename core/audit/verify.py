"""Is everything there, in its place, as it was written? If not: which row is the first that is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.audit.chain import LINK_CHARS, Checkpoint, Seal, follow, holds
from core.audit.lines import authentic, lane_bytes
from core.audit.rows import (
    last_seal,
    read_checkpoint,
    read_lanes,
    read_lines,
    read_rows,
    read_subjects,
    seal_of,
    sealed_to,
)
from core.audit.witness import Witness
from core.crypto import Vault
from core.store.audit_tables import AUDIT_SEAL
from core.store.database import Database

SEALS_AT_ONCE = 200
LINES_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and the first thing that is wrong."""

    seals: int = 0
    lines: int = 0
    anchors: int = 0
    fault: str = ""


class Fault(Exception):
    """Found something; the message names the row."""


class Verifier:
    """Reads only; may run while the host writes."""

    def __init__(self, database: Database, vault: Vault, witness: Witness) -> None:
        self._database, self._vault, self._witness = database, vault, witness
        self._dialect = database.dialect
        self._lines = self._seals = self._anchors = 0
        #: Hashes of seals that files outside speak of.
        self._wanted: dict[int, str] = {}

    async def verify(self, since: datetime | None = None) -> Report:
        try:
            await self._verify(since)
        except Fault as fault:
            return Report(self._seals, self._lines, self._anchors, str(fault))
        return Report(self._seals, self._lines, self._anchors)

    async def _verify(self, since: datetime | None) -> None:
        checkpoint = await self._checkpoint()
        # Read first: what comes later is newer than these, and none of our business.
        lanes = {row["id"]: row for row in await read_lanes(self._database, self._dialect)}
        last = await last_seal(self._database, self._dialect)
        before, sealed = await self._start(checkpoint, since)
        base = dict(sealed)
        async for seal in self._chain(before, last.id if last else 0):
            await self._check_seal(before, seal, sealed)
            before, sealed[seal.lane] = seal, seal.last
        for lane in lanes.values():
            await self._check_tail(lane, sealed.get(lane["id"], 0))
        await self._check_strays(base if since is None else {})
        await self._check_outside(checkpoint, last)

    async def _checkpoint(self) -> Checkpoint:
        checkpoint, mac = await read_checkpoint(self._database, self._dialect)
        if checkpoint.id and not holds(self._vault, checkpoint.authentic(), mac):
            raise Fault(f"检查点 {checkpoint.id} 被改动过")
        return checkpoint

    async def _start(self, checkpoint: Checkpoint, since: datetime | None) -> tuple[Seal | None, dict[int, int]]:
        """The seal before the first one to look at, and how far lanes were sealed by then."""
        first = checkpoint.id + 1
        if since is not None:
            found = await read_rows(
                self._database, self._dialect, AUDIT_SEAL, "WHERE at >= {since:at} ORDER BY id LIMIT 1", since=since
            )
            newest = await last_seal(self._database, self._dialect)
            first = max(first, found[0]["id"] if found else newest.id + 1 if newest else 0)
        sealed = await sealed_to(self._database, checkpoint, first)
        rows = await read_rows(self._database, self._dialect, AUDIT_SEAL, "WHERE id = {id}", id=first - 1)
        if rows:
            return seal_of(rows[0]), sealed
        return (Seal(checkpoint.id, 0, 0, 0, checkpoint.at, "", checkpoint.hash) if checkpoint.id else None), sealed

    async def _chain(self, before: Seal | None, last: int) -> AsyncIterator[Seal]:
        """Seals in order. A gap in their numbers is a fault."""
        id = before.id if before else 0
        while id < last:
            rest = f"WHERE id > {{id}} AND id <= {{last:id}} ORDER BY id LIMIT {SEALS_AT_ONCE}"
            rows = await read_rows(self._database, self._dialect, AUDIT_SEAL, rest, id=id, last=last)
            for row in rows:
                if row["id"] != id + 1:
                    raise Fault(f"封印 {id + 1} 不见了")
                seal, id = seal_of(row), row["id"]
                if not holds(self._vault, seal.authentic(), row["mac"]):
                    raise Fault(f"封印 {id} 被改动过")
                yield seal
            if not rows:
                raise Fault(f"封印 {id + 1} 不见了")

    async def _check_seal(self, before: Seal | None, seal: Seal, sealed: Mapping[int, int]) -> None:
        if seal.first != sealed.get(seal.lane, 0) + 1:
            raise Fault(f"封印 {seal.id} 与通道 {seal.lane} 的前一个封印不相接")
        lines = await self._check_lines(seal.lane, seal.first, seal.last)
        profile, _, hash = seal.hash.partition(":")
        macs = [(line["number"], line["mac"]) for line in lines]
        hashes = follow(self._vault, profile, before.hash if before else "", seal.lane, macs)
        for line, found, link in zip(lines, hashes, _links(seal), strict=True):
            if found[:LINK_CHARS] != link:
                raise Fault(f"{_name(line)} 不是当时封印的那一行（封印 {seal.id}）")
        if hashes[-1] != hash:
            raise Fault(f"封印 {seal.id} 与它之前的链不符")
        self._seals += 1
        # The verifier may share a loop with others.
        await asyncio.sleep(0)

    async def _check_lines(self, lane: int, first: int, last: int) -> Sequence[Mapping[str, Any]]:
        """All lines of a stretch, each with its MAC and its persons."""
        lines = await read_lines(self._database, self._dialect, lane, first, last)
        subjects = await read_subjects(self._database, self._dialect, lane, first, last)
        for index, line in enumerate(lines):
            if line["number"] < first + index:
                raise Fault(f"{_name(line)} 有两行")
            if line["number"] > first + index:
                raise Fault(f"通道 {lane} 第 {first + index} 行不见了")
            if not holds(self._vault, authentic(line, subjects.get(line["number"], ())), line["mac"]):
                raise Fault(f"{_name(line)} 或它的当事人记录被改动过")
        if len(lines) < last - first + 1:
            raise Fault(f"通道 {lane} 第 {first + len(lines)} 行不见了")
        self._lines += len(lines)
        return lines

    async def _check_tail(self, lane: Mapping[str, Any], sealed: int) -> None:
        """Lines not yet sealed, up to where the lane's counter stands."""
        id, number = lane["id"], lane["number"]
        if not holds(self._vault, lane_bytes(id, number), lane["mac"]):
            raise Fault(f"通道 {id} 的计数（{number}）被改动过")
        if number < sealed:
            raise Fault(f"通道 {id} 的计数（{number}）退到了已封印的第 {sealed} 行之前")
        for first in range(sealed + 1, number + 1, LINES_AT_ONCE):
            await self._check_lines(id, first, min(number, first + LINES_AT_ONCE - 1))

    async def _check_strays(self, removed: Mapping[int, int]) -> None:
        """Rows that no lane, no counter or no line accounts for."""
        for lane, number in await self._database.fetch(_STRAY_LINES, []):
            raise Fault(f"通道 {lane} 第 {number} 行是多出来的")
        for lane, first in await self._database.fetch("SELECT lane, min(number) FROM tb_audit GROUP BY lane", []):
            if first <= removed.get(lane, 0):
                raise Fault(f"通道 {lane} 第 {first} 行早已过期删除，是后来加上的")
        for lane, number in await self._database.fetch(_STRAY_SUBJECTS, []):
            raise Fault(f"通道 {lane} 第 {number} 行的当事人记录没有对应的审计行")

    async def _check_outside(self, checkpoint: Checkpoint, last: Seal | None) -> None:
        try:
            head = self._witness.head()
        except ValueError as error:
            raise Fault(f"库外的链头文件 {error}") from None
        if (stranger := self._witness.stranger()) is not None:
            raise Fault(f"库的安装号不是 {stranger} 的：库被换过或安装号被改动过；查明后把旧链头移走存档")
        if head is None and last is not None:
            raise Fault(f"库外没有链头文件（{self._witness.folder}）：链的末尾无法核对")
        if head is not None:
            await self._check_known(head.seal, head.hash, checkpoint, "链头文件")
        for path, anchor in await self._witness.read_anchors():
            if anchor is None:
                raise Fault(f"锚 {path.name} 的签名不符")
            await self._check_known(anchor.seal, anchor.hash, checkpoint, f"锚 {path.name}")
            self._anchors += 1

    async def _check_known(self, seal: int, hash: str, checkpoint: Checkpoint, name: str) -> None:
        if seal < checkpoint.id:
            return
        found = await self._database.fetch_value(f"SELECT hash FROM tb_audit_seal WHERE id = {seal}", [])
        found = checkpoint.hash if seal == checkpoint.id else found
        if found is None:
            newest = await self._database.fetch_value("SELECT max(id) FROM tb_audit_seal", [])
            raise Fault(f"封印 {(newest or checkpoint.id) + 1} 不见了：{name} 记到封印 {seal}")
        if found != hash:
            raise Fault(f"封印 {seal} 与{name}记下的不同")


_STRAY_LINES = (
    "SELECT a.lane, min(a.number) FROM tb_audit a LEFT JOIN tb_audit_lane l ON l.id = a.lane "
    "WHERE l.id IS NULL OR a.number > l.number OR a.number < 1 GROUP BY a.lane ORDER BY a.lane LIMIT 1"
)
_STRAY_SUBJECTS = (
    "SELECT s.lane, s.number FROM tb_audit_subject s WHERE NOT EXISTS (SELECT 1 FROM tb_audit a "
    "WHERE a.lane = s.lane AND a.number = s.number) ORDER BY s.lane, s.number LIMIT 1"
)


def _links(seal: Seal) -> list[str]:
    return [seal.links[i : i + LINK_CHARS] for i in range(0, (seal.last - seal.first + 1) * LINK_CHARS, LINK_CHARS)]


def _name(line: Mapping[str, Any]) -> str:
    return f"通道 {line['lane']} 第 {line['number']} 行"
