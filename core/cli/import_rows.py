"""`import`: rows of a CSV file into an entity, all or none."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import uvloop
from tongban_sdk.errors import RequestError

from core.cli import UserError
from core.cli.audited import audited
from core.cli.exchange import entity_of, officer, told
from core.exchange.importing import Parts, Report, import_rows
from core.host import Host, open_host
from core.settings import Settings
from core.store.statement import statement
from core.store.tables import table_of
from core.write.sources import Origin

HELP = "导入 CSV 文件：先整体检查，再整体写入；有一处问题就什么也不写"
EXAMPLE = "python server.py import core.person people.csv --as village.640522100203 --key idno --check"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entity", metavar="PLUGIN.ENTITY", help="实体，如 core.person")
    parser.add_argument("file", type=Path, help="CSV 文件：UTF-8 或 GB18030，第一行是列名（名称或字段名）")
    parser.add_argument(
        "--as", dest="account", required=True, metavar="ACCOUNT", help="以谁的权限：工作人员或管理员的账号"
    )
    parser.add_argument("--key", default="", metavar="FIELD[,FIELD]", help="认出已有行的字段；已有的更新，没有的新建")
    parser.add_argument("--source", metavar="UNIT", help="个人信息由哪个单位提供（单位编码）；默认是导入人的单位")
    parser.add_argument("--reference", default="", metavar="TEXT", help="提供的依据：批次号、文书号，与 --source 合用")
    parser.add_argument("--check", action="store_true", help="只检查，不写入")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")


def run(args: argparse.Namespace, settings: Settings) -> int:
    try:
        report = uvloop.run(_run(args, settings))
    except RequestError as error:
        raise told(error) from error
    if args.json:
        print(json.dumps(asdict(report), ensure_ascii=False))
    else:
        _print(report, args.check)
    return 1 if report.faults else 0


async def _run(args: argparse.Namespace, settings: Settings) -> Report:
    async with open_host(settings) as host:
        entity, actor = entity_of(host, args.entity), await officer(host, args.account)
        generation = host.generation
        writer = generation.writer.stating(await _origin(host, args.source, args.reference))
        parts = Parts(host.database, generation.world, generation.access, writer, host.vault)
        key = tuple(name for name in args.key.split(",") if name)
        async with audited(host.audit, "import_rows", f"{entity.key} as {args.account}", always=True):
            return await import_rows(
                parts, actor, entity, args.file, key=key, check=args.check, max_bytes=settings.import_max_bytes
            )


async def _origin(host: Host, code: str | None, reference: str) -> Origin | None:
    """The unit the file is from."""
    if code is None:
        if reference:
            raise UserError("--reference 说明 --source 的依据，两个要一起写")
        return None
    unit = entity_of(host, "core.org_unit")
    text = f'SELECT id FROM "{unit.table}" WHERE code = {{code}} AND deleted_at IS NULL'
    rows = await host.database.fetch(*statement(host.database.dialect, table_of(unit), text, code=code))
    if not rows:
        raise UserError(f"--source {code!r}：没有这个单位编码")
    return Origin(str(rows[0][0]), "share", reference[:120] or None)


def _print(report: Report, is_check: bool) -> None:
    for fault in report.faults:
        print(fault, file=sys.stderr)
    if report.more_faults:
        print(f"还有 {report.more_faults} 处没有列出", file=sys.stderr)
    if report.faults:
        print(
            f"{report.rows} 行可读，{len(report.faults) + report.more_faults} 处问题，什么也没有写入", file=sys.stderr
        )
        return
    counts = f"新建 {report.created} 行，更新 {report.updated} 行，{report.unchanged} 行没有变化"
    print(f"检查通过：将{counts}" if is_check else counts)
