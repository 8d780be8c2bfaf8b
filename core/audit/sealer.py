"""The one who chains: takes the lines of all lanes, links them in one order, and keeps the end outside the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import structlog

from core.audit.chain import Checkpoint, Seal, make_seal
from core.audit.rows import last_seal, read_checkpoint, read_lanes, read_macs, sealed_to
from core.audit.witness import Witness
from core.crypto import Vault
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.store.audit_tables import AUDIT_SEAL
from core.store.database import ONE_STATEMENT_ROWS, Database, Insert
from core.store.errors import UniqueError

log = structlog.get_logger("tongban.audit")

#: A line is sealed within this time, also when the process that sealed so far has just been killed.
SEALED_WITHIN_S = 2.0
#: Looked this often. One's own lines wait one look, those that a dead sealer left wait two.
PASS_S = 0.5
#: Lines of one seal at most: a pass must neither stall the loop nor hold the database for long.
SEAL_MAX = 500


class Sealer:
    """One per process; every one of them keeps the head, and the one that sealed last goes on sealing.

    Nobody is appointed: the chain itself shows whether it is tended. Who finds a line unsealed that was there a look
    ago takes over. Two at once fork nothing: both make seal n + 1, and the primary key lets one of them in.
    """

    def __init__(self, database: Database, vault: Vault, node: str, witness: Witness) -> None:
        self.database, self.vault, self.node, self.witness = database, vault, node, witness
        self._last: Seal | None = None
        self._base: Checkpoint | None = None
        self._sealed: dict[int, int] = {}
        #: Numbers of the lanes a look ago.
        self._seen: dict[int, int] = {}
        #: The last seal is of this process.
        self._leads = False
        #: Seal, hash and day that the files outside hold.
        self._kept: tuple[int, str, date] | None = None
        #: Why nothing can be sealed or trusted; for auditState and readyz. "" = all is well.
        self.trouble = ""
        self._troubles: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="audit sealer")

    async def stop(self) -> None:
        """A last look, so that nothing waits unsealed while nobody runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._look()

    async def _run(self) -> None:
        while True:
            if not await self._look(at_once=False):
                await asyncio.sleep(PASS_S)

    async def _look(self, *, at_once: bool = True) -> bool:
        """Whether more waits. A pass that fails is tried again: nothing of it stays."""
        self._troubles.clear()
        more = False
        try:
            more = await self.seal(at_once=at_once)
            await self.keep()
        except Exception as error:
            self._troubles.append(f"审计没有封印：{type(error).__name__}")
        self._report("；".join(self._troubles))
        return more

    async def seal(self, *, at_once: bool = True) -> bool:
        """One pass; whether more waits. Not `at_once`: lines another process may be about to seal are left to it."""
        last = await last_seal(self.database, self.database.dialect)
        if self._base is None or self._last != last:
            self._base, self._leads = (await read_checkpoint(self.database, self.database.dialect))[0], False
            self._last, self._sealed = last, await sealed_to(self.database, self._base)
        lanes = await read_lanes(self.database, self.database.dialect)
        seen, self._seen = self._seen, {lane["id"]: lane["number"] for lane in lanes}
        if not self._waits(self._seen if at_once or self._leads else seen):
            return False
        if not (seals := await self._seals(lanes, self._base)):
            return False
        try:
            # One statement: a machine that loses its power in between leaves no transaction open.
            await self.database.insert([Insert(AUDIT_SEAL, seal.values(self.vault)) for seal in seals])
        except UniqueError:
            self._base = None
            return False
        for seal in seals:
            self._last, self._sealed[seal.lane], self._leads = seal, seal.last, True
        return len(seals) == ONE_STATEMENT_ROWS

    def _waits(self, lanes: Mapping[int, int]) -> bool:
        return any(number > self._sealed.get(id, 0) for id, number in lanes.items())

    async def _seals(self, lanes: Sequence[Mapping[str, Any]], removed: Checkpoint) -> list[Seal]:
        """Lanes in the order they were opened, numbers ascending: the same order whoever seals."""
        seals: list[Seal] = []
        before, base, at = self._last, (removed.id, removed.hash), utc_now()
        for lane in lanes:
            done = self._sealed.get(lane["id"], 0)
            if lane["number"] <= done or len(seals) == ONE_STATEMENT_ROWS:
                continue
            found = await read_macs(self.database, self.database.dialect, lane["id"], done, SEAL_MAX)
            lines = [line for index, line in enumerate(found) if line[0] == done + 1 + index]
            if len(lines) < min(SEAL_MAX, lane["number"] - done):
                self._troubles.append(f"通道 {lane['id']} 缺第 {done + 1 + len(lines)} 行")
                # Unless retention has just removed them: look anew.
                self._base = None
            if lines:
                before = make_seal(self.vault, before, lane["id"], lines, at, base)
                seals.append(before)
        return seals

    async def keep(self) -> None:
        """Note outside the database how far the chain has come; it must contain what was noted before."""
        last, today = self._last, china_day(utc_now())
        if last is not None and (last.id, last.hash, today) == self._kept:
            return
        if (stranger := await asyncio.to_thread(self.witness.stranger)) is not None:
            self._troubles.append(f"库的安装号不是 {stranger.name} 的")
            return
        head = await asyncio.to_thread(self.witness.head)
        if head is not None and not await self._contains(head.seal, head.hash):
            self._troubles.append(f"审计链与库外的链头（封印 {head.seal}）对不上")
            return
        if last is not None and (head is None or head.seal < last.id):
            await self.witness.keep_head(last)
        if last is not None:
            if not self.witness.has_anchor(today):
                await self.witness.anchor(today, last)
            self._kept = (last.id, last.hash, today)

    async def _contains(self, seal: int, hash: str) -> bool:
        found = await self.database.fetch_value(f"SELECT hash FROM tb_audit_seal WHERE id = {seal}", [])
        if found is None:
            base = (await read_checkpoint(self.database, self.database.dialect))[0]
            return seal <= base.id
        return bool(found == hash)

    def _report(self, trouble: str) -> None:
        if trouble and self.trouble != trouble:
            log.error("audit_chain_broken", trouble=trouble)
        self.trouble = trouble
