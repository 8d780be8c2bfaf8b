"""The benchmark: python -m tests.bench [--only Q1,Q2] [--database sqlite] [--parts race,boot] [--json FILE].

Records come from the parts as data; here they are printed, with targets beside them, and written to a file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.bench import report
from tests.bench.audited import audited
from tests.bench.boot import boot
from tests.bench.contest import contest
from tests.bench.data import Size
from tests.bench.inbox import inbox
from tests.bench.machine import machine
from tests.bench.operations import chosen
from tests.bench.place import Place, places
from tests.bench.race import Rounds
from tests.bench.restricted import restricted
from tests.bench.submit import submit
from tests.bench.timers import timers
from tests.bench.toggles import toggles
from tests.bench.tree import tree

PARTS = ("race", "audited", "restricted", "tree", "toggles", "boot", "timers", "submit", "inbox")
BOOTED_PLUGINS = (6, 50)


def main(words: Sequence[str] | None = None) -> int:
    args = _arguments(words)
    records: list[dict[str, Any]] = [{"part": "machine", **machine()}]
    print(report.machine_lines(records[0]))
    for part in args.parts:
        found = list(_records(part, args))
        records += found
        print(report.lines(part, found), flush=True)
    records.append({"part": "machine", **machine()})
    print(f"\nload average at the end: {records[-1]['loadavg']}")
    if args.json:
        args.json.write_bytes(orjson.dumps(records, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


def _records(part: str, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    rounds = Rounds(args.seconds, args.rounds)
    for make in places(os.environ.get("TONGBAN_TEST_DATABASE_URL"), args.database):
        match part:
            case "race":
                with make() as place:
                    yield from contest(place, Size(args.events, args.people), chosen(args.only), rounds, _say)
            case "audited":
                with make() as place:
                    yield from audited(place, Size(args.events, args.people), rounds, _say)
            case "restricted":
                with make() as place:
                    yield from restricted(place, Size(args.large, args.large // 4), rounds, _say)
            case "tree":
                with make() as place:
                    yield from tree(place, _say)
            case "toggles":
                with make() as place:
                    yield from toggles(_alone(place), args.plugins, _say)
            case "timers":
                with make() as place:
                    yield from timers(place, _say, args.cases)
            case "submit":
                with make() as place:
                    yield from submit(place, _say)
            case "inbox":
                with make() as place:
                    yield from inbox(place, _say, args.large)
            case _:
                for plugins in BOOTED_PLUGINS:
                    with make() as place:
                        yield from boot(_alone(place), plugins, _say)


def _alone(place: Place) -> Place:
    """The same place with made-up plugins only, beside those of the tree."""
    folder = place.folder / "plugins"
    folder.mkdir()
    return Place(place.kind, place.url, place.schema, place.folder, (folder,))


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--parts", type=_list, default=list(PARTS), help=f"any of {','.join(PARTS)}")
    parser.add_argument("--only", type=_list, default=[], help="operations of the race, e.g. Q1,M1")
    parser.add_argument("--database", choices=("sqlite", "postgres"))
    parser.add_argument("--seconds", type=float, default=3, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="events (restricted), cases (inbox)")
    parser.add_argument("--plugins", type=int, default=51, help="plugins switched on")
    parser.add_argument("--cases", type=int, default=100_000, help="open cases behind the timers")
    parser.add_argument("--json", type=Path, help="write all records to this file")
    return parser.parse_args(words)


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


if __name__ == "__main__":
    sys.exit(main())
