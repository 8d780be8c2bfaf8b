"""Part four: how long a server takes until it listens, and how much memory it holds, by number of plugins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.bench.contest import OURS
from tests.bench.place import Place
from tests.bench.plugins import write_plugins
from tests.bench.process import ROOT, server

#: Resident memory of an embedded server with its usual plugins.
MEMORY_MAX_MB = 200


def boot(place: Place, plugins: int, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Boot a server with this many plugins, those of the tree included; migrated before, so that boot is boot."""
    in_tree = sum(1 for _ in (ROOT / "manifests").glob("*/plugin.yaml"))
    say(f"{place.kind}: {plugins} plugins")
    write_plugins(place.manifests[0], max(0, plugins - in_tree))
    started = time.perf_counter()
    place.command("migrate")
    migrated_s = time.perf_counter() - started
    with server("ours", OURS, place.env) as running:
        yield {
            "part": "boot",
            "database": place.kind,
            "plugins": plugins,
            "migrate_s": round(migrated_s, 2),
            "boot_s": round(running.boot_s, 2),
            "rss_mb": round(running.memory_mb(), 1),
            "own_mb": round(running.memory_mb("RssAnon"), 1),
            "peak_mb": round(running.memory_mb("VmHWM"), 1),
            "target": {"rss_mb": MEMORY_MAX_MB},
        }
