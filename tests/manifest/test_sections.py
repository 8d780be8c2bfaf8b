"""A later section is one new module and one schema, and touches nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import core.manifest.sections as package
from core.manifest import schemas
from core.manifest.reference import pages
from core.manifest.sections import sections
from tests.manifest.folders import GOOD, lines, read

MODULE = '''
"""views/<name>.yaml: lists of rows."""

from core.manifest.sections import Section


def build(documents, draft):
    for document in documents:
        draft.entity(document.value["entity"], document.place("entity"))
    return {document.stem: document.value["columns"] for document in documents}


SECTION = Section("views", ("views/*.yaml",), "views.schema.json", build, after=("entities",))
'''
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "视图",
    "description": "列表",
    "type": "object",
    "required": ["entity", "columns"],
    "additionalProperties": False,
    "patternProperties": {"^x-": True},
    "properties": {"entity": {"type": "string", "title": "实体"}, "columns": {"type": "array", "title": "列"}},
}


@pytest.fixture
def views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A section dropped beside the others; its schema dropped beside theirs."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/views.py").write_text(MODULE)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "code")])
    shipped = files("tongban_sdk")
    (tmp_path / "sdk/schemas").mkdir(parents=True)
    for file in shipped.joinpath("schemas").iterdir():
        (tmp_path / "sdk/schemas" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "sdk/schemas/views.schema.json").write_text(json.dumps(SCHEMA))
    monkeypatch.setattr(schemas, "files", lambda _: tmp_path / "sdk")
    _forget()
    yield
    sys.modules.pop("core.manifest.sections.views", None)
    _forget()


def _forget() -> None:
    sections.cache_clear()
    schemas.read_schema.cache_clear()
    schemas._validator.cache_clear()


def test_the_sections_of_this_release() -> None:
    names = [section.name for section in sections()]
    assert set(names) == {
        *("plugin", "entities", "access", "codes", "data", "demo", "jobs", "i18n"),
        *(
            "services",
            "forms",
            "workflows",
            "dispatch",
            "messages",
            "documents",
            "fees",
            "bookings",
            "connectors",
            "indicators",
            "layers",
        ),
    }
    for section in sections():
        assert all(names.index(other) < names.index(section.name) for other in section.after)


@pytest.mark.usefixtures("views")
def test_a_new_section_is_read_checked_and_documented(tmp_path: Path) -> None:
    given = {**GOOD, "alpha/views/rooms.yaml": "entity: house\ncolumns: [room]\n"}
    reading = read(tmp_path / "a", given)
    assert reading.problems == []
    assert reading.world().plugins["alpha"].parts["views"] == {"rooms": ["room"]}
    given["alpha/views/rooms.yaml"] = "entity: hose\ncolumn: [room]\ncolumns: []\n"
    assert lines(read(tmp_path / "a", given), tmp_path / "a") == [
        "alpha/views/rooms.yaml:1:9 entity.unknown",
        "alpha/views/rooms.yaml:2:1 manifest.unknown-key",
    ]
    assert "| `columns` | 是 | 列表 | 列 |" in pages()["views.md"]


def test_without_the_section_its_files_are_strangers(tmp_path: Path) -> None:
    reading = read(tmp_path, {**GOOD, "alpha/views/rooms.yaml": "entity: house\ncolumns: [room]\n"})
    assert lines(reading, tmp_path) == ["alpha/views/rooms.yaml:0:0 file.unknown"]


@pytest.mark.parametrize(
    ("where", "hint"),
    [
        ("nme == me.id", "是不是想写 name？"),
        ("name == me.nmae", "写法见 docs/expressions.md"),
        ("name ==", "写法见 docs/expressions.md"),
    ],
)
def test_the_hint_of_an_expression_fits_its_fault(tmp_path: Path, where: str, hint: str) -> None:
    rules = f"rules:\n  - {{role: resident, entity: block, can: [read], where: {where}}}\n"
    reading = read(tmp_path, {**GOOD, "alpha/access.yaml": rules})
    assert [(p.id, p.hint) for p in reading.problems] == [("expr.invalid", hint)]
