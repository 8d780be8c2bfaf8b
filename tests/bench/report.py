"""What the bench prints: tables with the target beside every figure, reached or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.bench.race import Timed

#: Least share of the limit's requests per second (docs/adr and the README quote these).
TARGETS: Mapping[str, Mapping[str, float]] = {
    "postgres": {"Q1": 0.6, "Q2": 0.7, "Q3": 0.7, "Q4": 0.6, "M1": 0.4},
    "sqlite": {"Q1": 0.5, "Q2": 0.5, "Q3": 0.5, "Q4": 0.5},
}


def verdict(reached: bool) -> str:
    return "reached" if reached else "NOT REACHED"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def race_record(database: str, operation: str, title: str, timed: Sequence[Timed]) -> dict[str, Any]:
    """One line of the race as data: what --json writes and the table shows."""
    by_name = {line.name: line for line in timed}
    record: dict[str, Any] = {"part": "race", "database": database, "operation": operation, "title": title}
    for name, line in by_name.items():
        record[name] = {
            "per_s": round(line.per_s, 1),
            "cpu_ms": round(line.cpu_ms, 4),
            "p99_ms": round(line.p99_ms, 2),
            "rounds": line.rounds,
        }
    ours = by_name["ours"]
    for other in ("limit", "naive"):
        record[f"ratio_to_{other}"] = round(ours.per_s / by_name[other].per_s, 3)
        record[f"cpu_ratio_to_{other}"] = round(ours.cpu_ms / max(by_name[other].cpu_ms, 1e-6), 3)
    record["target"] = TARGETS[database].get(operation)
    return record


RACE_HEAD = (
    "", "limit/s", "ours/s", "naive/s", "limit CPU ms", "ours CPU ms", "naive CPU ms",
    "ours/limit", "target", "ours/naive", "",
)  # fmt: skip


def race_row(record: Mapping[str, Any]) -> list[str]:
    names = ("limit", "ours", "naive")
    target = record["target"]
    return [
        f"{record['operation']} {record['title']}",
        *(f"{record[name]['per_s']:,.0f}" for name in names),
        *(f"{record[name]['cpu_ms']:.3f}" for name in names),
        f"{record['ratio_to_limit']:.2f}",
        f"≥ {target:.2f}" if target else "–",
        f"{record['ratio_to_naive']:.1f}",
        verdict(record["ratio_to_limit"] >= target) if target else "",
    ]


def machine_lines(record: Mapping[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in record["packages"].items())
    return (
        f"{record['cpu']}, {record['cores']} cores, load average {record['loadavg']}, kernel {record['kernel']}\n"
        f"Python {record['python']}, SQLite {record['sqlite']}, {packages}\n"
        f"load: {record['load_generator']}, 32 connections; servers take turns, medians; only ratios carry over"
    )


def lines(part: str, records: Sequence[Mapping[str, Any]]) -> str:
    """One part as text."""
    return "\n".join(["", *LINES[part](records)])


def _race(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for database in dict.fromkeys(record["database"] for record in records):
        mine = [record for record in records if record["database"] == database]
        yield f"== {database}: requests per second, CPU of the server process per request"
        yield table(RACE_HEAD, [race_row(record) for record in mine if record["part"] == "race"])
        for record in mine:
            if record["part"] == "memory":
                now, own = record["mb"], record["own_mb"]
                shown = ", ".join(f"{name} {now[name]} ({own[name]})" for name in now)
                yield f"memory, MB resident (without mapped files: on SQLite pages of the database count): {shown}"


def _restricted(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== a restricted user against an administrator"
    head = ("", "rows", "admin/s", "staff/s", "admin/staff", "target", "")
    yield table(
        head,
        [
            [
                f"{record['database']} {record['operation']} {record['title']}",
                f"{record['events']:,}",
                f"{record['admin_per_s']:,.0f}",
                f"{record['staff_per_s']:,.0f}",
                f"{record['ratio']:.2f}",
                f"≤ {record['target']}",
                verdict(record["ratio"] <= record["target"]),
            ]
            for record in records
        ],
    )


def _audited(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== a creation with its audit line against the same without; medians of rounds compared one by one"
    head = ("", "limit", "with", "without", "with/without", "target", "")
    measures = (("creations a second", "{}_per_s", "ratio", ",.0f"), ("CPU ms each", "{}_cpu_ms", "cpu_ratio", ".3f"))
    yield table(
        head,
        [
            [
                f"{record['database']} {title}",
                *(format(record[key.format(name)], shown) for name in ("limit", "with", "without")),
                f"{record[ratio]:.2f}",
                f"≥ {record['target']}",
                verdict(record[ratio] >= record["target"]),
            ]
            for record in records
            for title, key, ratio, shown in measures
        ],
    )


def _tree(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== the tree of organisations against SQL written by hand, in one process"
    head = ("", "units", "limit/s", "ours/s", "ours/limit", "target", "")
    yield table(
        head,
        [
            [
                f"{record['database']} {record['title']}",
                f"{record['units']:,}",
                f"{record['limit_per_s']:,.0f}",
                f"{record['ours_per_s']:,.0f}",
                f"{record['ratio']:.2f}",
                f"≥ {record['target']}",
                verdict(record["ratio"] >= record["target"]),
            ]
            for record in records
        ],
    )


def _toggles(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    keys = ("plugins", "switched_s", "converged_s", "stall_ms", "collector_ms")
    for record in records:
        target, last = record["target"], record["last"]
        yield f"== {record['database']}: plugins of 20 entities switched on one by one, {last['nodes']} node(s)"
        head = ("plugins", "switched s", "all nodes s", "longest stall ms", "longest collection ms")
        points = record["points"]
        shown = [point for point in points if point["plugins"] % 10 == 1 or point is points[-1]]
        yield table(head, [[str(point[key]) for key in keys] for point in shown])
        longest = max(points, key=lambda point: point["stall_ms"])
        yield f"longest stall of all: {longest['stall_ms']} ms, at plugin {longest['plugins']}"
        yield f"plugin {last['plugins']} after a boot with all the others:"
        for key, unit in (("converged_s", "s"), ("stall_ms", "ms")):
            reached = verdict(last[key] <= target[key])
            yield f"  {key.partition('_')[0]} {last[key]} {unit}, target ≤ {target[key]:g} {unit}: {reached}"


def _boot(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== boot and memory of an embedded server"
    head = ("", "migrate s", "boot s", "resident MB", "without files", "peak MB", "target", "")
    yield table(
        head,
        [
            [
                f"{record['database']}, {record['plugins']} plugins",
                *(str(record[key]) for key in ("migrate_s", "boot_s", "rss_mb", "own_mb", "peak_mb")),
                f"< {record['target']['rss_mb']}",
                verdict(record["rss_mb"] < record["target"]["rss_mb"]),
            ]
            for record in records
        ],
    )


def _timers(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== timers of cases that come due in one minute, handled by one worker"
    head = ("", "open cases", "timers", "seconds", "a second", "target s", "")
    yield table(
        head,
        [
            [
                record["database"],
                f"{record['cases']:,}",
                f"{record['timers']:,}",
                f"{record['seconds']:.1f}",
                f"{record['timers'] / record['seconds']:,.0f}",
                f"< {record['target']}",
                verdict(record["seconds"] < record["target"]),
            ]
            for record in records
        ],
    )


def _by_hand(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "== cases against SQL written by hand, in one process in turns; medians of rounds compared one by one"
    head = ("", "limit/s", "ours/s", "limit CPU ms", "ours CPU ms", "ours/limit", "lowest", "highest", "target", "")
    yield table(
        head,
        [
            [
                f"{record['database']} {record['part']} {record['title']}",
                *(f"{record[f'{name}_per_s']:,.0f}" for name in ("limit", "ours")),
                *(f"{record[f'{name}_cpu_ms']:.3f}" for name in ("limit", "ours")),
                f"{record['ratio']:.2f}",
                *(f"{end(record['rounds']):.2f}" for end in (min, max)),
                f"≥ {record['target']}",
                verdict(record["ratio"] >= record["target"]),
            ]
            for record in records
        ],
    )


LINES: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Iterator[str]]] = {
    "race": _race,
    "audited": _audited,
    "restricted": _restricted,
    "tree": _tree,
    "toggles": _toggles,
    "boot": _boot,
    "timers": _timers,
    "submit": _by_hand,
    "inbox": _by_hand,
}
