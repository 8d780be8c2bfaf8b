"""The loop that makes calls: a lane per connector, so that one dead system delays nobody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tongban_sdk.errors import RequestError, UnavailableError

from core.connectors.adapter import Adapter, Adapters
from core.connectors.breaker import Breaker
from core.connectors.outcomes import Outcomes
from core.connectors.rows import CallRow, opened
from core.connectors.wire import Call, RefusedError
from core.fields.json_schema import problems_of
from core.fields.times import utc_now
from core.identity.providers import ProviderError
from core.jobs.claims import Claims
from core.jobs.ending import end
from core.jobs.loop import Loop, run_all
from core.manifest.connectors import Connector, Operation, connectors_of
from core.store.connector_tables import CONNECTOR_CALL
from core.store.rows import named
from core.store.statement import statement

log = logging.getLogger("tongban.connectors")

#: Calls of one connector side by side.
BATCH = 10
#: Longer than a call may take (`timeout_s` is at most 60): a worker that died leaves its claims this long.
LEASE_S = 120.0
#: Waits between tries; the last one again and again.
RETRY_S = (10.0, 60.0, 300.0, 1800.0, 7200.0)
#: What cannot be made now for want of an application asks again this often, and counts no try.
WAIT_S = 60.0


class NonsenseError(ProviderError):
    """The answer does not fit its schema."""


@dataclass
class Sending:
    """One per process that works."""

    outcomes: Outcomes
    adapters: Adapters
    retry_s: Sequence[float] = RETRY_S
    clock: Callable[[], datetime] = utc_now
    breakers: dict[str, Breaker] = field(default_factory=dict)
    loop: Loop = field(init=False)
    _lanes: dict[str, asyncio.Task[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("connectors", self._look)

    async def stop(self) -> None:
        await self.loop.stop()
        await end(list(self._lanes.values()))

    async def turn(self) -> int:
        """Make calls that are due, a batch of each connector; how many."""
        return sum(await asyncio.gather(*(self._lane(one) for one in await self._due())))

    async def run_all(self) -> int:
        return await run_all(self.turn)

    async def _look(self) -> int:
        """Let each connector that is not at it already begin; none is waited for."""
        for connector in await self._due():
            lane = self._lanes.get(connector.key)
            if lane is None or lane.done():
                task = asyncio.create_task(self._lane(connector), name=f"connector {connector.key}")
                task.add_done_callback(self._ended)
                self._lanes[connector.key] = task
        return 0

    def _ended(self, lane: asyncio.Task[int]) -> None:
        if lane.cancelled():
            return
        if (error := lane.exception()) is not None:
            log.error("%s failed: %s", lane.get_name(), type(error).__name__)
        elif lane.result():
            self.loop.nudge()

    async def _due(self) -> list[Connector]:
        """Connectors with something to do, somebody to do it, and no breaker open."""
        live, dialect, now = self.outcomes.engine.live(), self._database.dialect, self.clock()
        text = f"SELECT DISTINCT connector FROM tb_connector_call WHERE {self._claims.due}"
        rows = await self._database.fetch(*statement(dialect, CONNECTOR_CALL, text, now=now))
        waiting = {row[0] for row in rows}
        return [
            connector
            for connector in connectors_of(live.world)
            if connector.key in waiting and self.adapters.kind(connector.key) and not self._of(connector).is_open(now)
        ]

    def _of(self, connector: Connector) -> Breaker:
        return self.breakers.setdefault(connector.key, Breaker())

    @property
    def _database(self) -> Any:
        return self.outcomes.engine.database

    @property
    def _claims(self) -> Claims:
        return Claims(self._database, CONNECTOR_CALL, LEASE_S, waits="state = 'waiting'", clock=self.clock)

    async def _lane(self, connector: Connector) -> int:
        adapter = self.adapters.get(connector)
        if adapter is None:
            return 0
        limit = 1 if self._of(connector).is_probing else BATCH
        async with self._database.transaction() as tx:
            rows = await self._claims.take_in(tx, limit, "connector = {connector}", connector=connector.key)
        calls = [named(CallRow, row) for row in rows]
        await asyncio.gather(*(self._make(connector, adapter, call) for call in calls))
        return len(calls)

    async def _make(self, connector: Connector, adapter: Adapter, call: CallRow) -> None:
        operation = connector.operations.get(call.operation)
        try:
            if operation is None or not self._runs(call):
                await self.outcomes.put_off(call, self.clock() + timedelta(seconds=WAIT_S), call.tries, call.error)
            elif (answer := await self._answer(connector, operation, adapter, call)) is not None:
                await self._take_up(connector, operation, call, answer)
        except Exception as error:
            # Tried again when the claim lapses. The kind only: the text of an error may hold what is sent.
            log.error("call %s (%s) failed: %s", call.id, call.key, type(error).__name__)

    def _runs(self, call: CallRow) -> bool:
        live = self.outcomes.engine.live()
        return call.plugin_id in live.world.plugins and live.choice(call.plugin_id, call.division) != "off"

    async def _answer(
        self, connector: Connector, operation: Operation, adapter: Adapter, call: CallRow
    ) -> Mapping[str, Any] | None:
        """None = not now, or never, and that is noted."""
        vault, breaker = self.outcomes.engine.vault, self._of(connector)
        if call.answer is not None:
            return opened(vault, "answer", call.id, call.answer)
        asked = Call(
            call.id, call.operation, opened(vault, "request", call.id, call.request), float(operation.timeout_s)
        )
        try:
            async with asyncio.timeout(asked.timeout_s):
                answer = await adapter.call(asked)
            if any(problems_of(operation.response, answer, "answer")):
                raise NonsenseError
        except Exception as error:
            await self._failed(connector, operation, call, error)
            return None
        breaker.answered()
        return answer

    async def _failed(self, connector: Connector, operation: Operation, call: CallRow, error: Exception) -> None:
        kind, tries = type(error).__name__, call.tries + 1
        log.warning("call %s (%s) not answered, try %d: %s", call.id, call.key, tries, kind)
        if isinstance(error, RefusedError):
            self._of(connector).answered()
        else:
            self._of(connector).failed(self.clock())
        if isinstance(error, RefusedError) or tries >= operation.tries:
            await self.outcomes.give_up(connector, operation, call, kind, tries)
        else:
            wait_s = self.retry_s[min(tries, len(self.retry_s)) - 1]
            await self.outcomes.put_off(call, self.clock() + timedelta(seconds=wait_s), tries, kind)

    async def _take_up(
        self, connector: Connector, operation: Operation, call: CallRow, answer: Mapping[str, Any]
    ) -> None:
        try:
            await self.outcomes.take_up(operation, call, answer)
        except UnavailableError:
            at = self.clock() + timedelta(seconds=WAIT_S)
            await self.outcomes.put_off(call, at, call.tries, "Unavailable", answer=answer)
        except RequestError as error:
            # The outside has done it; what stands in the way is in this house.
            await self.outcomes.give_up(connector, operation, call, error.code, call.tries + 1, answer=answer)
