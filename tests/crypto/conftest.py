"""The clinic on an empty database of each kind."""

from __future__ import annotations

import pytest

from core.crypto import Vault
from core.store.database import Database
from core.store.migrate import migrate
from core.store.tables import tables_of
from tests.crypto.clinic import Clinic, world


@pytest.fixture
async def clinic(database: Database) -> Clinic:
    made = world()
    await migrate(database, tables_of(made))
    found = Clinic(database, await Vault.of(database, bytes(32), "sm"), made)
    await found.keep_up(only_new=True)
    return found
