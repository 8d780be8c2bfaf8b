"""A small town with accounts: real tables, real sessions, rows written by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.audit import Audit
from core.crypto import Vault
from core.identity.actors import AccountFacts, AccountKind
from core.identity.keys import KeyRing
from core.identity.sessions import Sessions
from core.identity.tokens import Tokens
from core.manifest.model import World
from core.manifest.reader import read_world
from core.settings import ROOT, read_settings
from core.store.account_tables import ACCOUNT, ACCOUNT_PERSON
from core.store.database import Database, Insert
from core.store.dialect import bind, quote
from core.store.engine import ENGINE_TABLES
from core.store.ids import uuid7
from core.store.migrate import migrate
from core.store.tables import table_of, tables_of

DIVISION = "640522100000"


@lru_cache
def core_world() -> World:
    world, _ = read_world((ROOT / "manifests" / "core",))
    return world


@dataclass(frozen=True, slots=True)
class Town:
    database: Database
    sessions: Sessions
    secrets: Path

    @property
    def tokens(self) -> Tokens:
        return self.sessions.tokens

    def node(self) -> Sessions:
        """Another process on the same database and secrets."""
        return Sessions(self.database, Tokens(KeyRing(self.secrets)), self.sessions._audit)

    async def row(self, entity: str, **values: Any) -> str:
        id, now = uuid7(), datetime.now(UTC).replace(microsecond=0)
        base = {
            "id": id, "division": DIVISION, "created_at": now, "created_by": "test", "updated_at": now,
            "updated_by": "test", "version": 1,
        }  # fmt: skip
        await self.database.insert([Insert(table_of(core_world().entities[f"core.{entity}"]), {**base, **values})])
        return id

    async def account(self, kind: AccountKind, *persons: str, real_name: int = 2, **values: Any) -> AccountFacts:
        id, now = uuid7(), datetime.now(UTC).replace(microsecond=0)
        row = {"id": id, "kind": kind, "created_at": now, "created_by": "test", **values}
        await self.database.insert([Insert(ACCOUNT, row)])
        for n, person in enumerate(persons):
            at = now + timedelta(seconds=n)
            bound = {"id": uuid7(), "account": id, "person": person, "real_name": real_name, "source": "window"}
            await self.database.insert([Insert(ACCOUNT_PERSON, {**bound, "bound_at": at, "bound_by": id})])
        return AccountFacts(id, kind, **{k: v for k, v in values.items() if k in AccountFacts.__slots__})

    async def person(self, name: str = "马小花") -> str:
        return await self.row("person", name=name, sex="2", kind="registered", state="active")

    async def citizen(self, *persons: str, real_name: int = 2) -> AccountFacts:
        return await self.account("citizen", *(persons or (await self.person(),)), real_name=real_name)

    async def unit(self, code: str = "mz") -> str:
        path = f"/640522/{code}/"
        return await self.row("org_unit", code=code, name="民政局", kind="department", path=path)

    async def staff(self, **values: Any) -> AccountFacts:
        """A staff member with her account."""
        base = {"account": f"s{uuid7()[-8:]}", "name": "李娜", "state": "active", "roles": ["case_officer"]}
        if "org_unit_id" not in values:
            values["org_unit_id"] = await self.unit(f"u{uuid7()[-8:]}")
        id = await self.row("staff", **{**base, **values})
        return await self.account("staff", login=str(base["account"]), staff=id)

    async def admin(self, role: str = "system_admin") -> AccountFacts:
        return await self.account("admin", login=f"a{uuid7()[-8:]}", admin_role=role)

    async def delegation(self, principal: str, agent: str, **values: Any) -> str:
        now = datetime.now(UTC).replace(microsecond=0)
        base = {"since": now - timedelta(days=1), "until": now + timedelta(days=1), "state": "active", "kind": "kin"}
        return await self.row(
            "delegation", **{**base, "principal_id": principal, "agent_id": agent, "scopes": ["community"], **values}
        )

    async def set(self, table: str, id: str, **values: Any) -> None:
        """Change a row behind everybody's back."""
        dialect = self.database.dialect
        entity = core_world().entities.get(table.replace("core_", "core."))
        found = table_of(entity) if entity else next(t for t in ENGINE_TABLES if t.name == table)
        marks = [f"{quote(name)} = {dialect.placeholder(n)}" for n, name in enumerate(values, 2)]
        bound = [bind(dialect, found.column(name), value) for name, value in values.items()]
        async with self.database.transaction() as tx:
            sql = f"UPDATE {table} SET {', '.join(marks)} WHERE id = {dialect.placeholder(1)}"
            assert await tx.execute(sql, [id, *bound]) == 1

    async def value(self, sql: str) -> Any:
        return await self.database.fetch_value(sql, [])

    async def age(self, session: str, *, opened: timedelta = timedelta(), seen: timedelta = timedelta()) -> None:
        """Move a session into the past: opened, and last seen, this much earlier."""
        await self.sessions._watch.flush()
        (found,) = await self.sessions.of(session)
        changes = {"opened_at": found.opened_at - opened, "ends_at": found.ends_at - opened}
        await self.set("tb_session", session, **changes, seen_at=found.seen_at - seen)


async def found_town(database: Database, folder: Path) -> Town:
    settings = replace(read_settings({"TONGBAN_DATA_DIR": str(folder)}), secrets_dir=folder / "secrets")
    await migrate(database, tables_of(core_world()))
    vault = await Vault.open(database, settings)
    audit = await Audit.open(database, vault, "test", settings)
    tokens = Tokens(KeyRing(settings.secrets_dir))
    return Town(database, Sessions(database, tokens, audit), settings.secrets_dir)
