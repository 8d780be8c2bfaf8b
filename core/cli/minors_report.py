"""python server.py minors-report --year 2026"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import orjson
import uvloop
from tongban_sdk.errors import RequestError

from core.cli import UserError
from core.cli.audited import audited
from core.host import open_host
from core.privacy.minors import to_csv
from core.settings import Settings
from core.store.errors import StoreError

HELP = "导出未成年人个人信息保护年度审计的数据（JSON 和 CSV，只有计数），次年一月底前报送"
EXAMPLE = "python server.py minors-report --year 2026 --out reports"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, required=True, help="公历年")
    parser.add_argument("--out", type=Path, help="写到这个文件夹，默认是数据目录下的 reports")


def run(args: argparse.Namespace, settings: Settings) -> int:
    try:
        report = uvloop.run(_make(args.year, settings))
    except (RequestError, StoreError) as error:
        raise UserError(str(error)) from error
    folder: Path = args.out or settings.data_dir / "reports"
    name = f"minors-{args.year}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
        (folder / f"{name}.csv").write_text(to_csv(report), "utf-8", newline="")
    except OSError as error:
        raise UserError(f"写不进 {folder}：{error.strerror}") from error
    print(folder / f"{name}.json", folder / f"{name}.csv", sep="\n")
    return 0


async def _make(year: int, settings: Settings) -> dict[str, Any]:
    async with open_host(settings, migrate=False) as host, audited(host.audit, "minors_report", str(year)):
        return await host.privacy.minors_report.make(year)
