"""Where plugins come from: the tree, configured directories, installed distributions."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from core.settings import ROOT, Settings

GROUP = "tongban.plugins"
IN_TREE = ROOT / "manifests"
Source = Literal["in-tree", "configured", "installed"]


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that claims to be a plugin; `problem` says (in Chinese) why its place cannot be used."""

    plugin_id: str
    folder: Path | None
    source: Source
    problem: str = ""


def find_plugins(settings: Settings) -> tuple[Found, ...]:
    """Every candidate, in-tree first; two with one id are both reported, the reader says which is wrong."""
    return (
        *_folders(IN_TREE, "in-tree"),
        *(found for directory in settings.manifests for found in _folders(directory, "configured")),
        *_installed(entry_points(group=GROUP)),
    )


def _folders(directory: Path, source: Source) -> Iterator[Found]:
    """A directory of plugin folders, or one plugin folder itself."""
    if (directory / "plugin.yaml").is_file():
        yield Found(directory.name, directory, source)
    elif directory.is_dir():
        for file in sorted(directory.glob("*/plugin.yaml")):
            yield Found(file.parent.name, file.parent, source)
    else:
        yield Found(directory.name, None, source, f"目录 {directory} 不存在")


def _installed(points: Iterable[EntryPoint]) -> Iterator[Found]:
    for point in sorted(points, key=lambda p: p.name):
        folder = _package_folder(point)
        if folder is None:
            yield Found(point.name, None, "installed", f"入口点 {point.value} 里没有 manifest/{point.name}/plugin.yaml")
        else:
            yield Found(point.name, folder, "installed")


def _package_folder(point: EntryPoint) -> Path | None:
    """`<id> = "package"`: the package holds `manifest/<id>/plugin.yaml`. Nothing of it is imported here."""
    try:
        spec = importlib.util.find_spec(point.module)
    except (ImportError, ValueError):
        return None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(root) / "manifest" / point.name
        if (folder / "plugin.yaml").is_file():
            return folder
    return None
