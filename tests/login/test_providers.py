"""Providers that production does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.identity.registry_check import RegistryCheck
from core.settings import SettingsError
from tests.api.servers import running


def test_production_does_not_start_with_the_developers_registry(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match="TONGBAN_REAL_NAME=registry 只供开发"),
        running(tmp_path, "prod", real_name="registry"),
    ):
        pass


def test_outside_production_it_stands_in(tmp_path: Path) -> None:
    for profile in ("dev", "audit"):
        settings: dict[str, Any] = {"profile": profile, "real_name": "registry"}
        with running(tmp_path / profile, **settings) as server:
            assert type(server.app.doors.host.login.real_names.provider) is RegistryCheck
