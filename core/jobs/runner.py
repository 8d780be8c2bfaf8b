"""Runs one claimed job: finds who does it, keeps the claim alive, records how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.jobs.queue import LEASE_S, Claim, JobQueue, StartedJob, backoff_s

log = logging.getLogger("tongban.jobs")

#: A job whose plugin is off or quarantined waits; this is how often it asks again.
WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Work:
    """How to do one kind of job. `run` limits its own time and raises when it failed."""

    run: Callable[[StartedJob], Awaitable[None]]
    max_tries: int


class NotNowError(Exception):
    """The job cannot run at present and is not to blame; the message says why."""


Resolve = Callable[[StartedJob], Work | None]


class Runner:
    """Turns a claim into an effect, a later try or a dead letter."""

    def __init__(self, queue: JobQueue, resolve: Resolve, *, lease_s: float = LEASE_S) -> None:
        self._queue = queue
        self._resolve = resolve
        self._lease_s = lease_s

    async def run(self, claim: Claim) -> None:
        job = await self._queue.start(claim)
        if job is None:
            return
        work = self._resolve(job)
        if work is None:
            await self._queue.postpone(job, WAIT_S, "插件未启用", counts=False)
        elif job.tries > work.max_tries:
            await self._queue.bury(job, _lost(job))
        else:
            await self._try(job, work)

    async def _try(self, job: StartedJob, work: Work) -> None:
        heart = asyncio.create_task(self._keep(job))
        try:
            await work.run(job)
        except NotNowError as error:
            await self._queue.postpone(job, WAIT_S, str(error), counts=False)
        except Exception as error:
            await self._failed(job, work, error)
        else:
            await self._queue.finish(job)
        finally:
            heart.cancel()

    async def _failed(self, job: StartedJob, work: Work, error: Exception) -> None:
        reason = str(error) if hasattr(error, "plugin_id") else type(error).__name__
        log.warning("job %s.%s failed, try %d: %s", job.plugin_id, job.name, job.tries, reason)
        if job.tries >= work.max_tries:
            await self._queue.bury(job, reason)
        else:
            await self._queue.postpone(job, backoff_s(job.tries), reason)

    async def _keep(self, job: StartedJob) -> None:
        """Renew the claim while the job runs, so that only a dead worker loses it."""
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self._queue.renew(job)
            except Exception as error:
                log.warning("claim of job %s not renewed: %s", job.id, type(error).__name__)


def _lost(job: StartedJob) -> str:
    return f"第 {job.tries - 1} 次运行时工作进程中断"
