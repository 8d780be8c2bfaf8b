"""python server.py demo"""

from __future__ import annotations

import argparse
import json
import re
import time

import uvloop

from core.audit import Audit, Entry
from core.cli import UserError
from core.cli.audited import operator
from core.cli.progress import say
from core.crypto import Vault
from core.demo.accounts import FILE, make_accounts, write_accounts
from core.demo.generators import DemoError
from core.demo.load import Loaded, NotEmptyError, load_demo
from core.identity.personas import with_facts, write_personas
from core.manifest.model import World
from core.plugins.catalogue import Catalogue
from core.plugins.registry import new_node_id
from core.settings import Settings
from core.store.database import Database
from core.store.errors import StoreError
from core.store.migrate import migrate
from core.store.reference import load_reference
from core.store.tables import tables_of

HELP = "装入一个县的虚构数据（只装入空库）"
EXAMPLE = "python server.py demo --division 640522 --people 20000 --seed 1"
PEOPLE_MIN, PEOPLE_MAX = 100, 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--division", default="640522", help="县级区划代码，6 位或 12 位（默认 640522 海原县）")
    parser.add_argument("--people", type=int, default=20_000, help="人口数（默认 20000；房屋 0.3、报修单 0.1 之比）")
    parser.add_argument("--seed", type=int, default=1, help="随机种子：同一种子两次结果完全相同（默认 1）")
    parser.add_argument("--if-empty", action="store_true", help="库里已有数据时什么也不做，退出码 0")


def run(args: argparse.Namespace, settings: Settings) -> int:
    county = re.sub("0{6}$", "", args.division) if len(args.division) == 12 else args.division
    if not re.fullmatch("[1-9][0-9]{5}", county):
        raise UserError(f"区划代码 {args.division!r} 无效：应为 6 位县级代码，如 640522")
    if not PEOPLE_MIN <= args.people <= PEOPLE_MAX:
        raise UserError(f"人口数 {args.people} 无效：应在 {PEOPLE_MIN} 与 {PEOPLE_MAX} 之间")
    started = time.monotonic()
    try:
        loaded = uvloop.run(_load(settings, county, args.people, args.seed))
    except NotEmptyError as error:
        if args.if_empty:
            return 0
        raise UserError(f"{error}。要重新装入，请换一个数据目录（TONGBAN_DATA_DIR）或空数据库") from error
    except (DemoError, StoreError) as error:
        raise UserError(str(error)) from error
    finally:
        say("")
    seconds = round(time.monotonic() - started, 1)
    facts = {"rows": loaded.rows, "personas": loaded.personas, "digest": loaded.digest, "seconds": seconds}
    if settings.profile == "dev":
        facts["accounts"] = str(settings.data_dir / FILE)
    print(json.dumps(facts, ensure_ascii=False))
    return 0


async def _load(settings: Settings, county: str, people: int, seed: int) -> Loaded:
    world = World({c.plugin.id: c.plugin for c in await Catalogue(settings).read() if c.plugin is not None})
    database = await Database.open(settings.database_url, statement_timeout_s=600)
    try:
        await migrate(database, tables_of(world))
        await load_reference(database, world)
        vault = await Vault.open(database, settings)
        loaded = await load_demo(
            database, world, county=county, people=people, seed=seed, vault=vault,
            report=lambda name, rows: say(f"{name} {rows}"),
        )  # fmt: skip
        audit = Audit(database, vault, new_node_id())
        await audit.record(Entry(operator(), "demo", detail=f"{county}: {sum(loaded.rows.values())} rows"))
        write_personas(settings.data_dir, await with_facts(database, loaded.personas))
        if settings.profile == "dev":
            write_accounts(settings.data_dir, await make_accounts(database, vault, loaded.personas))
        return loaded
    finally:
        await database.close()
