"""The tables of the town are those of manifests/core."""

from __future__ import annotations

import pytest


@pytest.fixture
def begins_prepared() -> bool:
    return True
