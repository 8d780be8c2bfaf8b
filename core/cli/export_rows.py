"""`export`: rows of an entity as a CSV file, with the rights and masks of a member of staff."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvloop
from tongban_sdk.errors import RequestError

from core.api.changes import ChangeFeed
from core.api.compose import Composer
from core.api.roots import build_roots
from core.cli import UserError
from core.cli.audited import audited
from core.cli.exchange import entity_of, officer, told
from core.exchange.exporting import Sources, export_csv
from core.host import open_host
from core.settings import Settings

HELP = "导出 CSV 文件：某个工作人员看得到的行，脱敏与他看到的相同；敏感个人信息（L4）不导出"
EXAMPLE = "python server.py export core.household households.csv --as village.640522100203"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="PLUGIN.ENTITY", help="实体，如 core.household")
    parser.add_argument("file", type=Path, help="要写的文件；已存在的不覆盖")
    parser.add_argument(
        "--as", dest="account", required=True, metavar="ACCOUNT", help="以谁的权限：工作人员或管理员的账号"
    )
    parser.add_argument("--fields", default="", metavar="FIELD[,FIELD]", help="哪些字段（默认可以再导入的全部）")


def run(args: argparse.Namespace, settings: Settings) -> int:
    if args.file.exists():
        raise UserError(f"{args.file} 已存在：换一个文件名")
    try:
        rows = uvloop.run(_run(args, settings))
    except RequestError as error:
        args.file.unlink(missing_ok=True)
        raise told(error) from error
    print(f"导出 {rows} 行")
    return 0


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    async with open_host(settings, compose=Composer(build_roots(ChangeFeed(None)))) as host:
        entity, actor = entity_of(host, args.entity), await officer(host, args.account)
        generation = host.generation
        sources = Sources(host.database, generation.world, generation.access, generation.reader)
        fields = tuple(name for name in args.fields.split(",") if name)
        async with audited(host.audit, "export_rows", f"{entity.key} as {args.account}", always=True):
            with args.file.open("wb") as made:
                return await export_csv(sources, actor, entity, made, fields=fields)
