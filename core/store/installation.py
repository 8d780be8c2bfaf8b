"""The number that tells one installation from others."""

from __future__ import annotations

import secrets

from core.store.database import Database
from core.store.runtime_tables import GENERATION
from core.store.statement import statement

_TEXT = (
    "INSERT INTO tb_generation (id, number) VALUES (2, {number}) "
    "ON CONFLICT (id) DO UPDATE SET number = tb_generation.number RETURNING number"
)


async def installation(database: Database) -> int:
    """Made once by chance, and kept in the database."""
    found = await database.fetch_value("SELECT number FROM tb_generation WHERE id = 2", [])
    if found is not None:
        return int(found)
    async with database.transaction() as transaction:
        rows = await transaction.fetch(*statement(database.dialect, GENERATION, _TEXT, number=secrets.randbits(48)))
    return int(rows[0][0])
