"""python server.py migrate [--plan]"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import uvloop

from core.cli import UserError
from core.cli.progress import say
from core.clock.seed import seed
from core.crypto import Vault
from core.manifest.model import World
from core.plugins.catalogue import Catalogue
from core.privacy import DataCatalogue
from core.settings import Settings
from core.store.database import Database
from core.store.ddl import Step
from core.store.errors import MigrationError, StoreError
from core.store.migrate import migrate, plan
from core.store.reference import load_reference
from core.store.tables import tables_of
from core.write.upkeep import keep_up

HELP = "把数据库改成清单声明的样子：只增加，不删除，不猜测"
EXAMPLE = "python server.py migrate --plan"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", action="store_true", help="只列出将执行的语句和原因，不改动数据库")


def run(args: argparse.Namespace, settings: Settings) -> int:
    try:
        return uvloop.run(_run(args.plan, settings))
    except MigrationError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        raise UserError("数据库没有改动：上面的变更会丢失数据") from error
    except StoreError as error:
        raise UserError(str(error)) from error


async def _run(only_plan: bool, settings: Settings) -> int:
    world = await _world(settings)
    database = await Database.open(settings.database_url, statement_timeout_s=600)
    try:
        if only_plan:
            _show(await plan(database, tables_of(world)))
            return 0
        steps = await migrate(database, tables_of(world), lambda number: say(f"第 {number + 1} 步"))
        await seed(database)
        await DataCatalogue(database).refresh(world)
        say("密存数据")
        vault = await Vault.open(database, settings)
        await keep_up(database, vault, world, list(world.entities.values()), only_new=True)
        say("参考数据")
        rows = await load_reference(database, world)
        say("")
        _show(steps)
        print(f"-- 参考数据：新增或更新 {rows} 行")
    finally:
        await database.close()
    return 0


async def _world(settings: Settings) -> World:
    """Every plugin that reads without errors, switched off ones included: switching on must not wait for tables."""
    candidates = await Catalogue(settings).read()
    for candidate in candidates:
        if candidate.plugin is None:
            print(f"跳过插件 {candidate.status.plugin_id}：{candidate.status.reason}", file=sys.stderr)
    return World({c.plugin.id: c.plugin for c in candidates if c.plugin is not None})


def _show(steps: Sequence[Step]) -> None:
    for step in steps:
        print(f"-- {step.why}")
        if step.sql:
            print(f"{step.sql};")
    if not steps:
        print("-- 数据库已是声明的样子")
