"""One process's parts, opened in order and closed in reverse: settings, database, registry, jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString
from tongban_sdk.host_api import GraphqlTypes

from core.manifest.model import Plugin, World
from core.plugins.builder import Compose
from core.plugins.generation import Generation
from core.plugins.registry import Registry
from core.settings import Settings
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import check_engine
from core.store.migrate import migrate as migrate_tables
from core.store.reference import load_reference
from core.store.tables import tables_of


@dataclass(frozen=True, slots=True)
class Host:
    """What the API, the commands and the tests hold in their hands."""

    settings: Settings
    database: Database
    registry: Registry

    @property
    def generation(self) -> Generation:
        """The generation that stands now; take it once per request."""
        return self.registry.current


@asynccontextmanager
async def open_host(
    settings: Settings, *, migrate: bool | None = None, compose: Compose | None = None, follow: bool = False,
    work: bool = False, schema: str | None = None,
) -> AsyncIterator[Host]:  # fmt: skip
    """Open a host. `compose` makes the API (core/api/compose.py; none = no API), `follow` keeps up with other nodes,
    `work` runs jobs here. Without `migrate` (None: as the settings say) the database must be ready: `python server.py
    migrate`."""
    migrate = settings.migrate == "auto" if migrate is None else migrate
    database = await Database.open(settings.database_url, pool_max=settings.pool_max, schema=schema)
    try:
        if migrate:
            await migrate_tables(database, ENGINE_TABLES)
        else:
            await check_engine(database)
        registry = Registry(settings, database, compose or _no_api, _migrate if migrate else _leave)
        await registry.boot()
        try:
            if follow:
                await registry.follow()
            if work:
                await registry.jobs.start()
            yield Host(settings, database, registry)
        finally:
            if work:
                await registry.jobs.stop()
            await registry.close()
    finally:
        await database.close()


async def _migrate(database: Database, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> None:
    await migrate_tables(database, tables_of(World(new)))
    if any(plugin.codes or plugin.data for plugin in new.values()):
        await load_reference(database, World(_with_tables_of_others(plugins, new)))


def _with_tables_of_others(plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> dict[str, Plugin]:
    """Reference rows may go into entities of other plugins; those plugins' own rows are in place already."""
    return {
        id: plugin if id in new else replace(plugin, parts={"entities": plugin.entities})
        for id, plugin in plugins.items()
    }


async def _leave(database: Database, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> None:
    """Tables are somebody else's work (`python server.py migrate`, one process before a rolling restart)."""


async def _no_api(world: World, types: Mapping[str, GraphqlTypes]) -> Any:
    return GraphQLSchema(GraphQLObjectType("Query", {"version": GraphQLField(GraphQLString)}))
