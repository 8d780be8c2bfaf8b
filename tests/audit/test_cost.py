"""What a line costs a creation on SQLite, in statements: the figures of docs/performance.md rest on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.access import AccessModel
from core.audit import Audit
from core.crypto import Vault
from core.settings import read_settings
from core.store.database import Database
from core.store.migrate import migrate
from core.store.sqlite import SqliteEngine
from core.store.tables import tables_of
from core.write import Writer
from tests.audit.test_writes import NOTE, WORLD
from tests.write.test_writer import CLERK


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(f"sqlite:///{tmp_path}/cost.sqlite3")
    try:
        await migrate(database, tables_of(WORLD))
        yield database
    finally:
        await database.close()


@pytest.fixture
async def writer(database: Database, tmp_path: Path) -> Writer:
    settings = read_settings({"TONGBAN_DATA_DIR": str(tmp_path)})
    vault = await Vault.open(database, settings)
    audit = await Audit.open(database, vault, "node-1", settings)
    return Writer(database, WORLD, AccessModel(WORLD), vault=vault, audit=audit)


async def test_a_line_adds_two_statements_to_a_creation(database: Database, writer: Writer) -> None:
    assert isinstance(database.engine, SqliteEngine)
    await writer.create(CLERK, NOTE, {"title": "the lane is new"})
    texts: list[str] = []
    database.engine.connection.set_trace_callback(texts.append)
    await writer.create(CLERK, NOTE, {"title": "counted"}, idempotency_key="k")
    assert [" ".join(text.replace('"', "").split()[:3]) for text in texts] == [
        "BEGIN IMMEDIATE",
        "UPDATE tb_audit_lane SET",
        "INSERT INTO test_note",
        "INSERT INTO tb_outbox",
        "INSERT INTO tb_history",
        "INSERT INTO tb_idempotency",
        "INSERT INTO tb_audit",
        "COMMIT",
    ]


async def test_creations_at_once_take_turns_in_one_lane(database: Database, writer: Writer) -> None:
    await asyncio.gather(*(writer.create(CLERK, NOTE, {"title": f"t{n}"}) for n in range(30)))
    assert await database.fetch("SELECT number FROM tb_audit_lane", []) == [(30,)]
