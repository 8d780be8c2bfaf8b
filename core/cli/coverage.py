"""python server.py coverage"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from core.cli import UserError
from core.settings import ROOT, Settings

HELP = "功能清单的覆盖情况"
EXAMPLE = "python server.py coverage --json"
STATES = ("works", "simulated", "registered", "planned")
FOLDER = ROOT / "manifests"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the inventory and what is claimed of it."""

    id: str
    group: str
    state: str
    where: str
    #: pytest ids, "tests/x/test_y.py::test_z".
    tests: tuple[str, ...]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="以 JSON 输出每一行")


def run(args: argparse.Namespace, settings: Settings) -> int:
    rows, problems = read_coverage(FOLDER)
    if problems:
        raise UserError("；".join(problems))
    if args.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        print("\n".join(_table(rows)))
    return 0


def read_coverage(folder: Path) -> tuple[list[Row], list[str]]:
    """The rows of inventory.csv with the claims of coverage.yaml, and everything that does not fit together."""
    with (folder / "inventory.csv").open(encoding="utf-8", newline="") as file:
        groups = {line["id"]: line["group"] for line in csv.DictReader(file)}
    claims: Mapping[str, Any] = yaml.safe_load((folder / "coverage.yaml").read_text("utf-8"))["rows"]
    rows = [
        Row(id, groups.get(id, ""), str(c.get("state")), str(c.get("where", "")), tuple(c.get("tests", ())))
        for id, c in claims.items()
    ]
    return rows, list(_problems(groups, rows))


def _problems(groups: Mapping[str, str], rows: list[Row]) -> Iterator[str]:
    claimed = {row.id for row in rows}
    yield from (f"{id} 没有写进 coverage.yaml" for id in groups if id not in claimed)
    for row in rows:
        if row.id not in groups:
            yield f"{row.id} 不在 inventory.csv 里"
        if row.state not in STATES:
            yield f"{row.id} 的状态 {row.state} 无效：可用 {'、'.join(STATES)}"
        if not row.where:
            yield f"{row.id} 没有写明 where"
        if row.state in ("works", "simulated") and not row.tests:
            yield f"{row.id} 称 {row.state}，却没有测试"


def _table(rows: list[Row]) -> Iterator[str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row.group][row.state] += 1
    line = "{:<8}" + "{:>12}" * (len(STATES) + 1)
    yield line.format("group", *STATES, "all")
    for group, found in counts.items():
        yield line.format(group, *(found[state] for state in STATES), found.total())
    total = Counter(row.state for row in rows)
    yield line.format("all", *(total[state] for state in STATES), total.total())
