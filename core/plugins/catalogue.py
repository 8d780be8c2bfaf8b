"""What is there to run: found, read and checked; read again only when a file has changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.manifest.reader import Reading, read_plugins
from core.manifest.source import PluginReading
from core.plugins.discovery import Found, find_plugins
from core.plugins.selection import Candidate
from core.plugins.status import PluginStatus
from core.settings import Settings

Signature = tuple[tuple[str, int, int], ...]


class Catalogue:
    """Candidates in dependency order. Reading happens in a thread: files and YAML must not stall requests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signature: Signature | None = None
        self._reading: Reading | None = None
        self._candidates: list[Candidate] = []

    async def read(self) -> list[Candidate]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> list[Candidate]:
        found = find_plugins(self._settings)
        folders = [f.folder for f in found if f.folder is not None]
        signature = tuple(_stats(folders))
        if self._reading is None or signature != self._signature:
            self._reading = read_plugins(folders, self._reading)
            self._signature = signature
            self._candidates = [*_candidates(found, self._reading)]
        return self._candidates


def _stats(folders: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of every file: changes whenever a manifest does."""
    for folder in folders:
        yield str(folder), 0, 0
        for base, _, files in os.walk(folder):
            for name in files:
                try:
                    info = os.stat(os.path.join(base, name))
                except OSError:
                    continue
                yield os.path.join(base, name), info.st_mtime_ns, info.st_size


def _candidates(found: Sequence[Found], reading: Reading) -> Iterator[Candidate]:
    sources = {f.folder: f.source for f in found}
    seen: set[str] = set()
    for read in reading.plugins:
        if read.id not in seen:
            seen.add(read.id)
            yield Candidate(
                _status(read, sources.get(read.folder, "configured")), read.plugin if read.state == "ok" else None
            )
    for f in found:
        if f.problem and f.plugin_id not in seen:
            yield Candidate(PluginStatus(f.plugin_id, "invalid", reason=f.problem, source=f.source), None)


def _status(read: PluginReading, source: str) -> PluginStatus:
    return PluginStatus(
        read.id,
        "on" if read.state == "ok" else read.state,
        title=read.plugin.title if read.plugin else read.id,
        version=read.plugin.version if read.plugin else "",
        reason=_reason(read),
        source=source,
        folder=read.folder,
    )


def _reason(read: PluginReading) -> str:
    errors = [problem for problem in read.problems if problem.level == "error"]
    if read.state == "invalid" and errors:
        more = f"（另有 {len(errors) - 1} 处）" if len(errors) > 1 else ""
        return f"{errors[0].place} {errors[0].message}{more}"
    return f"等待依赖 {'、'.join(read.waits_for)}" if read.state == "waiting" else ""
