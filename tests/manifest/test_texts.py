"""Texts of other languages, and those the manifest leaves to i18n/zh-CN.yaml."""

from __future__ import annotations

from pathlib import Path

from core.manifest import plugin_folders, read_plugins
from core.manifest.model import Plugin
from core.manifest.texts import text
from tests.manifest.folders import GOOD, write
from tests.manifest.items import ITEMS, SERVICE

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


def test_guides_and_forms_can_be_translated(tmp_path: Path) -> None:
    words = {
        "services.repair.title": "Repairs", "services.repair.preconditions.0": "Owners only",
        "services.repair.materials.deed": "Deed", "services.repair.faq.0.answer": "Yes",
        "forms.repair.groups.1": "Where", "forms.repair.ui.words.hint": "Say what is broken",
        "forms.repair.consents.truth": "All of it is true",
    }  # fmt: skip
    item = ITEMS[SERVICE].partition("  - version: 2")[0]
    translated = "".join(f"{path}: {said}\n" for path, said in words.items())
    write(tmp_path, {**ITEMS, SERVICE: item, "grid/i18n/en.yaml": translated})
    reading = read_plugins(plugin_folders(tmp_path))
    assert reading.problems == []
    grid = reading.world().plugins["grid"]
    assert {path: text(grid, path, "en") for path in words} == words
    assert text(grid, "forms.repair.title", "en") == "报修"
