"""python server.py worker"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import uvloop

from core.api.changes import ChangeFeed
from core.api.compose import Composer
from core.api.roots import build_roots
from core.cli import UserError
from core.host import open_host
from core.ops.logs import configure_logs
from core.settings import Settings

HELP = "后台任务进程（需要 Redis）"
EXAMPLE = "TONGBAN_REDIS_URL=redis://127.0.0.1:6379/0 python server.py worker"


def arguments(parser: argparse.ArgumentParser) -> None:
    """No options: everything is in the environment."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    if settings.is_embedded:
        raise UserError("worker 需要 Redis：请设置 TONGBAN_REDIS_URL；没有 Redis 时任务在 serve 进程里运行")
    configure_logs(messages=settings.profile == "dev")
    uvloop.run(_run(settings))
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # The same API as in `serve`: handlers read through it, and all nodes must agree on its hash.
    compose = Composer(build_roots(ChangeFeed(None)))
    async with open_host(settings, migrate=False, compose=compose, follow=True, work=True) as host:
        print(
            f"worker 已启动：第 {host.generation.number} 代，{len(host.generation.world.plugins)} 个插件",
            file=sys.stderr,
        )
        await stop.wait()
