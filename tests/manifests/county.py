"""The shipped manifests, and a small demo county in a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tongban_sdk.actor import Actor
from tongban_sdk.problems import Problem

from core.access import AccessModel, EntityScope, me_of
from core.crypto import Vault
from core.demo.load import Loaded, load_demo
from core.manifest.model import World
from core.manifest.reader import read_world
from core.settings import ROOT
from core.store.database import Database
from core.store.dialect import quote
from core.store.migrate import migrate
from core.store.reference import load_reference
from core.store.sql import Env, Params
from core.store.tables import tables_of

FOLDERS = (ROOT / "manifests" / "core", ROOT / "manifests" / "community")
PEOPLE = 600


@lru_cache
def shipped() -> tuple[World, list[Problem]]:
    return read_world(FOLDERS)


@dataclass(frozen=True, slots=True)
class County:
    """A database with the reference rows and a seeded population."""

    database: Database
    world: World
    loaded: Loaded
    vault: Vault

    async def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.database.fetch(sql, [])]

    async def value(self, sql: str) -> Any:
        return await self.database.fetch_value(sql, [])

    async def visible(self, actor: Actor, entity: str, columns: str = "x.id") -> list[tuple[Any, ...]] | None:
        """Rows an actor may read, None when no rule lets him read any."""
        access, found = AccessModel(self.world), self.world.entities[entity]
        params = Params(self.database.dialect)
        where = access.row_predicate(
            access.rules(actor.roles, entity, "read"), EntityScope(self.world, found, "x", params)
        )
        if where is None:
            return None
        args = params.bind(Env(me_of(actor), {}, datetime(2026, 11, 21, tzinfo=UTC)))
        sql = f"SELECT {columns} FROM {quote(found.table)} x WHERE {where} ORDER BY x.id"
        return [tuple(row) for row in await self.database.fetch(sql, args)]


async def load_county(database: Database, people: int = PEOPLE, seed: int = 1) -> County:
    world, problems = shipped()
    assert problems == []
    await migrate(database, tables_of(world))
    await load_reference(database, world)
    vault = await Vault.of(database, bytes(32), "sm")
    loaded = await load_demo(database, world, county="640522", people=people, seed=seed, vault=vault)
    return County(database, world, loaded, vault)
