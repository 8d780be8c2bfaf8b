"""Part three: switch on 51 plugins of 20 entities one after the other, and watch the event loop meanwhile.

Runs in a process of its own (`python -m tests.bench.toggles SETTINGS… `), started by `toggles`, and prints JSON.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import orjson
import uvloop

from core.api.changes import ChangeFeed
from core.api.compose import Composer
from core.api.roots import build_roots
from core.host import open_host
from core.ops.settle import settle
from core.plugins.states import States
from core.settings import read_settings
from core.store.database import Database
from tests.bench.contest import OURS
from tests.bench.place import ADMIN, Place
from tests.bench.plugins import write_plugins
from tests.bench.process import ROOT, server

#: Seconds until every node has converged, and the longest stall of the loop.
CONVERGED_MAX_S = 1.0
STALL_MAX_S = 0.05
TICK_S = 0.001


class Watch:
    """Wakes every millisecond and keeps the longest time it was late; and the longest pause of the collector."""

    def __init__(self) -> None:
        self.longest_s = self.longest_collection_s = self._collecting_at = 0.0
        gc.callbacks.append(self._collected)

    async def run(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - before - TICK_S)

    def reset(self) -> None:
        self.longest_s = self.longest_collection_s = 0.0

    def _collected(self, phase: str, _: Any) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._collecting_at = now
        else:
            self.longest_collection_s = max(self.longest_collection_s, now - self._collecting_at)


async def curve(plugin_ids: list[str], already: int) -> list[dict[str, Any]]:
    """Switch on each plugin in turn; per plugin the seconds until all nodes run it and the longest stall."""
    points: list[dict[str, Any]] = []
    compose = Composer(build_roots(ChangeFeed(None)))
    async with open_host(read_settings(), compose=compose, follow=True) as host:
        # As `serve` does when it listens.
        settle()
        states, watch = States(host.database), Watch()
        watching = asyncio.create_task(watch.run())
        for count, plugin_id in enumerate(plugin_ids, already + 1):
            await asyncio.sleep(0.05)
            watch.reset()
            started = time.perf_counter()
            await host.registry.set_state(plugin_id, "on", actor=ADMIN)
            switched_s = time.perf_counter() - started
            nodes = await _converged(states, host.generation.number)
            points.append(
                {
                    "plugins": count,
                    "nodes": nodes,
                    "switched_s": round(switched_s, 3),
                    "converged_s": round(time.perf_counter() - started, 3),
                    "stall_ms": round(watch.longest_s * 1000, 1),
                    "collector_ms": round(watch.longest_collection_s * 1000, 1),
                }
            )
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return points


async def _converged(states: States, number: int, patience_s: float = 10.0) -> int:
    """Wait until every live node runs this generation; how many there are."""
    deadline = time.perf_counter() + patience_s
    while time.perf_counter() < deadline:
        nodes = await states.nodes()
        if nodes and all(node.generation >= number for node in nodes):
            return len(nodes)
        await asyncio.sleep(0.005)
    raise TimeoutError(f"nodes did not reach generation {number}")


async def switch_off(plugin_ids: list[str]) -> None:
    """Choose "off" for plugins before anything of them runs."""
    settings = read_settings()
    database = await Database.open(settings.database_url)
    try:
        for plugin_id in plugin_ids:
            await States(database).choose(plugin_id, "", "off", "bench")
    finally:
        await database.close()


def toggles(place: Place, count: int, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The curve from none to `count`, then the last one again on a host that booted with all the others.

    On Postgres a second node runs beside it and must follow.
    """
    say(f"{place.kind}: writing and migrating {count} plugins")
    plugin_ids = write_plugins(place.manifests[0], count)
    place.command("migrate")
    _child(place, "off", plugin_ids)
    with ExitStack() as stack:
        if place.kind == "postgres":
            stack.enter_context(server("node", OURS, place.env))
        say(f"{place.kind}: switching on 1 to {count}")
        points = orjson.loads(_child(place, "curve", plugin_ids))
        _child(place, "off", plugin_ids[-1:])
        say(f"{place.kind}: switching on the last after a boot with the others")
        last = orjson.loads(_child(place, "last", plugin_ids))[0]
    yield {
        "part": "toggles",
        "database": place.kind,
        "points": points,
        "last": last,
        "target": {"converged_s": CONVERGED_MAX_S, "stall_ms": STALL_MAX_S * 1000},
    }


def _child(place: Place, what: str, plugin_ids: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.toggles", what, *plugin_ids],
        cwd=ROOT,
        env={**os.environ, **place.env},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"toggles {what} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout.splitlines()[-1] if done.stdout else ""


def main(words: list[str]) -> None:
    what, *plugin_ids = words
    match what:
        case "off":
            uvloop.run(switch_off(plugin_ids))
        case "curve":
            print(orjson.dumps(uvloop.run(curve(plugin_ids, 0))).decode())
        case _:
            print(orjson.dumps(uvloop.run(curve(plugin_ids[-1:], len(plugin_ids) - 1))).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
