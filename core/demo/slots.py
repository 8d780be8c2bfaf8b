"""Slots of bookings in the demo: from tomorrow on, whatever day that is, so that there is something to book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from typing import Any

from core.booking import Plan, Slot
from core.booking.plans import slots_of
from core.demo.generators import DemoError
from core.demo.row import Group
from core.expr.clock import china_day
from core.fields.times import utc_now
from core.manifest.model import Plugin, World
from core.store.ids import uuid7

#: Who published them.
DEMO = "demo"


def demo_slots(world: World, groups: Mapping[str, Group]) -> Iterator[Slot]:
    """Those of all declarations; they are no part of what a seed gives."""
    for plugin in world.plugins.values():
        for document in plugin.parts.get("demo", ()):
            for spec in document.get("slots", ()):
                yield from _slots(plugin, spec, groups)


def _slots(plugin: Plugin, spec: Mapping[str, Any], groups: Mapping[str, Group]) -> Iterator[Slot]:
    kind, group, now = plugin.bookings.get(spec["booking"]), groups.get(spec["of"]), utc_now()
    if kind is None or group is None:
        raise DemoError(f"演示数据的时段引用了没有的预约 {spec['booking']} 或组 {spec['of']}")
    first = china_day(now) + timedelta(1)
    last, times = first + timedelta(spec["days"] - 1), tuple(map(time.fromisoformat, spec["times"]))
    plan = Plan(spec["quota"], first, last, times=times, length_min=spec["length_min"])
    wanted = spec.get("where", {})
    rows = [row.values for row in group.rows if all(row.values[name] == value for name, value in wanted.items())]
    for values in rows[: spec.get("first")]:
        yield from slots_of(kind, values["id"], values["division"], plan, uuid7(), DEMO, now)
