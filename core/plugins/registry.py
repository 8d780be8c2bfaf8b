"""The one place that knows which generation stands: boots, switches, follows other nodes, reports."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from uuid import uuid4

from tongban_sdk.actor import Actor
from tongban_sdk.errors import InvalidInputError, NotFoundError

from core.access.service import service_actor
from core.audit import Audit, Entry
from core.audit.audit import SYSTEM
from core.crypto import Vault
from core.jobs.ending import end
from core.jobs.jobs import Jobs
from core.jobs.queue import NewJob
from core.manifest.sections.plugin import FOUNDATION
from core.plugins.builder import Builder, Compose, Prepare
from core.plugins.catalogue import Catalogue
from core.plugins.errors import PluginError
from core.plugins.generation import Generation
from core.plugins.states import States, is_wanted
from core.plugins.status import CHOICES, Chosen, NodeStatus, PluginStatus
from core.read.opener import Limits
from core.settings import Settings
from core.store.database import Database, Transaction
from core.write import Written
from core.write.offers import Offer

log = logging.getLogger("tongban.plugins")

#: A toggle elsewhere is seen after at most this long.
POLL_S = 0.5
#: A node reports at least this often; see NODE_LIFE_S in states.py.
REPORT_S = 2.0

Swapped = Callable[[Generation, Generation], None]
Committed = Callable[[Sequence[Written]], None]


def new_node_id() -> str:
    """A name for this process, for reports and audit lines."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:4]}"


