"""arq carries ids: on Redis between processes, on fakeredis inside one. It may vanish; the table is the truth."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from arq.connections import ArqRedis
from arq.utils import poll
from arq.worker import Worker, func
from fakeredis import FakeAsyncRedisConnection, FakeServer
from redis.exceptions import RedisError

from core.jobs.ending import end
from core.jobs.queue import Claim

log = logging.getLogger("tongban.jobs")

QUEUE = "tongban:jobs:{installation}"
#: Jobs one process runs side by side.
JOBS_MAX = 20
#: Redis answers in under a millisecond; after this it is taken for gone and work is done without it.
REDIS_TIMEOUT_S = 2.0
RESTART_S = 1.0
#: Time limits are the host's own (per job); arq's is only a last resort.
_LAST_RESORT_S = 24 * 3600

Run = Callable[[Claim], Awaitable[None]]


class _Worker(Worker):
    """arq's worker without the INFO it prints at start, which fakeredis does not know."""

    async def main(self) -> None:
        self.ctx["redis"] = self.pool
        async for _ in poll(self.poll_delay_s):
            await self._poll_iteration()


class Bridge:
    """Sends claims to whichever worker is free, and runs those that arrive here."""

    def __init__(self, redis_url: str | None, run: Run) -> None:
        self._redis_url = redis_url
        self._server = FakeServer() if redis_url is None else None
        self._run = run
        self._sender = self._connect()
        self._queue = ""
        self._worker: asyncio.Task[None] | None = None

    def start(self, installation: int) -> None:
        """Work on the queue of this installation; others may share the Redis."""
        self._queue = QUEUE.format(installation=installation)
        self._worker = asyncio.create_task(self._supervise(), name="arq worker")

    async def stop(self) -> None:
        await end([self._worker])
        await self._sender.aclose(close_connection_pool=True)

    async def send(self, claim: Claim) -> bool:
        """Hand the claim over; False when the carrier is away."""
        try:
            await self._sender.enqueue_job(
                "run", claim.id, claim.token, _job_id=f"{claim.id}:{claim.token}", _queue_name=self._queue
            )
        except (TimeoutError, RedisError, OSError):
            return False
        return True

    async def _supervise(self) -> None:
        """arq's main task ends at the first lost connection and never comes back by itself."""
        while True:
            worker = self._make_worker()
            try:
                await worker.async_run()
            except (TimeoutError, RedisError, OSError) as error:
                log.warning("Redis is away (%s), trying again", type(error).__name__)
            finally:
                await self._close(worker)
            await asyncio.sleep(RESTART_S)

    def _make_worker(self) -> Worker:
        async def run(context: dict[Any, Any], *claim: str) -> None:
            await self._run(Claim(*claim))

        job: Any = run  # arq's protocol of a coroutine asks for more than it calls
        return _Worker(
            functions=[func(job, name="run", timeout=_LAST_RESORT_S, max_tries=1, keep_result=0)],
            queue_name=self._queue, redis_pool=self._connect(), handle_signals=False, max_jobs=JOBS_MAX,
            poll_delay=0.1, job_serializer=_dump, job_deserializer=json.loads, log_results=False,
        )  # fmt: skip

    async def _close(self, worker: Worker) -> None:
        await end([worker.main_task, *worker.tasks.values()])
        await worker.pool.aclose(close_connection_pool=True)

    def _connect(self) -> ArqRedis:
        if self._server is not None:
            pool = redis.asyncio.ConnectionPool(
                connection_class=FakeAsyncRedisConnection, server=self._server, host="-", port=0
            )
        else:
            pool = redis.asyncio.ConnectionPool.from_url(
                self._redis_url or "", socket_connect_timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S
            )
        return ArqRedis(connection_pool=pool, job_serializer=_dump, job_deserializer=json.loads)


def _dump(value: Any) -> bytes:
    """JSON, never pickle; an exception in a result is only its name."""
    return json.dumps(value, default=lambda thing: type(thing).__name__).encode()
