"""The SDK's conformance suite, with this plugin as its subject, on the SDK's own host."""

from __future__ import annotations

import pytest
from tongban_sdk.conformance import CHECKS, Check
from tongban_sdk.fake import FakeHost


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conformance(host: FakeHost, check: Check) -> None:
    host.boot("reading_room")
    host.run(host.settle())
    host.run(check(host))
