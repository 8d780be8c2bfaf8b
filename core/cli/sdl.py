"""Print the schema of the API with every in-tree plugin on. Needs no database."""

from __future__ import annotations

import argparse
import asyncio

from tongban_sdk.host_api import GraphqlTypes

from core.api.changes import ChangeFeed
from core.api.compose import Composer
from core.api.roots import build_roots
from core.cli import UserError
from core.manifest import plugin_folders
from core.manifest.model import World
from core.manifest.reader import read_world
from core.plugins.breaker import Breaker
from core.plugins.hooks import load_part
from core.settings import ROOT, Settings

HELP = "打印接口的 SDL（全部内置插件启用时）"
EXAMPLE = "python server.py sdl > graphql/schema.graphql"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none: the in-tree plugins alone decide."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    print(asyncio.run(_sdl()))
    return 0


async def _sdl() -> str:
    world, problems = read_world(plugin_folders(ROOT / "manifests"))
    if errors := [problem for problem in problems if problem.level == "error"]:
        raise UserError("清单有错误，接口不完整：\n" + "\n".join(map(str, errors)))
    schema = await Composer(build_roots(ChangeFeed(None)))(world, await _types(world))
    return schema.as_str()


async def _types(world: World) -> dict[str, GraphqlTypes]:
    parts = {plugin.id: await load_part(plugin, Breaker()) for plugin in world.plugins.values()}
    return {id: part.types for id, part in parts.items() if part is not None}
