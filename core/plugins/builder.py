"""Builds generations: reads what is new, leaves out what fails and says why, keeps what has not changed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from graphql import GraphQLNamedType, GraphQLObjectType, GraphQLSchema
from graphql.utilities import print_type
from tongban_sdk.changes import Change
from tongban_sdk.host_api import GraphqlTypes

from core.access import AccessModel
from core.access.cases import check_case
from core.access.divisions import Divisions
from core.access.files import check_files
from core.access.visibility import Visibility
from core.audit import Audit
from core.crypto import Vault
from core.identity.admins import check_rights_change
from core.manifest.model import Plugin, World
from core.plugins.breaker import Breaker
from core.plugins.errors import PluginError
from core.plugins.gate import ask_plugin, json_values, refuse_new
from core.plugins.generation import Generation, manifest_hash
from core.plugins.hooks import Hooks, Part, load_part
from core.plugins.resolvers import guard_resolvers
from core.plugins.selection import Candidate, select
from core.plugins.states import Choices
from core.plugins.status import PluginStatus
from core.read import Reader
from core.store.database import Database
from core.store.tables import table_of
from core.write import Writer

if TYPE_CHECKING:
    from core.plugins.registry import Registry

log = logging.getLogger("tongban.plugins")


class Compose(Protocol):
    """core/api/compose.py, handed in from above: types of manifests and of plugins' Python become one schema."""

    def __call__(self, world: World, types: Mapping[str, GraphqlTypes]) -> Awaitable[Any]: ...


class Prepare(Protocol):
    """Brings the database to the state the `new` ones of these plugins need; raises when that would lose data."""

    def __call__(
        self, database: Database, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]
    ) -> Awaitable[None]: ...


