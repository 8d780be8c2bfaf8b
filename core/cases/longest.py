"""The limit of a bundle: its longest path, as working days from when its clock began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count

from core.cases.step import Step
from core.cases.timing import limit_row, retime
from core.clock import Calendar, due
from core.manifest.cases import Child, Limit, Service, State


async def set_limit(step: Step, state: State) -> None:
    """Of a case that comes into a state with children, whatever its own item promises."""
    case, world = step.case, step.live.world
    if case.started_at is None:
        return
    services = {child.id: newest(world.plugins, child.service) for child in state.children}
    calendar = await step.engine.calendars.of(case.division)
    end, path = longest(calendar, step.now, state.children, services)
    if path:
        titles = [service.title for id in path if (service := services[id])]
        limit = Limit(working_days(calendar, case.started_at, end), "WD", basis=f"最长一条路径：{'→'.join(titles)}")
        step.change(limit=limit_row(limit))
        await retime(step)


def newest(plugins: Mapping[str, object], key: str) -> Service | None:
    plugin_id, _, id = key.partition(".")
    found: Sequence[Service] = getattr(plugins.get(plugin_id), "services", {}).get(id, ())
    return found[-1] if found else None


def longest(
    calendar: Calendar, start: datetime, children: Sequence[Child], services: Mapping[str, Service | None]
) -> tuple[datetime, tuple[str, ...]]:
    """When the last child is due if each begins as soon as those it waits for are; and the path that takes so long."""
    ends: dict[str, tuple[datetime, tuple[str, ...]]] = {}
    left = list(children)
    while left:
        ready = [child for child in left if all(id in ends for id in child.after)]
        for child in ready:
            begin, path = max((ends[id] for id in child.after), default=(start, ()))
            service = services[child.id]
            limit = (service.promise or service.legal) if service else None
            ends[child.id] = (due(calendar, begin, limit).at, (*path, child.id)) if limit else (begin, path)
        left = [child for child in left if child.id not in ends]
    return max(ends.values(), default=(start, ()))


def working_days(calendar: Calendar, start: datetime, end: datetime) -> int:
    """The fewest that are not over before `end`."""
    return next(n for n in count(1) if due(calendar, start, Limit(n, "WD")).at >= end)
