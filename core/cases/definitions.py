"""Definitions as cases began with them: the manifest may move on, a running case does not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from tongban_sdk.actor import Actor
from tongban_sdk.errors import ConflictError, NotFoundError

from core.expr.clock import china_day
from core.fields.times import utc_now
from core.manifest.cases import Service, Workflow
from core.manifest.definitions import definition_hash
from core.manifest.flows import workflow_of
from core.manifest.items import service_of, version_on
from core.manifest.model import World
from core.store.case_tables import DEFINITION
from core.store.database import Database, Transaction
from core.store.statement import statement

D = TypeVar("D", Service, Workflow)
#: How long a node goes on with the roles of stored workflows it has read.
FRESH_S = 60.0


@dataclass(frozen=True)
class Flows:
    """Workflows of a world, the older versions of them too, and what every inbox asks of them."""

    world: World
    #: How many definitions were known.
    known: int
    workflows: tuple[Workflow, ...]

    @cached_property
    def task_roles(self) -> frozenset[str]:
        """All that tb_task.role may be."""
        return _task_roles(self.world, self.workflows)

    def role_keys(self, actor: Actor) -> list[str]:
        """What tb_task.role may be for tasks of the caller's roles."""
        return sorted(key for key in self.task_roles if not actor.roles.isdisjoint(key.split("|")))


@dataclass
class Definitions:
    """One per process: parsed definitions by id, "workflow:community.repair@3"."""

    database: Database
    _known: dict[str, Service | Workflow] = field(default_factory=dict)
    #: Id → hash of what lies in tb_definition.
    _kept: dict[str, str] = field(default_factory=dict)
    #: Those that are known to say what lies there.
    _agreed: dict[str, Service | Workflow] = field(default_factory=dict)
    #: Statements by the key of what was ticked.
    _words: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _flows: Flows | None = None

    def newest(self, world: World, key: str, now: datetime) -> Service:
        """The version of a service item in force today; NotFoundError without one."""
        plugin_id, _, id = key.partition(".")
        plugin = world.plugins.get(plugin_id)
        found = version_on(plugin.services.get(id, ()) if plugin else (), china_day(now))
        if found is not None:
            return found
        raise NotFoundError("没有这个事项，或者现在不受理", hint="请在办事指南里重新选择事项")

    def workflow_for(self, world: World, service: Service) -> Workflow:
        """The workflow new cases of a service item begin with."""
        plugin_id, _, id = full(service.workflow, service.plugin_id).partition(".")
        plugin = world.plugins.get(plugin_id)
        if plugin is None or id not in plugin.workflows:
            raise NotFoundError("这个事项的办理流程没有启用")
        return plugin.workflows[id]

    async def keep(self, tx: Transaction, *definitions: Service | Workflow) -> None:
        """Store what a case begins with. One id and version has one content for good."""
        for definition in definitions:
            id = id_of(definition)
            if self._agreed.get(id) is definition:
                continue
            new = definition_hash(definition.document)
            if (self._kept.get(id) or await self._store(tx, id, new, definition.document)) != new:
                raise ConflictError(
                    f"“{definition.title}”第 {definition.version} 版的内容改过，版本号没有变", hint="请把 version 加一"
                )
            self._known.setdefault(id, definition)
            if id in self._kept:
                self._agreed[id] = definition

    async def keep_words(self, tx: Transaction, words: Mapping[str, str]) -> str:
        """Store statements somebody has ticked, by id, as they were read; the key that finds them for good."""
        hash = definition_hash(words)
        key = f"words:{hash}"
        if key not in self._kept:
            await self._store(tx, key, hash, words)
        return key

    async def words(self, key: str) -> Mapping[str, str]:
        """What was kept under a key; {} for none."""
        if key not in self._words:
            text = "SELECT document FROM tb_definition WHERE id = {id}"
            found = await self.database.fetch_value(*statement(self.database.dialect, DEFINITION, text, id=key))
            if found is None:
                return {}
            self._words[key] = self.database.dialect.load(DEFINITION.by_name["document"], found)
        return self._words[key]

    async def _store(self, tx: Transaction, id: str, hash: str, document: Mapping[str, Any]) -> str:
        """The hash of what lies there now."""
        dialect = self.database.dialect
        # The same row twice is one row.
        insert = (
            "INSERT INTO tb_definition (id, document, hash, first_seen_at) "
            "VALUES ({id}, {document}, {hash}, {first_seen_at}) ON CONFLICT (id) DO NOTHING"
        )
        values = {"id": id, "document": dict(document), "hash": hash, "first_seen_at": utc_now()}
        await tx.execute(*statement(dialect, DEFINITION, insert, **values))
        text = "SELECT hash FROM tb_definition WHERE id = {id}"
        found = str(await tx.fetch_value(*statement(dialect, DEFINITION, text, id=id)))
        # Not before the commit: what is rolled back is not kept.
        tx.ended.append(lambda done: self._kept.update({id: found}) if done else None)
        return found

    async def workflow(self, world: World, key: str, version: int) -> Workflow:
        """The version a case began with."""
        plugin_id, _, id = key.partition(".")
        plugin = world.plugins.get(plugin_id)
        live = plugin.workflows.get(id) if plugin else None
        return await self._find(Workflow, f"workflow:{key}@{version}", plugin_id, live)

    async def service(self, world: World, key: str, version: int) -> Service:
        plugin_id, _, id = key.partition(".")
        plugin = world.plugins.get(plugin_id)
        versions = plugin.services.get(id, ()) if plugin else ()
        live = next((service for service in versions if service.version == version), None)
        return await self._find(Service, f"service:{key}@{version}", plugin_id, live)

    async def _find(self, kind: type[D], id: str, plugin_id: str, live: D | None) -> D:
        known = self._known.get(id)
        if isinstance(known, kind):
            return known
        text = "SELECT document, hash FROM tb_definition WHERE id = {id}"
        rows = await self.database.fetch(*statement(self.database.dialect, DEFINITION, text, id=id))
        if not rows:
            raise NotFoundError("找不到这件办件的流程定义")
        document, kept = self.database.dialect.load(DEFINITION.by_name["document"], rows[0][0]), str(rows[0][1])
        if live is not None and id_of(live) == id and definition_hash(live.document) == kept:
            found = live
        else:
            found = _parse(kind, document, plugin_id)
        self._known[id], self._kept[id] = found, kept
        return found

    async def flows(self, world: World) -> Flows:
        """Workflows that run or ran: those of the manifests, and every version that cases began with."""
        if time.monotonic() - self._read_at > FRESH_S:
            rows = await self.database.fetch("SELECT id FROM tb_definition WHERE id LIKE 'workflow:%' ORDER BY id", [])
            for (id,) in rows:
                key, _, version = str(id).removeprefix("workflow:").rpartition("@")
                if key.partition(".")[0] in world.plugins:
                    await self.workflow(world, key, int(version))
            self._read_at = time.monotonic()
        # Definitions are learned and never forgotten.
        if self._flows is None or self._flows.world is not world or self._flows.known != len(self._known):
            live = [workflow for plugin in world.plugins.values() for workflow in plugin.workflows.values()]
            known = [found for found in self._known.values() if isinstance(found, Workflow)]
            old = [found for found in known if found.plugin_id in world.plugins]
            every = {id_of(workflow): workflow for workflow in (*old, *live)}
            self._flows = Flows(world, len(self._known), tuple(every.values()))
        return self._flows


