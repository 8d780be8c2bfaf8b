"""The state of the machine, printed with every run: ratios carry over to another machine, figures do not."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.load import GENERATOR

PACKAGES = ("uvicorn", "uvloop", "httptools", "strawberry-graphql", "graphql-core", "tortoise-orm", "asyncpg", "orjson")


def machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "loadavg": [round(load, 2) for load in os.getloadavg()],
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
        "load_generator": GENERATOR,
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
