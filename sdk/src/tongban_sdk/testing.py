"""A pytest plugin: the fixture `host` boots plugins in this process, on a temporary SQLite database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tongban_sdk.fake import FakeHost


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """Give the test a host without plugins; `host.boot("package")` or `host.boot(folder)` adds one."""
    from tongban_sdk.fake import FakeHost  # imported late: pytest loads this module in every run

    with FakeHost(tmp_path / "fake.sqlite3") as fake:
        yield fake
