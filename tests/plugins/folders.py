"""Small manifest folders and Python parts, written for one test."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.api.compose import Composer
from core.host import Host, open_host
from core.plugins import discovery
from core.settings import read_settings


@dataclass
class Bench:
    """A directory of plugins beside `core`, and hosts on one database."""

    folder: Path
    place: tuple[str, str | None]
    modules: list[str] = field(default_factory=list)

    def plugin(self, id: str, *, python: str = "", entities: Iterable[str] = ("thing",), **head: object) -> None:
        """A plugin whose entities anyone may read and create; `python` is the body of its module `<id>_part`."""
        lines = [f"manifest: 1\nid: {id}\ntitle: 插件{id}\ndescription: 测试\nversion: {{name: 1.0.0, code: 1}}"]
        lines += ["department: {uscc: 11640522000000000J, name: 测试}", f"case_prefix: {id[:2].upper()}"]
        lines += ["data_level_max: L2", f"roles:\n  {id}_service: {{title: 后台}}"]
        lines += [f"{key}: {value}" for key, value in head.items()]
        if python:
            lines.append(f"entry: {id}_part:Plugin")
            (self.folder / f"{id}_part.py").write_text(python, "utf-8")
            self.modules.append(f"{id}_part")
        folder = self.folder / "manifests" / id
        (folder / "entities").mkdir(parents=True, exist_ok=True)
        (folder / "plugin.yaml").write_text("\n".join(lines), "utf-8")
        for name in entities:
            text = f"entity: {name}\ntitle: 东西\nfields:\n  name: {{type: string, title: 名, max: 50, level: L1}}\n"
            (folder / "entities" / f"{name}.yaml").write_text(text, "utf-8")
        rules = [
            f"  - {{role: {role}, entity: {name}, can: [read, create, update]}}"
            for name in entities
            for role in ("anonymous", f"{id}_service")
        ]
        (folder / "access.yaml").write_text("rules:\n" + "\n".join(rules), "utf-8")

    def write(self, id: str, name: str, text: str) -> None:
        (self.folder / "manifests" / id / name).write_text(text, "utf-8")

    @asynccontextmanager
    async def open(self, *, follow: bool = False, work: bool = False) -> AsyncIterator[Host]:
        url, schema = self.place
        settings = read_settings({
            "TONGBAN_DATA_DIR": str(self.folder), "TONGBAN_DATABASE_URL": url,
            "TONGBAN_MANIFESTS": str(self.folder / "manifests"),
        })  # fmt: skip
        async with open_host(settings, compose=Composer(), schema=schema, follow=follow, work=work) as host:
            yield host


@pytest.fixture
def bench(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Bench]:
    (tmp_path / "manifests").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(discovery, "IN_TREE", discovery.IN_TREE / "core")
    made = Bench(tmp_path, database_place)
    yield made
    for name in made.modules:
        sys.modules.pop(name, None)
