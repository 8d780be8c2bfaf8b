"""In which order plugins stand: what each needs first; cycles are named."""

from __future__ import annotations

from collections.abc import Mapping

from core.manifest.flow_checks import cycles
from core.manifest.model import Plugin
from core.manifest.sections.plugin import FOUNDATION


def requirements(plugin: Plugin) -> tuple[str, ...]:
    """What must run for this plugin to run; the foundation without being named."""
    implied = () if plugin.id == FOUNDATION or FOUNDATION in plugin.requires else (FOUNDATION,)
    return (*implied, *plugin.requires)


def order_of(plugins: Mapping[str, Plugin]) -> tuple[list[str], list[list[str]]]:
    """Ids in dependency order, and the cycles found; ids of a cycle, and what only follows it, come last."""
    links = {id: _links(plugin, plugins) for id, plugin in plugins.items()}
    order: list[str] = []
    waiting = sorted(links)
    while ready := [id for id in waiting if links[id] <= set(order)]:
        # One at a time, the first by name: the order of the rest must not depend on chance.
        order.append(ready[0])
        waiting.remove(ready[0])
    return [*order, *waiting], cycles({id: links[id] & set(waiting) for id in waiting})


def _links(plugin: Plugin, plugins: Mapping[str, Plugin]) -> set[str]:
    """`requires` as written, a plugin's own id included; `after` only when both are there."""
    return {id for id in (*requirements(plugin), *plugin.after) if id in plugins}
