"""A host small enough to read, for tests of plugins without the real one. `conformance.py` holds both to the same.

What it leaves to the real host: `where` and `fields` of access rules, references, field formats, history, divisions.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar

import pluggy
import strawberry

from tongban_sdk import hookspecs
from tongban_sdk.actor import Actor
from tongban_sdk.changes import Change
from tongban_sdk.errors import NotFoundError
from tongban_sdk.fake_api import FakeApi
from tongban_sdk.folder import check_folder, find_folder, read_folder
from tongban_sdk.host_api import GraphqlTypes, JobContext, JobHandler

T = TypeVar("T")
FakeOffer = Callable[[Actor, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

_TABLES = """
CREATE TABLE row (id TEXT PRIMARY KEY, entity TEXT, version INTEGER, deleted INTEGER DEFAULT 0, field_values TEXT);
CREATE TABLE job (id TEXT PRIMARY KEY, name TEXT, args TEXT, due_s REAL, dedupe TEXT UNIQUE);
CREATE TABLE event (number INTEGER PRIMARY KEY, entity TEXT, id TEXT, action TEXT, version INTEGER, actor TEXT);
CREATE TABLE idempotency (key TEXT PRIMARY KEY, input TEXT, id TEXT);
"""


class ManifestError(ValueError):
    """The folder does not fit the schemas; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class FakePlugin:
    """One booted plugin."""

    id: str
    requires: tuple[str, ...]
    #: Entity name → declaration.
    entities: Mapping[str, Mapping[str, Any]]
    rules: tuple[Mapping[str, Any], ...]
    jobs: Mapping[str, Mapping[str, Any]]
    manager: pluggy.PluginManager
    handlers: Mapping[str, JobHandler]


