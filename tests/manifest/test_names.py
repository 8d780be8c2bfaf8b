"""Names and clocks the manifest refuses are those the lower and upper rooms cannot take."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tortoise.models import Model

from core.cli.sdl import _sdl
from core.fields.system import SYSTEM_FIELDS
from core.manifest.reserved import HOST_TYPES, RESERVED
from core.settings import ROOT
from tests.manifest.folders import GOOD, HEAD, lines, read


def test_every_public_name_of_the_model_class_is_reserved() -> None:
    # Names with a capital are no field names anyway.
    public = {name for name in dir(Model) if not name.startswith("_") and name.islower()}
    assert public - RESERVED == set()


def test_columns_of_the_host_are_reserved() -> None:
    assert {*SYSTEM_FIELDS, "deleted_at", "masked_fields", "class", "pk"} <= RESERVED


def test_two_words_of_the_host_s_schema_are_no_entity() -> None:
    sdl = asyncio.run(_sdl())
    types = set(re.findall(r"^(?:type|input|enum|scalar|interface|union) (\w+)", sdl, re.MULTILINE))
    plugins = tuple(folder.name.capitalize() for folder in (ROOT / "manifests").iterdir() if folder.is_dir())
    host = {name for name in types if not name.startswith(plugins)}
    spelt = {name for name in host if len(re.findall(r"[A-Z][a-z0-9]*", name)) > 1 and name != "JSON"}
    assert spelt - HOST_TYPES == set()


def test_a_plugin_and_an_entity_do_not_spell_a_type_of_the_host(tmp_path: Path) -> None:
    entity = "entity: info\ntitle: 信息\nfields: {x: {type: date, title: 日}}\n"
    reading = read(tmp_path, {**GOOD, "page/plugin.yaml": HEAD.format(id="page"), "page/entities/info.yaml": entity})
    assert lines(reading, tmp_path) == ["page/entities/info.yaml:1:1 entity.graphql-duplicate"]
