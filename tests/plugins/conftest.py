import pytest

from tests.plugins.folders import bench

__all__ = ["begins_prepared", "bench"]


@pytest.fixture
def begins_prepared() -> bool:
    return True
