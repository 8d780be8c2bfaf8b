"""The table of work (tb_job): claimed by one, run once per claim, tried again, buried after the last try."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.fields.times import utc_now
from core.jobs.claims import Claims
from core.store.database import Database, Transaction
from core.store.installation import installation
from core.store.runtime_tables import DEAD_LETTER, JOB
from core.store.statement import load_row, statement

#: Jobs of one plugin at work at a time, over all nodes: a slow plugin must leave room for the others.
PLUGIN_JOBS_MAX = 10
#: A worker that has not renewed its claim for this long is taken for dead.
LEASE_S = 15.0
BACKOFF_MAX_S = 3600.0
_STARTED = ("id", "plugin_id", "name", "args", "tries")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Work asked for. `name` is a job of the manifest, or ":hook"."""

    plugin_id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    delay_s: float = 0.0
    dedupe: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A job this process may start, once."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class StartedJob:
    """A job at work."""

    id: str
    token: str
    plugin_id: str
    name: str
    args: Mapping[str, Any]
    tries: int


def backoff_s(tries: int) -> float:
    """1, 2, 4 … seconds, at most an hour."""
    return float(min(2.0 ** (tries - 1), BACKOFF_MAX_S))


class JobQueue:
    """SQL of tb_job and tb_dead_letter."""

    def __init__(
        self, database: Database, *, lease_s: float = LEASE_S, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._dialect = database.dialect
        self._lease_s = lease_s
        self.now = clock

    @property
    def _claims(self) -> Claims:
        return Claims(self._database, JOB, self._lease_s, "run_at", clock=self.now)

    async def installation(self) -> int:
        """A number of this database's own: two installations on one Redis must not take each other's jobs."""
        return await installation(self._database)

    async def add(self, jobs: Sequence[NewJob]) -> list[str]:
        """Ids of the jobs that wait now, the ones that waited already included."""
        async with self._database.transaction() as transaction:
            return await self.add_in(transaction, jobs)

    async def add_in(self, transaction: Transaction, jobs: Sequence[NewJob]) -> list[str]:
        return [await self._add_one(transaction, job) for job in jobs]

    async def _add_one(self, transaction: Transaction, job: NewJob) -> str:
        id, now = str(uuid.uuid4()), self.now()
        text = (
            "INSERT INTO tb_job (id, plugin_id, name, args, run_at, tries, started, dedupe, created_at) "
            "VALUES ({id}, {plugin_id}, {name}, {args}, {run_at}, {tries}, {started}, {dedupe}, {created_at}) "
            "ON CONFLICT (dedupe) DO UPDATE SET dedupe = excluded.dedupe RETURNING id"
        )
        run_at = now + timedelta(seconds=job.delay_s)
        rows = await transaction.fetch(*statement(
            self._dialect, JOB, text, id=id, plugin_id=job.plugin_id, name=job.name, args=dict(job.args),
            run_at=run_at, tries=0, started=False, dedupe=job.dedupe, created_at=now,
        ))  # fmt: skip
        return str(rows[0][0])

    async def claim(self, limit: int) -> list[Claim]:
        """Take due jobs, plugin by plugin in fair shares."""
        waiting = await self._waiting()
        if not waiting or limit <= 0:
            return []
        share = max(1, limit // len(waiting))
        claims: list[Claim] = []
        async with self._database.transaction() as transaction:
            for plugin_id, at_work in waiting:
                room = min(share, PLUGIN_JOBS_MAX - at_work, limit - len(claims))
                if room > 0:
                    claims += await self._claim_of(transaction, plugin_id, room)
        return claims

    async def _waiting(self) -> list[tuple[str, int]]:
        """Plugins with due jobs, with the number they have at work; the longest waiting first."""
        text = (
            f"SELECT plugin_id, sum(CASE WHEN {self._claims.due} THEN 1 ELSE 0 END), "
            "sum(CASE WHEN claimed_until > {now:run_at} THEN 1 ELSE 0 END) "
            "FROM tb_job WHERE run_at <= {now:run_at} GROUP BY plugin_id ORDER BY min(run_at)"
        )
        rows = await self._database.fetch(*statement(self._dialect, JOB, text, now=self.now()))
        return [(row[0], int(row[2])) for row in rows if int(row[1])]

    async def _claim_of(self, transaction: Transaction, plugin_id: str, limit: int) -> list[Claim]:
        rows = await self._claims.take_in(
            transaction, limit, "plugin_id = {plugin_id}", ", started = {started}", plugin_id=plugin_id, started=False
        )
        return [Claim(row["id"], row["claim"]) for row in rows]

    async def start(self, claim: Claim) -> StartedJob | None:
        """Begin the job, unless this claim was used already or taken over."""
        text = (
            "UPDATE tb_job SET started = {on:started}, tries = tries + 1, claimed_until = {until:claimed_until} "
            "WHERE id = {id} AND claim = {claim} AND started = {off:started} "
            f"RETURNING {', '.join(_STARTED)}"
        )
        until = self.now() + timedelta(seconds=self._lease_s)
        rows = await self._write(text, on=True, off=False, until=until, id=claim.id, claim=claim.token)
        if not rows:
            return None
        row = load_row(self._dialect, JOB, _STARTED, rows[0])
        return StartedJob(row["id"], claim.token, row["plugin_id"], row["name"], row["args"], row["tries"])

    async def renew(self, job: StartedJob) -> None:
        until = self.now() + timedelta(seconds=self._lease_s)
        text = (
            "UPDATE tb_job SET claimed_until = {until:claimed_until} WHERE id = {id} AND claim = {claim} RETURNING id"
        )
        await self._write(text, until=until, id=job.id, claim=job.token)

    async def finish(self, job: StartedJob) -> None:
        await self._write(
            "DELETE FROM tb_job WHERE id = {id} AND claim = {claim} RETURNING id", id=job.id, claim=job.token
        )

    async def postpone(self, job: StartedJob, delay_s: float, error: str, *, counts: bool = True) -> None:
        """Let go of the job and try again later; `counts=False` when the job is not to blame."""
        text = (
            "UPDATE tb_job SET claim = NULL, claimed_until = NULL, run_at = {at:run_at}, error = {error}, "
            "tries = {tries} WHERE id = {id} AND claim = {claim}"
        )
        at = self.now() + timedelta(seconds=delay_s)
        tries = job.tries if counts else job.tries - 1
        await self._write(text, at=at, error=error, tries=tries, id=job.id, claim=job.token)

    async def bury(self, job: StartedJob, error: str) -> None:
        """Move the job to the dead letters, where an administrator sees it."""
        insert = (
            "INSERT INTO tb_dead_letter (id, plugin_id, name, args, tries, error, died_at) "
            "VALUES ({id}, {plugin_id}, {name}, {args}, {tries}, {error}, {died_at}) RETURNING id"
        )
        delete = "DELETE FROM tb_job WHERE id = {id} AND claim = {claim} RETURNING id"
        async with self._database.transaction() as transaction:
            if await transaction.fetch(*statement(self._dialect, JOB, delete, id=job.id, claim=job.token)):
                await transaction.fetch(*statement(
                    self._dialect, DEAD_LETTER, insert, id=job.id, plugin_id=job.plugin_id, name=job.name,
                    args=job.args, tries=job.tries, error=error, died_at=self.now(),
                ))  # fmt: skip

    async def dead_letters(self, limit: int = 100) -> list[Mapping[str, Any]]:
        names = tuple(column.name for column in DEAD_LETTER.columns)
        rows = await self._database.fetch(
            f"SELECT {', '.join(names)} FROM tb_dead_letter ORDER BY died_at, id LIMIT {int(limit)}", []
        )
        return [load_row(self._dialect, DEAD_LETTER, names, row) for row in rows]

    async def redrive(self, id: str) -> bool:
        """Give a dead letter a fresh set of tries; False when there is none with this id."""
        names = ("plugin_id", "name", "args")
        text = f"DELETE FROM tb_dead_letter WHERE id = {{id}} RETURNING {', '.join(names)}"
        async with self._database.transaction() as transaction:
            rows = await transaction.fetch(*statement(self._dialect, DEAD_LETTER, text, id=id))
            if not rows:
                return False
            await self.add_in(transaction, [NewJob(**load_row(self._dialect, DEAD_LETTER, names, rows[0]))])
        return True

    async def _write(self, text: str, **values: Any) -> Sequence[Any]:
        async with self._database.transaction() as transaction:
            return await transaction.fetch(*statement(self._dialect, JOB, text, **values))
