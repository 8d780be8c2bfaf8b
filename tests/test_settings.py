"""Settings say what is wrong with them."""

from __future__ import annotations

import pytest

from core.settings import SettingsError, read_settings


def test_who_migrates() -> None:
    assert read_settings({}).migrate == "auto"
    assert read_settings({"TONGBAN_MIGRATE": "never"}).migrate == "never"
    with pytest.raises(SettingsError, match="TONGBAN_MIGRATE 的值 'no' 无效：可用 auto、never"):
        read_settings({"TONGBAN_MIGRATE": "no"})


def test_a_wrong_redis_url_is_said_without_its_password() -> None:
    with pytest.raises(SettingsError, match="TONGBAN_REDIS_URL 应以 redis://") as caught:
        read_settings({"TONGBAN_REDIS_URL": "http://:secret@host"})
    assert "secret" not in str(caught.value)
    assert read_settings({"TONGBAN_REDIS_URL": ""}).is_embedded
    assert read_settings({"TONGBAN_REDIS_URL": "rediss://h:1/2"}).redis_url == "rediss://h:1/2"
