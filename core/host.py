"""One process's parts, opened in order and closed in reverse: settings, database, registry, jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString
from tongban_sdk import Actor
from tongban_sdk.host_api import GraphqlTypes

from core.access.visibility import Visibility
from core.audit import Audit
from core.booking import Bookings
from core.cases import Cases
from core.cases.booking import book
from core.cases.issuing import document_effect
from core.cases.paying import collect
from core.cases.telling import tell
from core.clock import Clock
from core.clock.seed import seed
from core.connectors import Connectors
from core.crypto import Vault
from core.crypto.contents import Contents
from core.documents import Documents, Wallet
from core.identity.demo_accounts import close_demo_accounts
from core.identity.facts import Facts
from core.identity.keys import KeyRing
from core.identity.login import LogIn, open_login
from core.identity.real_names import Sees
from core.identity.sessions import Sessions
from core.identity.tokens import Tokens
from core.indicators import Indicators
from core.manifest.model import Plugin, World
from core.messages import Messages, open_gateway
from core.messages.offering import offers as message_offers
from core.payments import Payments, open_payments, open_payments_room
from core.plugins.builder import Compose
from core.plugins.generation import Generation
from core.plugins.registry import Registry, new_node_id
from core.privacy import DataCatalogue, Privacy
from core.settings import Settings
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import check_engine
from core.store.migrate import migrate as migrate_tables
from core.store.reference import load_reference
from core.store.tables import tables_of
from core.write.upkeep import keep_up


@dataclass(frozen=True, slots=True)
class Host:
    """What the API, the commands and the tests hold in their hands."""

    settings: Settings
    database: Database
    registry: Registry
    vault: Vault
    audit: Audit
    sessions: Sessions
    privacy: Privacy
    login: LogIn
    clock: Clock
    cases: Cases
    documents: Documents
    wallet: Wallet
    messages: Messages
    indicators: Indicators
    payments: Payments
    bookings: Bookings
    connectors: Connectors

    @property
    def contents(self) -> Contents:
        """What files hold, sealed under the data folder."""
        return Contents(self.database, self.vault, self.settings.data_dir / "files")

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
            await seed(database)
        else:
            await check_engine(database)
        vault = await Vault.open(database, settings)
        audit = await Audit.open(database, vault, new_node_id(), settings)
        tokens = Tokens(KeyRing(settings.secrets_dir), takes_development=settings.profile != "prod")
        sessions = Sessions(database, tokens, audit)
        prepare = partial(_migrate, vault) if migrate else _leave
        registry = Registry(settings, database, compose or _no_api, prepare, vault, audit)
        login = open_login(
            settings, database, vault, audit, sessions, lambda: registry.current.world, _sees_person(registry)
        )
        registry.limits = login.parts.quotas
        facts = Facts(database, sessions)
        registry.on_commit.append(facts.on_commit)
        await registry.boot()
        clock = Clock(database, audit)
        cases = Cases(database, vault, audit, clock.calendars, lambda: registry.current)
        documents = Documents(database, vault, audit, clock.calendars, lambda: registry.current.world)
        cases.effects.register("document", document_effect(documents))
        wallet = Wallet(database, vault, audit, documents, lambda: registry.current.world)
        gateway = open_gateway(settings, database=database, vault=vault, data_dir=settings.data_dir)
        messages = Messages(database, vault, clock.calendars, lambda: registry.current.world, gateway)
        tell(cases, messages)
        tell_offers = partial(message_offers, messages, vault, lambda: registry.current.world)
        bookings = Bookings(database, vault, audit, messages, lambda: registry.current)
        book(cases, bookings)
        provider = open_payments(settings, database=database, vault=vault, data_dir=settings.data_dir)
        payments = open_payments_room(database, vault, audit, clock.calendars, lambda: registry.current, provider)
        collect(cases, payments)
        indicators = Indicators(database, audit, lambda: registry.current, messages)
        connectors = Connectors(cases, messages, settings)
        cases.firing.beside.append(lambda: cases.follow_calendar(clock))
        for offers in (tell_offers, bookings.offers, payments.offers, connectors.offers):
            registry.offers.update(offers())
        loops = (
            cases.firing.loop, messages.delivering.loop, indicators.loop, payments.loop, bookings.settling.loop,
            connectors.sending.loop,
        )  # fmt: skip
        follower: asyncio.Task[None] | None = None
        try:
            if follow:
                if settings.profile == "prod":
                    await close_demo_accounts(database, audit, sessions)
                follower = asyncio.create_task(vault.follow(), name="keys")
                await sessions.start()
                await registry.follow()
                audit.sealer.start()
            if work:
                await registry.jobs.start()
                for loop in loops:
                    loop.start()
            privacy = Privacy(database, vault, audit, lambda: registry.current, login.parts.codes)
            yield Host(
                settings, database, registry, vault, audit, sessions, privacy, login, clock, cases, documents, wallet,
                messages, indicators, payments, bookings, connectors,
            )  # fmt: skip
        finally:
            if follower:
                follower.cancel()
            if work:
                await connectors.sending.stop()
                for loop in reversed(loops):
                    await loop.stop()
                await registry.jobs.stop()
            await registry.close()
            await facts.settle()
            await sessions.stop()
            login.close()
            await audit.close()
    finally:
        await database.close()


async def _migrate(vault: Vault, database: Database, plugins: Mapping[str, Plugin], new: Mapping[str, Plugin]) -> None:
    await migrate_tables(database, tables_of(World(new)))
    # What a level was raised to L4 for must not lie plain a moment longer than its new column exists.
    await keep_up(database, vault, World(plugins), list(World(new).entities.values()), only_new=True)
    await DataCatalogue(database).refresh(World(plugins))
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


def _sees_person(registry: Registry) -> Sees:
    async def sees(actor: Actor, person: str) -> bool:
        generation = registry.current
        entity = generation.world.entity("core.person")
        return entity is not None and await Visibility.of(generation, registry.database).sees_row(actor, entity, person)

    return sees
