"""`audit`: verify what was written, list the anchors that lie outside the database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time

import uvloop

from core.audit.verify import Verifier
from core.audit.witness import Witness
from core.cli import UserError
from core.crypto import Vault
from core.expr.clock import CHINA
from core.settings import Settings
from core.store.database import Database
from core.store.installation import installation
from core.store.migrate import check_engine

HELP = "核对审计：逐行验证，指出第一处不符；或列出库外的锚"
EXAMPLE = "python server.py audit verify --since 2026-01-01"
#: One statement may look at every line there is.
STATEMENT_TIMEOUT_S = 600


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser("verify", help="核对每一行、每个通道、封印链、链头和锚；有不符时退出码为 1")
    verify.add_argument("--since", type=_day, metavar="DATE", help="只核对这一天（北京时间）起的封印及其后未封印的行")
    actions.add_parser("anchors", help="列出库外的锚：日期、封印、摘要、签名是否有效")


def run(args: argparse.Namespace, settings: Settings) -> int:
    return uvloop.run(_verify(settings, args.since) if args.action == "verify" else _anchors(settings))


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), CHINA).astimezone(UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"日期 {text!r} 应写成 2026-01-31") from None


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, Vault, Witness]]:
    database = await Database.open(settings.database_url, statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        await check_engine(database)
        vault = await Vault.open(database, settings)
        yield database, vault, Witness.of(settings, await installation(database), vault)
    finally:
        await database.close()


async def _verify(settings: Settings, since: datetime | None) -> int:
    async with _opened(settings) as (database, vault, witness):
        report = await Verifier(database, vault, witness).verify(since)
    told = f"核对了 {report.seals} 个封印、{report.lines} 行、{report.anchors} 个锚"
    if report.fault:
        print(f"不符：{report.fault}")
        print(told, file=sys.stderr)
        return 1
    print(f"审计完好：{told}")
    return 0


async def _anchors(settings: Settings) -> int:
    async with _opened(settings) as (_, _, witness):
        anchors = await witness.read_anchors()
    for path, anchor in anchors:
        print(f"{path.stem}  封印 {anchor.seal}  {anchor.hash}" if anchor else f"{path.stem}  签名不符")
    if not anchors:
        raise UserError(f"{witness.anchors} 里还没有锚：服务运行后每天写一个")
    return 0 if all(anchor for _, anchor in anchors) else 1
