"""The one who chains: takes the lines of all lanes, links them in one order, and keeps the end outside the database."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import structlog

from core.audit.chain import Checkpoint, Seal, make_seal
from core.audit.rows import last_seal, read_checkpoint, read_lanes, read_macs, sealed_to
from core.audit.witness import Witness
from core.crypto import Vault
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.store.audit_tables import AUDIT_SEAL, LEASE
from core.store.database import Database, Insert, Transaction
from core.store.errors import UniqueError
from core.store.statement import statement

log = structlog.get_logger("tongban.audit")

#: Looked this often; a line is sealed within 2 s.
PASS_S = 0.7
#: A sealer that has gone silent is replaced after this long.
LEASE_FOR = timedelta(seconds=3)
#: Nobody holds a lease for longer: it was taken by a clock that has been set since.
LEASE_MAX = timedelta(seconds=60)
#: Lines of one seal at most: a pass must neither stall the loop nor hold the database for long.
SEAL_MAX = 500
#: Seals of one pass at most.
PASS_MAX = 50
TAKE = (
    "INSERT INTO tb_lease (id, holder, until) VALUES ({id}, {holder}, {until}) ON CONFLICT (id) DO UPDATE SET "
    "holder = excluded.holder, until = excluded.until "
    "WHERE tb_lease.holder = excluded.holder OR tb_lease.until < {now:until} OR tb_lease.until > {most:until} "
    "RETURNING id"
)


class Sealer:
    """One per process; of all processes one at a time seals, every one of them keeps the head."""

    def __init__(self, database: Database, vault: Vault, node: str, witness: Witness) -> None:
        self.database, self.vault, self.node, self.witness = database, vault, node, witness
        self._last: Seal | None = None
        self._base: Checkpoint | None = None
        self._sealed: dict[int, int] = {}
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
            if not await self._look():
                await asyncio.sleep(PASS_S)

    async def _look(self) -> bool:
        """Whether more waits. A pass that fails is tried again: nothing of it stays."""
        self._troubles.clear()
        more = False
        try:
            more = await self.seal()
            await self.keep()
        except Exception as error:
            self._troubles.append(f"审计没有封印：{type(error).__name__}")
        self._report("；".join(self._troubles))
        return more

    async def seal(self) -> bool:
        """One pass; whether more waits."""
        waiting = await self._waiting()
        if not waiting:
            return False
        try:
            async with self.database.transaction() as tx:
                if not await self._lead(tx):
                    return False
                before = await last_seal(tx, self.database.dialect)
                if before != self._last:
                    await self._load(tx, before)
                seals = await self._seals(tx)
                await tx.insert([Insert(AUDIT_SEAL, seal.values(self.vault)) for seal in seals])
        except UniqueError:
            self._base = None
            return False
        for seal in seals:
            self._last, self._sealed[seal.lane] = seal, seal.last
        return len(seals) == PASS_MAX

    async def _waiting(self) -> bool:
        if self._base is None:
            await self._load(self.database, await last_seal(self.database, self.database.dialect))
        lanes = await self.database.fetch("SELECT id, number FROM tb_audit_lane", [])
        return any(number > self._sealed.get(id, 0) for id, number in lanes)

    async def _load(self, source: Database | Transaction, last: Seal | None) -> None:
        self._base = (await read_checkpoint(source, self.database.dialect))[0]
        self._last, self._sealed = last, await sealed_to(source, self._base)

    async def _lead(self, tx: Transaction) -> bool:
        now = utc_now()
        values = {
            "id": "audit.sealer",
            "holder": self.node,
            "until": now + LEASE_FOR,
            "now": now,
            "most": now + LEASE_MAX,
        }
        return bool(await tx.fetch(*statement(self.database.dialect, LEASE, TAKE, **values)))

    async def _seals(self, tx: Transaction) -> list[Seal]:
        """Lanes in the order they were opened, numbers ascending: the same order whoever seals."""
        assert self._base is not None
        seals: list[Seal] = []
        before, base, at = self._last, (self._base.id, self._base.hash), utc_now()
        for lane in await read_lanes(tx, self.database.dialect):
            done = self._sealed.get(lane["id"], 0)
            if lane["number"] <= done or len(seals) == PASS_MAX:
                continue
            found = await read_macs(tx, self.database.dialect, lane["id"], done, SEAL_MAX)
            lines = [line for index, line in enumerate(found) if line[0] == done + 1 + index]
            if len(lines) < min(SEAL_MAX, lane["number"] - done):
                self._troubles.append(f"通道 {lane['id']} 缺第 {done + 1 + len(lines)} 行")
            if lines:
                before = make_seal(self.vault, before, lane["id"], lines, at, base)
                seals.append(before)
        return seals

    async def keep(self) -> None:
        """Note outside the database how far the chain has come; it must contain what was noted before."""
        last, today = await last_seal(self.database, self.database.dialect), china_day(utc_now())
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
