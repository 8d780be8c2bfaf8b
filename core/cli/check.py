"""Check manifests and print every problem at once."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tongban_sdk.problems import Problem

from core.cli import UserError
from core.manifest import plugin_folders, read_plugins
from core.plugins.discovery import find_plugins
from core.settings import ROOT, Settings

HELP = "检查清单，一次列出所有问题；有错误时以 1 退出"
EXAMPLE = "python server.py check manifests/community --json"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR", help="插件文件夹，或放插件的目录；默认全部")
    parser.add_argument("--json", action="store_true", help="输出 JSON 列表")


def run(args: argparse.Namespace, settings: Settings) -> int:
    named = [folder for directory in args.folders for folder in _named(directory)]
    judged = named or _all(settings)
    problems = _problems(judged, _all(settings) if named else [])
    if args.json:
        print(json.dumps([p.to_json() for p in problems], ensure_ascii=False, indent=2))
    else:
        print("".join(f"{problem}\n" for problem in problems), end="")
    errors = sum(problem.level == "error" for problem in problems)
    print(f"检查了 {len(judged)} 个插件：{errors} 个错误，{len(problems) - errors} 个警告", file=sys.stderr)
    return 1 if errors else 0


def _problems(judged: Sequence[Path], context: Sequence[Path]) -> list[Problem]:
    """Problems of the judged folders. The context is what they may require, without their namesakes."""
    names = {folder.name for folder in judged}
    others = [folder for folder in context if folder.name not in names]
    reading = read_plugins([*judged, *others])
    asked = set(judged)
    found = (p for r in reading.plugins if r.folder in asked for p in r.problems)
    return sorted(found, key=lambda p: (p.place, p.id, p.message))


def _named(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise UserError(f"没有文件夹 {directory}")
    if not (found := plugin_folders(directory.resolve())):
        raise UserError(f"{directory} 里没有插件：每个插件是一个有 plugin.yaml 的文件夹")
    return found


def _all(settings: Settings) -> list[Path]:
    """Folders of the tree and the settings, those without plugin.yaml too; then installed plugins."""
    directories = [ROOT / "manifests", *settings.manifests]
    if missing := [directory for directory in directories if not directory.is_dir()]:
        raise UserError(f"没有文件夹 {missing[0]}（TONGBAN_MANIFESTS）")
    folders = [folder for directory in directories for folder in plugin_folders(directory)]
    installed = [found.folder for found in find_plugins(settings) if found.source == "installed" and found.folder]
    return [*folders, *installed]
