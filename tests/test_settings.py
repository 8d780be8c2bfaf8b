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


def test_one_connection_would_wait_for_itself() -> None:
    assert read_settings({"TONGBAN_POOL_MAX": "2"}).pool_max == 2
    with pytest.raises(SettingsError, match="TONGBAN_POOL_MAX 的值 1 太小：办一步要用两个连接，不得少于 2"):
        read_settings({"TONGBAN_POOL_MAX": "1"})


def test_in_development_links_lead_to_the_port_that_listens() -> None:
    dev = {"TONGBAN_PROFILE": "dev"}
    assert read_settings(dev).served_at(9000).public_url == "http://localhost:9000"
    assert read_settings(dev).served_at(0).public_url == "http://localhost:8000"
    named = read_settings({**dev, "TONGBAN_PUBLIC_URL": "https://tb.example"})
    assert named.served_at(9000).public_url == "https://tb.example"
    assert not read_settings({}).served_at(9000).has_address
