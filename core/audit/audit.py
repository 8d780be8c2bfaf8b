"""Writes audit lines, alone or inside a business transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from tongban_sdk.actor import Actor
from tongban_sdk.errors import AuditUnavailableError, RequestError

from core.audit.call import CALL, Call
from core.audit.entry import Entry
from core.audit.lines import Lane, Lanes, Line, lane_bytes, line_of
from core.audit.sealer import Sealer
from core.audit.witness import Witness
from core.crypto import Vault
from core.fields.times import utc_now
from core.settings import Settings
from core.store.audit_tables import AUDIT, AUDIT_LANE, AUDIT_SUBJECT
from core.store.database import Database, Insert, Transaction
from core.store.errors import UniqueError
from core.store.insert import ONE_STATEMENT_ROWS, after, bind_row
from core.store.installation import installation
from core.store.statement import statement

log = structlog.get_logger("tongban.audit")

#: Sends a statement with the audit's rows in it; values by table and column.
Attempt = Callable[[Mapping[str, Mapping[str, Any]]], Awaitable[None]]
Told = tuple[Entry, datetime]
#: Lanes tried for one line before it is given up.
LANES_TRIED = 3
#: Statements under way at one moment, and with them lanes. SQLite writes one after the other: who waits, waits once.
IN_FLIGHT = {"sqlite": 1, "postgres": 16}
#: Entries of many requests that share one transaction.
GROUP_MAX = 200
SYSTEM = Actor(id="system", kind="system")
#: Moves the counter from where this process left it. No row: somebody else moved it, or it never got there.
#: It nearly always exists, and SQLite takes three times as long for an upsert: there that comes second.
MOVE = "UPDATE tb_audit_lane SET number = {number}, mac = {mac} WHERE id = {id} AND number = {before:number}"
ADVANCE = (
    "INSERT INTO tb_audit_lane (id, number, node, mac) VALUES ({id}, {number}, {node}, {mac}) ON CONFLICT (id) DO "
    "UPDATE SET number = excluded.number, mac = excluded.mac WHERE tb_audit_lane.number = {before:number} RETURNING id"
)


class NothingWrittenError(Exception):
    """The database is as it was."""


class LaneLostError(NothingWrittenError):
    """The counter of a lane is not where this process left it."""


class _UndoneError(Exception):
    """Ends a trial."""


@dataclass(slots=True)
class Held:
    """A lane in the hands of one transaction, and how far it will have come."""

    lane: Lane
    number: int
    #: False: something of the lane went wrong, nobody shall use it again.
    is_sound: bool = True


class Audit:
    """One per process."""

    #: Chains the lines; there is none where nobody said where the head lies.
    sealer: Sealer

    def __init__(self, database: Database, vault: Vault, node: str) -> None:
        self.database, self.vault, self.node = database, vault, node
        self._lanes = Lanes()
        self._in_flight = asyncio.Semaphore(IN_FLIGHT[database.dialect.name])
        self._held: dict[Transaction, Held] = {}
        #: What open transactions have told so far, and when.
        self._told: dict[Transaction, list[Told]] = {}
        #: Texts of `_advance` by the tables of their rows.
        self._wholes: dict[tuple[str, ...], str] = {}
        self._waiting: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        #: Lines were refused, and none was written since.
        self._is_failing = False

    @classmethod
    async def open(cls, database: Database, vault: Vault, node: str, settings: Settings) -> Audit:
        audit = cls(database, vault, node)
        witness = Witness.of(settings, await installation(database), vault)
        audit.sealer = Sealer(database, vault, node, witness)
        return audit

    async def record(self, *entries: Entry) -> None:
        """Write lines on their own. AuditUnavailableError when they cannot be written: refuse what they tell of.

        What many requests record at one moment shares a transaction. Inside a transaction use `within`.
        """
        if not entries:
            return
        if self.database.in_transaction:
            raise RuntimeError("inside a transaction audit lines go with it: Audit.within")
        await self._enqueue(entries)
        _note(CALL.get(), entries)

    def record_later(self, entry: Entry) -> None:
        """For what has no time left to wait: a failure goes to the log."""
        self._enqueue((entry,)).add_done_callback(lambda done: done.cancelled() or done.exception())

    def _enqueue(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, done))
        if self._writing is None:
            # A context of its own: the task outlives this request and must share nothing with it.
            self._writing = asyncio.create_task(self._write_waiting(), context=Context(), name="audit")
        return done

    async def close(self) -> None:
        """Write what waits, and seal it where sealing was started."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.sealer.stop()

    async def within(self, tx: Transaction, *entries: Entry) -> None:
        """Lines that stand or fall with an open transaction. They are written at its end, all at once; when they cannot
        be, AuditUnavailableError undoes it."""
        if not entries:
            return
        if tx.is_over:
            raise RuntimeError("the transaction is over: nobody would write these lines")
        if tx not in self._told:
            self._told[tx] = []
            tx.ended.append(lambda _: self._drop(tx))
        if not self._told[tx]:
            tx.closing.append(lambda: self._write_told(tx))
        at = utc_now()
        self._told[tx] += [(entry, at) for entry in entries]
        if len(self._told[tx]) >= GROUP_MAX:
            await self._write_told(tx)
        call = CALL.get()
        if call is not None:
            tx.ended.append(lambda done: _note(call if done else None, entries))

    def _drop(self, tx: Transaction) -> None:
        del self._told[tx]

    async def _write_told(self, tx: Transaction) -> None:
        told, self._told[tx] = self._told[tx], []
        try:
            while told and not await self._write_in(tx, told):
                pass
        except Exception as error:
            self._fail(error)
            if (held := self._held.get(tx)) is not None:
                held.is_sound = False
            raise unavailable() from error

    async def beside(self, entry: Entry, at: datetime, attempt: Attempt) -> None:
        """One line in the very statement that writes what it tells of: `attempt` sends it with these rows, by table."""
        async with self._in_flight:
            for _ in range(LANES_TRIED):
                if await self._attempt(entry, at, attempt):
                    _note(CALL.get(), (entry,))
                    return
        raise unavailable()

    async def _attempt(self, entry: Entry, at: datetime, attempt: Attempt) -> bool:
        """False: the lane is no good, another one may be."""
        lane, done = self._lanes.take(), None
        number = lane.number + 1
        try:
            await attempt(self._rows(entry, lane, number, at))
            done = True
        except LaneLostError:
            self.lost(lane)
            return False
        except (UniqueError, NothingWrittenError) as error:
            if isinstance(error, UniqueError) and error.table == AUDIT.name:
                self.lost(lane)
                return False
            done = False
            raise
        finally:
            # Whatever else happened, nobody knows where the lane stands: it is left behind.
            if done is not None:
                self._lanes.give_back(lane, number if done else lane.number)
        return True

    def _rows(self, entry: Entry, lane: Lane, number: int, at: datetime) -> dict[str, Mapping[str, Any]]:
        line = line_of(self.vault, entry, lane.id, number, self.node, at)
        mac = self.vault.mac(lane_bytes(lane.id, number))
        rows: dict[str, Mapping[str, Any]] = {
            # What is empty is the column's default.
            AUDIT.name: {name: value for name, value in line.values.items() if value != ""},
            AUDIT_LANE.name: {"id": lane.id, "number": number, "node": self.node, "mac": mac, "before": lane.number},
        }
        if line.subjects:
            (rows[AUDIT_SUBJECT.name],) = line.subject_rows()
        return rows

    async def check(self) -> str | None:
        """Tries to write a line, and takes it back: what stands in the way, in one sentence.

        A full disk is not felt before the commit: after a failure only a line that stays, `audit_resumed`, ends it.
        """
        try:
            async with self.database.transaction() as tx:
                await self.within(tx, Entry(SYSTEM, "check"))
                await self._write_told(tx)
                raise _UndoneError
        except _UndoneError:
            return await self._resume() if self._is_failing else None
        except Exception as error:
            return error.message if isinstance(error, RequestError) else "审计写不进数据库"

    async def _resume(self) -> str | None:
        try:
            await self._enqueue((Entry(SYSTEM, "audit_resumed"),))
        except AuditUnavailableError as error:
            return error.message
        return None

    async def _write_in(self, tx: Transaction, told: Sequence[Told]) -> bool:
        """False: the lane was lost, and the next one has to be tried."""
        held = self._held.get(tx) or self._hold(tx)
        before, last = held.number, held.number + len(told)
        counter = {"id": held.lane.id, "number": last, "node": self.node}
        counter["mac"] = self.vault.mac(lane_bytes(held.lane.id, last))
        lines = [
            line_of(self.vault, entry, held.lane.id, before + 1 + index, self.node, at)
            for index, (entry, at) in enumerate(told)
        ]
        if not await self._advance(tx, {**counter, "before": before}, _inserts(lines)):
            self.lost(held.lane)
            held.lane, held.number = Lane(), 0
            return False
        held.number = last
        return True

    async def _advance(self, tx: Transaction, counter: Mapping[str, Any], rows: Sequence[Insert]) -> bool:
        """Move the counter and write the lines; nothing when it is not where it was left. On Postgres few lines come
        with it in one round trip."""
        dialect = self.database.dialect
        text, args = statement(dialect, AUDIT_LANE, ADVANCE, **counter)
        if dialect.name == "postgres" and len(rows) <= ONE_STATEMENT_ROWS:
            shape = tuple([row.table.name for row in rows])
            whole = self._wholes.get(shape) or self._wholes.setdefault(shape, after(text, len(args), rows))
            return bool(await tx.fetch(whole, [*args, *(value for row in rows for value in bind_row(dialect, row))]))
        is_moved = dialect.name == "sqlite" and await tx.execute(*statement(dialect, AUDIT_LANE, MOVE, **counter))
        if not is_moved and not await tx.fetch(text, args):
            return False
        await tx.insert(rows)
        return True

    def _hold(self, tx: Transaction) -> Held:
        lane = self._lanes.take()
        held = self._held[tx] = Held(lane, lane.number)
        tx.ended.append(lambda done: self._release(self._held.pop(tx), done))
        return held

    def _release(self, held: Held, done: bool | None) -> None:
        """A lane whose transaction has an unknown end is left behind: wherever it stands, it is whole."""
        if done is not None and held.is_sound:
            self._lanes.give_back(held.lane, held.number if done else held.lane.number)

    def lost(self, lane: Lane) -> None:
        """Nobody but this process moves its lanes: tell the auditor, on another lane."""
        log.error("audit_lane_lost", lane=lane.id, number=lane.number)
        self.record_later(Entry(SYSTEM, "audit_lane_lost", detail=f"lane {lane.id} was at {lane.number}"))

    def _fail(self, error: BaseException) -> None:
        log.error("audit_not_written", error=type(error).__name__)

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            try:
                await self._write_group(group)
            except Exception as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
        self._writing = None

    async def _write_group(self, group: Sequence[tuple[Sequence[Entry], asyncio.Future[None]]]) -> None:
        try:
            async with self.database.transaction() as tx:
                await self.within(tx, *(entry for entries, _ in group for entry in entries))
        except Exception as error:
            if len(group) == 1:
                self._is_failing = True
                raise (error if isinstance(error, AuditUnavailableError) else unavailable()) from error
            # One entry the database does not take must not cost the others theirs.
            for one in group:
                await self._write_alone(one)
            return
        self._is_failing = False
        for _, done in group:
            if not done.done():
                done.set_result(None)

    async def _write_alone(self, one: tuple[Sequence[Entry], asyncio.Future[None]]) -> None:
        try:
            await self._write_group([one])
        except AuditUnavailableError as error:
            if not one[1].done():
                one[1].set_exception(error)


def unavailable() -> AuditUnavailableError:
    return AuditUnavailableError("审计暂时无法写入，操作没有执行，请稍后再试")


def _note(call: Call | None, entries: Sequence[Entry]) -> None:
    if call is not None:
        for entry in entries:
            call.note(entry)


def _inserts(lines: Sequence[Line]) -> list[Insert]:
    rows = [Insert(AUDIT, line.values) for line in lines]
    beside: list[dict[str, Any]] = [row for line in lines for row in line.subject_rows()]
    return rows + [Insert(AUDIT_SUBJECT, row) for row in beside]