class Builder:
    """What stays from generation to generation: imported Python, breakers, prepared tables."""

    def __init__(self, database: Database, compose: Compose, prepare: Prepare, vault: Vault, audit: Audit) -> None:
        self._database = database
        self._compose = compose
        self._prepare = prepare
        self._vault = vault
        self._audit = audit
        self.breakers: dict[str, Breaker] = {}
        self._parts: dict[str, Part | None] = {}
        #: plugin id → manifest hash whose tables stand and whose models are made.
        self._prepared: dict[str, str] = {}
        self._printed: WeakKeyDictionary[GraphQLNamedType, bytes] = WeakKeyDictionary()

    async def build(self, registry: Registry, number: int, candidates: list[Candidate], choices: Choices) -> Generation:
        """One generation of everything that can run; what cannot is in `states` with its reason."""
        failures: dict[str, str] = {}
        while True:
            plugins, states = select(candidates, choices, failures)
            found = await self._load(plugins) or await self._prepare_all(plugins)
            if not found:
                try:
                    return await self._assemble(registry, number, plugins, states, choices)
                except Exception as error:
                    log.warning("composing failed: %s", error)
                    found = await self._culprits(plugins, error)
            failures |= found

    async def _load(self, plugins: Mapping[str, Plugin]) -> dict[str, str]:
        failures = {}
        for plugin in plugins.values():
            if plugin.id not in self._parts:
                breaker = self.breakers.setdefault(plugin.id, Breaker())
                try:
                    self._parts[plugin.id] = await load_part(plugin, breaker)
                except PluginError as error:
                    log.warning("plugin %s does not load: %s", plugin.id, error, exc_info=error.__cause__)
                    failures[plugin.id] = error.reason
                await asyncio.sleep(0)
        return failures

    async def _prepare_all(self, plugins: Mapping[str, Plugin]) -> dict[str, str]:
        new = {id: plugin for id, plugin in plugins.items() if self._prepared.get(id) != plugin.hash}
        return await self._prepare_new(plugins, new) if new else {}

    async def _prepare_new(self, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> dict[str, str]:
        try:
            await self._prepare(self._database, plugins, new)
        except Exception as error:
            if len(new) > 1:
                return await self._prepare_each(plugins, new)
            log.warning("preparing %s failed", next(iter(new)), exc_info=error)
            return {next(iter(new)): _reason(error)}
        await self._database.use([table_of(e) for plugin in new.values() for e in plugin.entities.values()])
        self._prepared |= {id: plugin.hash for id, plugin in new.items()}
        return {}

    async def _prepare_each(self, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> dict[str, str]:
        """One plugin that cannot migrate must not hold up the others."""
        failures: dict[str, str] = {}
        for id, plugin in new.items():
            failures |= await self._prepare_new(plugins, {id: plugin})
        return failures

    async def _assemble(
        self, registry: Registry, number: int, plugins: dict[str, Plugin], states: Mapping[str, PluginStatus],
        choices: Choices,
    ) -> Generation:  # fmt: skip
        world = World(plugins)
        hooks = self._hooks(plugins)
        schema = await self._compose(world, hooks.types)
        graphql: GraphQLSchema = getattr(schema, "_schema", schema)
        await asyncio.sleep(0)
        guard_resolvers(graphql, hooks.parts)
        await asyncio.sleep(0)
        access = AccessModel(world)
        for rule in access.orphans:
            log.warning("rule %s opens nothing: nobody declares role %s", rule.id, rule.role)
        reader = Reader(world, access, self._vault, self._audit, registry.limits)
        reader.use(graphql, self._database.dialect)
        writer = self._writer(registry, world, access)
        return Generation(
            number=number, world=world, states=states, choices=choices, access=access, reader=reader, writer=writer,
            schema=schema, graphql=graphql, hooks=hooks, manifest_hash=manifest_hash(plugins),
            schema_hash=await self._hash(graphql), registry=registry,
        )  # fmt: skip

    def _hooks(self, plugins: Mapping[str, Plugin]) -> Hooks:
        return Hooks({id: part for id in plugins if (part := self._parts.get(id)) is not None})

    def _writer(self, registry: Registry, world: World, access: AccessModel) -> Writer:
        visible, divisions = Visibility(world, access, self._database), Divisions(world, self._database)

        async def check(change: Change) -> None:
            # The generation that stands now, not the one of the request: off means off from this moment on.
            now = registry.current
            if change.action == "create":
                refuse_new(now.choices, now.world, change.plugin_id, change.division)
            check_rights_change(change, now.world.roles.keys())
            await divisions.check(change)
            await check_files(visible, change)
            await check_case(visible, change)
            if change.plugin_id in now.hooks.parts:
                shown = Change(
                    entity=change.entity, id=change.id, action=change.action, version=change.version,
                    division=change.division, actor=change.actor,
                    before=json_values(change.before), after=json_values(change.after),
                )  # fmt: skip
                await ask_plugin(now.hooks, shown, now.host_api(change.actor))

        return Writer(
            self._database, world, access, check=check, on_commit=(registry.committed,), vault=self._vault,
            audit=self._audit,
        )  # fmt: skip

    async def _culprits(self, plugins: Mapping[str, Plugin], error: Exception) -> dict[str, str]:
        """Plugins whose types do not fit to those before them, found by adding one after the other."""
        good: dict[str, Plugin] = {}
        failures: dict[str, str] = {}
        for id, plugin in plugins.items():
            try:
                await self._compose(World({**good, id: plugin}), self._hooks({**good, id: plugin}).types)
            except Exception as reason:
                failures[id] = _reason(reason)
            else:
                good[id] = plugin
        if not failures:
            raise error
        return failures

    async def _hash(self, schema: GraphQLSchema) -> str:
        """sha256 over the SDL, in small steps; types that stay from generation to generation are printed once."""
        digest = hashlib.sha256()
        for number, name in enumerate(sorted(schema.type_map)):
            type_ = schema.type_map[name]
            if isinstance(type_, GraphQLObjectType) and type_ in (schema.query_type, schema.mutation_type):
                await _hash_root(digest, type_)
                continue
            printed = self._printed.get(type_)
            if printed is None:
                printed = self._printed[type_] = hashlib.sha256(print_type(type_).encode()).digest()
            digest.update(printed)
            if number % 50 == 0:
                await asyncio.sleep(0)
        return digest.hexdigest()[:16]


async def _hash_root(digest: Any, root: GraphQLObjectType) -> None:
    """Roots are new in every generation and have thousands of fields: no printing, many pauses."""
    for number, (name, field) in enumerate(sorted(root.fields.items())):
        arguments = ", ".join(f"{key}: {argument.type}" for key, argument in field.args.items())
        digest.update(f"{root.name}.{name}({arguments}): {field.type}\n".encode())
        if number % 100 == 0:
            await asyncio.sleep(0)


def _reason(error: Exception) -> str:
    """What an operator reads; a driver's text may be long."""
    return str(error)[:500] or type(error).__name__
