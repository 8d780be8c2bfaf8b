"""Which plugins run: by what was chosen, read and required. Pure; says why for each that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.manifest.model import Plugin
from core.manifest.order import requirements
from core.plugins.states import Choices, is_wanted
from core.plugins.status import Chosen, PluginStatus, State


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin found somewhere. `plugin` is None when its manifest cannot be used; `problem` says why."""

    status: PluginStatus
    plugin: Plugin | None


def select(
    candidates: Sequence[Candidate], choices: Choices, failures: Mapping[str, str]
) -> tuple[dict[str, Plugin], dict[str, PluginStatus]]:
    """Plugins that run, in dependency order, and the status of all. `failures`: id → why its Python is unusable."""
    statuses: dict[str, PluginStatus] = {}
    running: dict[str, Plugin] = {}
    wanted: dict[str, Plugin] = {}
    for candidate in candidates:
        status = replace(candidate.status, divisions=_divisions(choices, candidate.status.plugin_id))
        statuses[status.plugin_id] = status
        if candidate.plugin is None:
            continue
        if not is_wanted(choices.get(status.plugin_id, {})):
            statuses[status.plugin_id] = replace(status, state="off")
        elif status.plugin_id in failures:
            statuses[status.plugin_id] = replace(status, state="failed", reason=failures[status.plugin_id])
        else:
            wanted[status.plugin_id] = candidate.plugin
    while wanted:
        ready = _next_ready(wanted, running)
        if ready is None:
            break
        plugin = wanted.pop(ready)
        if rival := _rival(plugin, running):
            statuses[ready] = replace(statuses[ready], state="waiting", reason=f"与正在运行的插件 {rival} 冲突")
            continue
        running[ready] = plugin
        statuses[ready] = replace(statuses[ready], state=_state(choices, ready), reason="")
    for plugin_id, plugin in wanted.items():
        statuses[plugin_id] = replace(statuses[plugin_id], state="waiting", reason=_missing(plugin, running, statuses))
    return running, statuses


def _next_ready(wanted: Mapping[str, Plugin], running: Mapping[str, Plugin]) -> str | None:
    """The first whose requirements run and whose `after` is not still to come."""
    ready = [id for id, plugin in wanted.items() if all(need in running for need in requirements(plugin))]
    patient = [id for id in ready if not any(other in ready for other in wanted[id].after)]
    return next(iter(patient or ready), None)


def _rival(plugin: Plugin, running: Mapping[str, Plugin]) -> str:
    rivals = (id for id, other in running.items() if id in plugin.conflicts or plugin.id in other.conflicts)
    return next(rivals, "")


def _state(choices: Choices, plugin_id: str) -> State:
    general = choices.get(plugin_id, {}).get("", "on")
    return "on" if general == "off" else general


def _divisions(choices: Choices, plugin_id: str) -> dict[str, Chosen]:
    return {division: choice for division, choice in choices.get(plugin_id, {}).items() if division}


def _missing(plugin: Plugin, running: Mapping[str, Plugin], statuses: Mapping[str, PluginStatus]) -> str:
    names = {"off": "已停用", "invalid": "清单有错", "waiting": "也在等待", "failed": "启动失败"}
    missing = (
        f"{need}（{names.get(statuses[need].state, statuses[need].state) if need in statuses else '没有安装'}）"
        for need in requirements(plugin)
        if need not in running
    )
    return f"等待依赖 {'、'.join(missing)}"
