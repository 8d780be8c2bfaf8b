"""A town per module; Postgres where its locks matter (test_trouble.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.payments.town import Till, till


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    with till("sqlite", tmp_path_factory.mktemp("till")) as found:
        yield found
