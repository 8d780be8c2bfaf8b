"""The files of one plugin: what is there, read once, within limits, never outside the folder."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tongban_sdk.problems import Place, Problem

from core.manifest.findings import error

YAML_MAX_BYTES = 1024 * 1024
CSV_MAX_BYTES = 5 * 1024 * 1024
FILES_MAX = 2000
MANIFEST = "plugin.yaml"


@dataclass(slots=True)
class Folder:
    """Bytes of every file by its name inside the folder ("entities/house.yaml")."""

    path: Path
    #: How the folder is shown to people.
    shown: str
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    #: sha256 over names and bytes.
    hash: str = ""

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def place(self) -> Place:
        return self.place_of(MANIFEST)

    def place_of(self, name: str) -> Place:
        return Place(f"{self.shown}/{name}")


def plugin_folders(directory: Path) -> list[Path]:
    """Plugin folders in a directory; the directory itself when it is one, or was meant to be."""
    if any((directory / name).exists() for name in (MANIFEST, "entities", "access.yaml")):
        return [directory]
    # A folder without plugin.yaml is kept: the reader says what is missing.
    return sorted(p for p in directory.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))


def read_folder(path: Path) -> Folder:
    folder = Folder(path.absolute(), _shown(path.absolute()))
    if not _is_inside(folder.path, folder.path.parent):
        folder.problems.append(_symlink(folder.place, "清单文件夹"))
        return folder
    for name in _names(folder):
        data = _read(folder, name)
        if data is not None:
            folder.files[name] = data
    folder.hash = _hash(folder.files)
    return folder


def _hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    return digest.hexdigest()


def _names(folder: Folder) -> Iterator[str]:
    """Names of all files, sorted; hidden ones are not looked at."""
    count = 0
    for base, directories, files in os.walk(folder.path):
        directories[:] = sorted(d for d in directories if d.isprintable() and not d.startswith((".", "__")))
        for name in [d for d in directories if Path(base, d).is_symlink()]:
            directories.remove(name)
            folder.problems.append(_symlink(folder.place_of(_inside(folder, base, name)), "文件夹"))
        for name in sorted(f for f in files if not f.startswith(".")):
            count += 1
            if count > FILES_MAX:
                message = f"文件超过 {FILES_MAX} 个"
                folder.problems.append(error("file.too-many", folder.place, message, "把与清单无关的文件移走"))
                # Half a plugin would only make more noise.
                folder.files.clear()
                return
            if name.isprintable():
                yield _inside(folder, base, name)
            else:
                # Half a name of another encoding, or one that would break the lines of a report.
                message = f"文件名 {name.encode('unicode_escape').decode()} 含有不可见字符或不是 UTF-8"
                folder.problems.append(error("file.unreadable", folder.place, message, "改成普通的文件名"))


def _read(folder: Folder, name: str) -> bytes | None:
    path = folder.path / name
    place = folder.place_of(name)
    limit = CSV_MAX_BYTES if name.endswith(".csv") else YAML_MAX_BYTES
    if not _is_inside(path, folder.path):
        folder.problems.append(_symlink(place, "文件"))
        return None
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            folder.problems.append(error("file.special", place, "不是普通文件", "清单里只放普通文件"))
            return None
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as err:
        folder.problems.append(error("file.unreadable", place, f"无法读取：{err.strerror}", "检查文件是否存在及其权限"))
        return None
    if len(data) > limit:
        size = max(info.st_size, len(data))
        message = f"文件有 {size} 字节，超过上限 {limit}"
        folder.problems.append(error("file.too-large", place, message, "拆成几个文件；大表用 CSV"))
        return None
    return data


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        # A loop of links.
        return False


def _symlink(place: Place, what: str) -> Problem:
    return error("file.symlink", place, f"{what}是指向清单以外的符号链接", "把内容复制到清单文件夹里")


def _inside(folder: Folder, base: str, name: str) -> str:
    return Path(base, name).relative_to(folder.path).as_posix()


def _shown(path: Path) -> str:
    """Relative to the working directory when inside it."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) and path != here else path.as_posix()
