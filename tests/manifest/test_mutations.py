"""Good manifests, damaged at random: typed problems, no exception, nothing outside touched."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.manifest import plugin_folders, read_plugins
from tests.manifest.flows import DISPATCH, DOCUMENTS, INDICATORS, MESSAGES, WORKFLOW
from tests.manifest.folders import GOOD, write
from tests.manifest.items import FORM, ITEMS, SERVICE

GOOD_FILES = sorted(name for name in GOOD if name.endswith(".yaml"))
CASE_FILES = [FORM, SERVICE, WORKFLOW, DISPATCH, MESSAGES, DOCUMENTS, INDICATORS]
#: Values that have broken parsers before.
ODD: list[Any] = [
    None, True, 0, -1, 10**20, 1.5, "", "x", "no", "*", "core", "core.person", "house", "a.b.c", "..", "__class__",
    "层", "\U0001f600", "id", "{seq:7}", "(((", "me.x == 1", "(" * 200, "L9", [], [[]], [None], {},
    {"": ""}, {"$ref": "x"},
    {"type": "ref"}, {"type": "enum", "title": "x", "values": {}}, ["read", "read"], "0 0 31 2 *",
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [path, *(p for step, inner in steps for p in paths(inner, (*path, step)))]


def mutate(document: Any, chance: random.Random) -> Any:
    """One change: drop, replace, rename, copy over, or duplicate."""
    path = chance.choice(paths(document))
    if not path:
        return chance.choice(ODD)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    match chance.randrange(5):
        case 0:
            del parent[path[-1]]
        case 1:
            parent[path[-1]] = chance.choice(ODD)
        case 2 if isinstance(parent, dict):
            parent[chance.choice(["x-a", "x", "class", "层", "a__b", "id", "A", "filter"])] = parent.pop(path[-1])
        case 3:
            other = chance.choice(paths(document))
            value = document
            for step in other:
                value = value[step]
            parent[path[-1]] = yaml.safe_load(yaml.safe_dump(value))
        case _ if isinstance(parent, list):
            parent.append(parent[path[-1]])
        case _:
            parent[path[-1]] = [parent[path[-1]]]
    return document


def damaged(text: str, seed: int, changes: int) -> str:
    chance = random.Random(seed)
    document = yaml.safe_load(text)
    for _ in range(changes):
        document = mutate(document, chance)
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


def check(files: dict[str, str | bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        write(root, files)
        before = {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}
        reading = read_plugins(plugin_folders(root))
        assert {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))} == before
        for problem in reading.problems:
            assert problem.place.file.startswith(str(root))
            assert problem.message
        for plugin in reading.plugins:
            wrong = any(p.level == "error" for p in plugin.problems)
            assert wrong == (plugin.state != "ok")
        # What is left is a world that holds together.
        world = reading.world()
        for entity in world.entities.values():
            for field in entity.fields.values():
                assert (target := getattr(field, "to", "")) == "" or world.entity(target) is not None


@given(st.sampled_from(GOOD_FILES), st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_structure(name: str, seed: int, changes: int) -> None:
    check({**GOOD, name: damaged(GOOD[name], seed, changes)})


@given(st.sampled_from(CASE_FILES), st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_documents_of_cases(name: str, seed: int, changes: int) -> None:
    check({**ITEMS, name: damaged(ITEMS[name], seed, changes)})


@given(st.sampled_from(sorted(GOOD)), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_text(name: str, data: st.DataObject) -> None:
    text = GOOD[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    inserted = data.draw(
        st.text(max_size=10) | st.sampled_from(["\n", "  ", "\t", "---\n", "&a ", "*a", "!!x ", "{", "]"])
    )
    check({**GOOD, name: (text[:start] + inserted + text[end:]).encode("utf-8", "surrogatepass")})


@given(st.sampled_from(sorted(GOOD)))
@settings(deadline=None)
def test_a_missing_file(name: str) -> None:
    check({key: text for key, text in GOOD.items() if key != name})


def test_nothing_is_left_open(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    read_plugins(plugin_folders(tmp_path))
    assert (len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0) == before