class FakeHost:
    """Boots plugins, answers their HostApi, delivers events and jobs when `settle` is called."""

    def __init__(self, path: Path) -> None:
        self.plugins: dict[str, FakePlugin] = {}
        self.clock_s = 0.0
        #: What `HostApi.call` finds, by name; a test puts in what its plugin needs.
        self.offers: dict[str, FakeOffer] = {}
        self.db = sqlite3.connect(path)
        self.db.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def run(self, awaitable: Awaitable[T]) -> T:
        """Run one awaitable to its end, for tests that are plain functions."""

        async def main() -> T:
            return await awaitable

        return asyncio.run(main())

    def boot(self, where: str | Path) -> FakePlugin:
        """Check a manifest, import its Python part and register it.

        Args:
            where: An importable package that holds `manifest/<id>/`, or the manifest folder itself.

        Returns:
            The plugin as booted; `on_enabled` runs at the next `settle`.

        Raises:
            ManifestError: the folder does not fit the schemas.
            LookupError: the package holds no manifest.
        """
        folder = where if isinstance(where, Path) else find_folder(where)
        if problems := check_folder(folder):
            raise ManifestError("\n".join(map(str, problems)))
        plugin = _load(read_folder(folder))
        self.plugins[plugin.id] = plugin
        self._queue(f"{plugin.id}:on_enabled", {}, 0.0, None)
        return plugin

    def api(self, actor: Actor) -> FakeApi:
        """The host under the rights of `actor`."""
        return FakeApi(self, actor)

    def host_api(self, actor: Actor) -> FakeApi:
        """The name the real generation has for the same, used by `host_of`."""
        return self.api(actor)

    def service(self, plugin_id: str) -> FakeApi:
        """The host as the plugin's own jobs and events see it."""
        roles = frozenset({"anonymous", f"{plugin_id}_service"})
        return self.api(Actor(id=f"plugin:{plugin_id}", kind="system", roles=roles))

    async def settle(self) -> None:
        """Deliver events and due jobs until none is left."""
        while await self._deliver_event() or await self._run_job():
            pass

    async def switch_off(self, plugin_id: str) -> None:
        """Call `on_disabled` and take the plugin out; its rows stay."""
        await self.call(self.plugins[plugin_id], "on_disabled", host=self.service(plugin_id))
        del self.plugins[plugin_id]

    async def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, actor: Actor) -> dict[str, Any]:
        """Execute an operation over the hand-written fields of all plugins; `{"data": …, "errors": […]}`."""
        schema = _compose([await self.call(p, "graphql_types") for p in self.plugins.values()])
        context = SimpleNamespace(generation=self, actor=actor)
        result = await schema.execute(query, variable_values=dict(variables or {}), context_value=context)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [
                {"message": error.message, "code": getattr(error.original_error, "code", "INTERNAL")}
                for error in result.errors
            ]
        return answer

    async def call(self, plugin: FakePlugin, hook: str, **arguments: Any) -> Any:
        """Call one hook of one plugin; None when it does not implement it."""
        answer = next(iter(getattr(plugin.manager.hook, hook)(**arguments)), None)
        return await answer if inspect.isawaitable(answer) else answer

    def schedule(self, job: str, args: Mapping[str, Any], delay_s: float, key: str | None) -> str:
        plugin_id, _, name = job.partition(".")
        if plugin_id not in self.plugins or name not in self.plugins[plugin_id].jobs:
            raise NotFoundError(f"没有任务 {job}")
        return self._queue(job, args, delay_s, key and f"{job}:{key}")

    def _queue(self, name: str, args: Mapping[str, Any], delay_s: float, dedupe: str | None) -> str:
        if dedupe and (row := self.db.execute("SELECT id FROM job WHERE dedupe = ?", [dedupe]).fetchone()):
            return str(row[0])
        id = str(uuid.uuid4())
        self.db.execute(
            "INSERT INTO job VALUES (?, ?, ?, ?, ?)", [id, name, json.dumps(args), self.clock_s + delay_s, dedupe]
        )
        return id

    async def _deliver_event(self) -> bool:
        row = self.db.execute("SELECT * FROM event ORDER BY number LIMIT 1").fetchone()
        if row is None:
            return False
        number, entity, id, action, version, actor = row
        change = Change(entity=entity, id=id, action=action, version=version, actor=Actor(id=actor))
        for plugin in self.plugins.values():
            if change.plugin_id in (plugin.id, *plugin.requires):
                await self.call(plugin, "on_changed", change=change, host=self.service(plugin.id))
        self.db.execute("DELETE FROM event WHERE number = ?", [number])
        return True

    async def _run_job(self) -> bool:
        text = "SELECT id, name, args FROM job WHERE due_s <= ? ORDER BY due_s LIMIT 1"
        row = self.db.execute(text, [self.clock_s]).fetchone()
        if row is None:
            return False
        id, name, args = row
        plugin_id = name.replace(":", ".").partition(".")[0]
        plugin, host = self.plugins[plugin_id], self.service(plugin_id)
        if ":" in name:
            await self.call(plugin, name.partition(":")[2], host=host)
        else:
            handler = plugin.handlers[plugin.jobs[name.partition(".")[2]]["run"]]
            await handler(JobContext(id=id, job=name, host=host, args=json.loads(args)))
        self.db.execute("DELETE FROM job WHERE id = ?", [id])
        return True


def _load(files: Mapping[str, Any]) -> FakePlugin:
    declared = files["plugin.yaml"]
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if entry := declared.get("entry"):
        module_name, _, attribute = entry.partition(":")
        target = getattr(importlib.import_module(module_name), attribute)
        manager.register(target() if inspect.isclass(target) else target, declared["id"])
        manager.check_pending()
    handlers: list[Mapping[str, JobHandler]] = manager.hook.jobs()
    jobs = {id: job for name, value in files.items() if name.startswith("jobs") for id, job in value["jobs"].items()}
    if missing := {job["run"] for job in jobs.values()} - set(handlers[0] if handlers else ()):
        raise ManifestError(f"the hook `jobs` has no handler for {', '.join(sorted(missing))}")
    return FakePlugin(
        id=declared["id"],
        requires=tuple(declared.get("requires", ())),
        entities={value["entity"]: value for name, value in files.items() if name.startswith("entities/")},
        rules=tuple(files.get("access.yaml", {}).get("rules", ())),
        jobs=jobs,
        manager=manager,
        handlers=handlers[0] if handlers else {},
    )


def _compose(contributions: list[GraphqlTypes | None]) -> strawberry.Schema:
    queries = tuple(types.query for types in contributions if types and types.query)
    mutations = tuple(types.mutation for types in contributions if types and types.mutation)
    query = strawberry.type(type("Query", queries, {})) if queries else None
    if query is None:
        raise LookupError("no booted plugin contributes a GraphQL query")
    return strawberry.Schema(query, strawberry.type(type("Mutation", mutations, {})) if mutations else None)
