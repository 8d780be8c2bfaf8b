"""Folders to plugins: read, located, checked; one bad plugin leaves the others alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tongban_sdk.problems import Place, Problem

from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, error, warning
from core.manifest.model import Plugin, World
from core.manifest.order import order_of, requirements
from core.manifest.sections import sections
from core.manifest.source import PluginReading, Source, open_source


@dataclass(frozen=True, slots=True)
class Reading:
    """All folders that were read, in dependency order."""

    plugins: tuple[PluginReading, ...]

    @property
    def problems(self) -> list[Problem]:
        """All findings, by file and line."""
        return sorted((p for r in self.plugins for p in r.problems), key=lambda p: (p.place, p.id, p.message))

    def world(self, enabled: Collection[str] | None = None) -> World:
        """The good plugins among `enabled` (None = all) whose requirements are in it too."""
        chosen: dict[str, Plugin] = {}
        for reading in self.plugins:
            plugin = reading.plugin
            if reading.state != "ok" or plugin is None or (enabled is not None and plugin.id not in enabled):
                continue
            rivals = [p.id for p in chosen.values() if p.id in plugin.conflicts or plugin.id in p.conflicts]
            if not rivals and all(id in chosen for id in requirements(plugin)):
                chosen[plugin.id] = plugin
        return World(chosen)


def read_world(folders: Sequence[Path], enabled: Collection[str] | None = None) -> tuple[World, list[Problem]]:
    """The consistent world of these plugin folders, and everything wrong with them."""
    reading = read_plugins(folders)
    return reading.world(enabled), reading.problems


def read_plugins(folders: Sequence[Path], known: Reading | None = None) -> Reading:
    """Read and check plugin folders. What is unchanged since `known` is taken from there."""
    good = [r for r in known.plugins if r.state == "ok" and not r.problems] if known else []
    unchanged = {r.key[:2]: r for r in good}
    sources = [open_source(path, unchanged) for path in folders if not path.is_file()]
    heads = _heads(sources)
    order, cycles = order_of({id: source.head for id, source in heads.items() if source.head})
    _report_cycles(cycles, heads)
    by_key = {r.key: r for r in good}
    done: dict[str, PluginReading] = {}
    for id in order:
        done[id] = _finish(heads[id], done, frozenset(heads), by_key)
    _check_together(done)
    others = (source.reading for source in sources if done.get(source.reading.id) is None or not source.is_first)
    return Reading((*done.values(), *others))


def _heads(sources: Sequence[Source]) -> dict[str, Source]:
    """Sources by id; the second to claim an id is wrong."""
    heads: dict[str, Source] = {}
    for source in sources:
        if source.head is None:
            continue
        first = heads.setdefault(source.head.id, source)
        if first is not source:
            source.is_first = False
            message = f"标识 {source.head.id} 已被 {first.folder.shown} 使用"
            place = source.manifest.place("id")
            source.reading.add([error("plugin.id-taken", place, message, "换一个标识，或移走其中一个文件夹")])
    return heads


def _report_cycles(cycles: Sequence[Sequence[str]], heads: Mapping[str, Source]) -> None:
    for cycle in cycles:
        way = " → ".join((*cycle, cycle[0]))
        for id in cycle:
            document = heads[id].manifest
            place = document.place("requires" if "requires" in document.value else "after")
            heads[id].reading.add([error("plugin.cycle", place, f"依赖成环：{way}", "去掉其中一个 requires 或 after")])


def _finish(
    source: Source,
    done: Mapping[str, PluginReading],
    known: frozenset[str],
    unchanged: Mapping[tuple[object, ...], PluginReading],
) -> PluginReading:
    """Build one plugin on those before it, or say what it waits for."""
    reading, head = source.reading, source.head
    assert head is not None
    missing = [id for id in requirements(head) if id not in done or done[id].state != "ok"]
    if missing:
        _wait(reading, missing, source.manifest.place("requires"), known)
        return reading
    reading.key = (source.folder.path, head.hash, *(done[id].key for id in requirements(head)))
    if not reading.problems and (same := unchanged.get(reading.key)):
        return replace(same, problems=[])
    _build(source, head, World(_closure(head, done)), known)
    return reading


def _wait(reading: PluginReading, missing: Sequence[str], place: Place, known: frozenset[str]) -> None:
    was_invalid = reading.state == "invalid"
    for id in missing:
        if id not in known:
            reading.add([error("plugin.requires-missing", place, f"没有插件 {id}", did_you_mean(id, known))])
        elif not was_invalid:
            reading.add([error("plugin.waits", place, f"等待插件 {id}：它的清单有错或也在等待", f"先改正 {id}")])
    reading.waits_for = tuple(missing)
    if not was_invalid:
        reading.state = "waiting"


def _closure(head: Plugin, done: Mapping[str, PluginReading]) -> dict[str, Plugin]:
    """Plugins a plugin requires, directly or not, in order."""
    needed: set[str] = set()
    waiting = list(requirements(head))
    while waiting:
        plugin = done[waiting.pop()].plugin
        if plugin and plugin.id not in needed:
            needed.add(plugin.id)
            waiting += requirements(plugin)
    return {id: r.plugin for id, r in done.items() if id in needed and r.plugin}


def _build(source: Source, head: Plugin, world: World, known: frozenset[str]) -> None:
    source.parse()
    # Files with problems of their own: what they declare is not reported as missing.
    broken = {p.place.file.removeprefix(f"{source.folder.shown}/") for p in source.reading.problems}
    parts: dict[str, object] = {}
    draft = Draft(source.folder, replace(head, parts=parts), world, known, broken)
    for section in sections():
        documents = [d for name, d in source.documents.items() if section.owns(name) and name in source.good]
        parts[section.name] = section.build(documents, draft)
    source.reading.plugin = draft.plugin
    source.reading.add(draft.problems)
    source.reading.add(source.strangers())


def _check_together(done: Mapping[str, PluginReading]) -> None:
    """Findings between plugins; who depends on a plugin that is found wrong now waits."""
    world = World({id: r.plugin for id, r in done.items() if r.state == "ok" and r.plugin})
    for section in sections():
        for problem in section.check(world):
            done[_owner(problem, done)].add([problem])
    for id, plugin in world.plugins.items():
        missing = [need for need in requirements(plugin) if done[need].state != "ok"]
        if missing and done[id].state == "ok":
            _wait(done[id], missing, plugin.place, frozenset(done))
        for rival in plugin.conflicts:
            if rival in world.plugins:
                message = f"{id} 与 {rival} 不能同时运行"
                done[id].add([warning("plugin.conflict", plugin.place, message, "停用其中一个")])


def _owner(problem: Problem, done: Mapping[str, PluginReading]) -> str:
    return next(id for id, r in done.items() if problem.place.file.startswith(f"{r.shown}/"))
