from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from core.identity import hashing
from core.store.database import Database
from tests.identity.town import found_town
from tests.login.hall import Hall, open_hall

#: Files and tests that look at the hash itself, at the time it takes, or at what happens while it is done.
WITH_THE_REAL_COST = frozenset({
    "test_passwords.py", "test_time_within_noise", "test_a_try_nobody_looked_at_does_not_count",
})  # fmt: skip


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that should cost an attacker 0.2 s need not cost the suite minutes."""
    if not WITH_THE_REAL_COST & {request.path.name, getattr(request.node, "originalname", "")}:
        monkeypatch.setattr(hashing, "TIME_COST", 1)
        monkeypatch.setattr(hashing, "MEMORY_KIB", 64)
        monkeypatch.setattr(hashing, "NOBODY", PasswordHasher(1, 64, hashing.LANES).hash("nobody"))


@pytest.fixture
async def hall(database: Database, tmp_path: Path) -> AsyncIterator[Hall]:
    opened = open_hall(await found_town(database, tmp_path), tmp_path)
    yield opened
    opened.login.close()
