"""Settings say what is wrong with them."""

from __future__ import annotations

import pytest

from core.settings import SettingsError, read_settings


def test_who_migrates() -> None:
    assert read_settings({}).migrate == "auto"
    assert read_settings({"TONGBAN_MIGRATE": "never"}).migrate == "never"
    with pytest.raises(SettingsError, match="TONGBAN_MIGRATE 的值 'no' 无效：可用 auto、never"):
        read_settings({"TONGBAN_MIGRATE": "no"})