class Registry:
    """Give it a database; `boot()` it; then `current` never is less than a whole generation."""

    current: Generation

    def __init__(
        self, settings: Settings, database: Database, compose: Compose, prepare: Prepare, vault: Vault, audit: Audit
    ) -> None:
        self.settings = settings
        self.database, self.vault, self.audit = database, vault, audit
        self.node_id = new_node_id()
        self.jobs = Jobs(database, lambda: self.current.plan, settings.redis_url)
        #: Called with the old and the new generation right after a swap; must not raise or keep the old one.
        self.on_swap: list[Swapped] = []
        #: Called after each commit of this process with what was written; must not raise.
        self.on_commit: list[Committed] = [lambda written: self.jobs.nudge()]
        #: What generations made from now on ask before masked values are looked up; None = no limit.
        self.limits: Limits | None = None
        #: What other rooms do for the Python of plugins, by name.
        self.offers: dict[str, Offer] = {}
        self._catalogue = Catalogue(settings)
        self._states = States(database)
        self._builder = Builder(database, compose, prepare, vault, audit)
        self._building = asyncio.Lock()
        self._reported_at = 0.0
        self._following: asyncio.Task[None] | None = None

    async def boot(self) -> None:
        """Build the first generation."""
        async with self._building:
            self.current = await self._build(await self._states.number())

    async def follow(self) -> None:
        """Be a node: report, and keep up with the others until `close`. Commands that only look are no nodes."""
        await self._report()
        self._following = asyncio.create_task(self._follow(), name="registry")

    async def close(self) -> None:
        if self._following is not None:
            await end([self._following])
            with suppress(Exception):
                await self._states.forget(self.node_id)

    async def set_state(
        self, plugin_id: str, state: Chosen, division: str | None = None, actor: Actor | None = None
    ) -> PluginStatus:
        """Switch a plugin everywhere or in one division; returns when this node runs the new generation."""
        self._check(plugin_id, state, division)
        before = self.current
        choices: dict[str, Chosen] = {**(await self._states.choices()).get(plugin_id, {}), division or "": state}
        if not is_wanted(choices):
            await self._say_goodbye(plugin_id)
        by, where = actor or SYSTEM, f" {division}" if division else ""
        line = Entry(by, "set_plugin_state", detail=f"{plugin_id} {state}{where}")
        tell = partial(self._tell, line)
        number = await self._states.choose(plugin_id, division or "", state, by.id, tell)
        await self.catch_up()
        if plugin_id in self.current.world.plugins and plugin_id not in before.world.plugins:
            await self._welcome(plugin_id, number)
        return self.statuses()[plugin_id]

    async def _tell(self, line: Entry, tx: Transaction) -> None:
        await self.audit.within(tx, line)

    async def catch_up(self) -> None:
        """Build the generation the database asks for, once for all who wait."""
        async with self._building:
            number = await self._states.number()
            if number <= self.current.number:
                return
            old, new = self.current, await self._build(number)
            self.current = new
        for callback in self.on_swap:
            callback(old, new)
        if self._following is not None:
            await self._report()

    def statuses(self, generation: Generation | None = None) -> dict[str, PluginStatus]:
        """All plugins as this process has them, quarantine included; a request asks for its own generation."""
        quarantined = self._quarantined()
        states = (generation or self.current).states
        return {id: status.quarantined_for(quarantined.get(id, "")) for id, status in states.items()}

    async def overview(self, generation: Generation | None = None) -> dict[str, PluginStatus]:
        """The same, with what other processes have quarantined: a plugin may fail in a worker only."""
        found = self.statuses(generation)
        for node in await self.nodes():
            for id, reason in node.quarantined.items():
                if id in found:
                    found[id] = found[id].quarantined_for(f"{reason}（节点 {node.node_id}）")
        return found

    async def nodes(self) -> list[NodeStatus]:
        return await self._states.nodes()

    async def has_converged(self) -> bool:
        """All live nodes run the number the database asks for, with equal manifests and schemas."""
        nodes, number = await self.nodes(), await self._states.number()
        return all(node.generation == number for node in nodes) and (
            len({(node.manifest_hash, node.schema_hash) for node in nodes}) <= 1
        )

    def committed(self, written: Sequence[Written]) -> None:
        for callback in self.on_commit:
            callback(written)

    async def _build(self, number: int) -> Generation:
        candidates = await self._catalogue.read()
        choices = await self._states.choices()
        return await self._builder.build(self, number, candidates, choices)

    def _quarantined(self) -> dict[str, str]:
        return {id: breaker.reason for id, breaker in self._builder.breakers.items() if breaker.is_open}

    def _check(self, plugin_id: str, state: str, division: str | None) -> None:
        if plugin_id not in self.current.states:
            raise NotFoundError(f"没有插件 {plugin_id}")
        if state not in CHOICES:
            raise InvalidInputError(f"状态 {state!r} 无效：可用 {'、'.join(CHOICES)}")
        if plugin_id == FOUNDATION:
            raise InvalidInputError(f"{FOUNDATION} 是其他插件的基础，不能停用或停办")
        if division is not None and not (len(division) == 12 and division.isascii() and division.isdigit()):
            raise InvalidInputError(f"区划 {division!r} 应为 12 位数字")

    async def _say_goodbye(self, plugin_id: str) -> None:
        part = self.current.hooks.parts.get(plugin_id)
        if part is not None and part.has("on_disabled"):
            try:
                await part.call("on_disabled", host=self.current.host_api(service_actor(plugin_id)))
            except Exception as error:
                blame = error if isinstance(error, PluginError) else type(error).__name__
                log.warning("on_disabled of %s failed, switching off all the same: %s", plugin_id, blame)

    async def _welcome(self, plugin_id: str, number: int) -> None:
        part = self.current.hooks.parts.get(plugin_id)
        if part is not None and part.has("on_enabled"):
            dedupe = f"{plugin_id}:on_enabled:{number}"
            await self.jobs.queue.add([NewJob(plugin_id=plugin_id, name=":on_enabled", dedupe=dedupe)])
            self.jobs.nudge()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.catch_up()
                if monotonic() - self._reported_at >= REPORT_S:
                    await self._report()
            except Exception:
                log.exception("following other nodes failed; generation %d goes on", self.current.number)

    async def _report(self) -> None:
        current = self.current
        self._reported_at = monotonic()
        await self._states.report(
            NodeStatus(
                self.node_id, current.number, current.manifest_hash, current.schema_hash,
                datetime.now(UTC).replace(microsecond=0), self._quarantined(),
            )
        )  # fmt: skip