def full(name: str, plugin_id: str) -> str:
    return name if "." in name else f"{plugin_id}.{name}"


def id_of(definition: Service | Workflow) -> str:
    kind = "service" if isinstance(definition, Service) else "workflow"
    return f"{kind}:{definition.key}@{definition.version}"


def roles_of(workflow: Workflow) -> frozenset[str]:
    """All roles that have something to do in it."""
    of_states = (role for state in workflow.states.values() for role in state.roles)
    of_parts = (role for state in workflow.states.values() for part in state.parts for role in part.roles)
    of_actions = (role for action in workflow.actions.values() for role in action.roles)
    of_extras = (role for roles in _extras(workflow) for role in roles)
    return frozenset([*of_extras, *of_states, *of_parts, *of_actions, workflow.pause_approver, workflow.arbiter]) - {""}


def _extras(workflow: Workflow) -> Iterator[tuple[str, ...]]:
    """Roles of the tasks that effects open."""
    for action in workflow.actions.values():
        yield from (effect.args["roles"] for effect in action.effects if effect.kind == "task")


def _task_roles(world: World, workflows: Sequence[Workflow]) -> frozenset[str]:
    of_states = {"|".join(state.roles) for workflow in workflows for state in workflow.states.values()}
    of_extras = {"|".join(roles) for workflow in workflows for roles in _extras(workflow)}
    of_parts = {
        "|".join(part.roles)
        for workflow in workflows
        for state in workflow.states.values()
        for part in state.parts
    }  # fmt: skip
    tables = [table for plugin in world.plugins.values() for table in plugin.dispatch.values()]
    of_tables = {to.role for table in tables for to in (*(rule.to for rule in table.rules), *table.fallback)}
    return frozenset(of_states | of_extras | of_parts | of_tables)


def _parse(kind: type[D], document: Mapping[str, Any], plugin_id: str) -> D:
    found = workflow_of(document, plugin_id) if kind is Workflow else service_of(document, plugin_id)
    assert isinstance(found, kind)
    return found
