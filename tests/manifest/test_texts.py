"""Texts of other languages, and those the manifest leaves to i18n/zh-CN.yaml."""

from __future__ import annotations

from pathlib import Path

from core.manifest import plugin_folders, read_plugins
from core.manifest.model import Plugin
from core.manifest.texts import text
from tests.manifest.folders import GOOD, write

OWN_TEXTS = """
description: 一个例子
entities.house.description: 一套房
entities.house.fields.room.description: 门牌上的号
"""
KAZAKH = "entities.house.title: Үй\n"


def alpha(folder: Path) -> Plugin:
    write(folder, {**GOOD, "alpha/i18n/zh-CN.yaml": OWN_TEXTS, "alpha/i18n/kk.yaml": KAZAKH})
    reading = read_plugins(plugin_folders(folder))
    assert reading.problems == []
    return reading.world().plugins["alpha"]


def test_the_own_language_fills_what_is_not_in_place(tmp_path: Path) -> None:
    plugin = alpha(tmp_path)
    house = plugin.entities["house"]
    assert (plugin.description, house.description) == ("一个例子", "一套房")
    assert house.fields["room"].description == "门牌上的号"
    assert house.title == "房屋"


def test_other_languages_are_read_by_path_and_fall_back(tmp_path: Path) -> None:
    plugin = alpha(tmp_path)
    assert text(plugin, "entities.house.title", "en") == "House"
    assert text(plugin, "entities.house.fields.use.values.rent", "en") == "let"
    assert text(plugin, "codes.kinds.a1", "en") == "A1"
    assert text(plugin, "entities.house.title", "kk-Arab") == "Үй"
    assert text(plugin, "entities.house.title", "fr") == "房屋"
    assert text(plugin, "entities.house.description", "en") == text(plugin, "entities.house.description") == "一套房"
