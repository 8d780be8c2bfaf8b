"""python server.py version"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sqlite3
from importlib.metadata import version as distribution_version

import uvloop

from core.settings import Settings

HELP = "版本、解释器与事件循环"
EXAMPLE = "python server.py version --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")


def run(args: argparse.Namespace, settings: Settings) -> int:
    facts = uvloop.run(_facts())
    if args.json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        print("\n".join(f"{key}: {value}" for key, value in facts.items()))
    return 0


async def _facts() -> dict[str, str]:
    loop = type(asyncio.get_running_loop())
    return {
        "tongban": distribution_version("tongban"),
        "sdk": distribution_version("tongban-sdk"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "event_loop": f"{loop.__module__}.{loop.__qualname__}",
    }
