"""A database with the engine's tables, the vault of this folder, and an audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk.actor import Actor

from core.audit import Audit, Entry
from core.crypto import Vault
from core.settings import Settings, read_settings
from core.store.audit_tables import AUDIT
from core.store.database import Database
from core.store.engine import ENGINE_TABLES
from core.store.migrate import migrate

CLERK = Actor("clerk", "staff", roles=frozenset({"anonymous"}))
PERSON = "01930000-0000-7000-8000-000000000001"
OTHER = "01930000-0000-7000-8000-000000000002"


def entry(action: str = "unmask", **more: Any) -> Entry:
    return Entry(CLERK, action, **{"entity": "core.person", "row_id": PERSON, "subjects": (PERSON,), **more})


@dataclass
class Bench:
    """What the tests hold in their hands."""

    database: Database
    settings: Settings
    vault: Vault
    audit: Audit
    place: tuple[str, str | None] = ("", None)
    made: list[Any] = field(default_factory=list)

    async def rows(self, table: str = "tb_audit", order: str = "lane, number") -> list[dict[str, Any]]:
        names = [c.name for c in next(t for t in ENGINE_TABLES if t.name == table).columns]
        chosen = ", ".join(f'"{name}"' for name in names)
        found = await self.database.fetch(f"SELECT {chosen} FROM {table} ORDER BY {order}", [])
        return [dict(zip(names, row, strict=True)) for row in found]

    async def actions(self) -> list[tuple[str, str]]:
        """(action, result) of every line, oldest first."""
        return [(row["action"], row["result"]) for row in await self.rows(order="at, lane, number")]

    async def count(self, table: str = AUDIT.name) -> int:
        return int(await self.database.fetch_value(f"SELECT count(*) FROM {table}"))

    async def run(self, *texts: str) -> None:
        """As the owner of the database would."""
        async with self.database.transaction() as tx:
            for text in texts:
                await tx.execute(text)


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
async def bench(database_place: tuple[str, str | None], tmp_path: Path) -> AsyncIterator[Bench]:
    url, schema = database_place
    settings = read_settings({"TONGBAN_DATA_DIR": str(tmp_path), "TONGBAN_DATABASE_URL": url})
    database = await Database.open(url, pool_max=5, schema=schema)
    try:
        await migrate(database, ENGINE_TABLES)
        vault = await Vault.open(database, settings)
        yield Bench(database, settings, vault, await Audit.open(database, vault, "node-1", settings), database_place)
    finally:
        await database.close()
