"""How many rows, under which parents, with which system values."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

from core.demo.build import Block, build_rows
from core.demo.generators import Run
from core.demo.row import Group, Row


def villages(count: int) -> Run:
    run = Run(county="640522", people=1000, seed=3)
    rows = [Row(None, {"id": f"v{n}", "division": f"64052210020{n}", "is_real": n != 1}) for n in range(count)]
    run.groups["villages"] = Group(rows)
    return run


def build(run: Run, **spec: Any) -> list[Row]:
    return build_rows(Block("homes", "x.home", spec), run, 0)


def per_village(rows: list[Row]) -> Counter[str]:
    return Counter(row.up.values["id"] for row in rows if row.up)


def test_a_ratio_is_split_unevenly_and_leaves_nobody_out() -> None:
    rows = build(villages(4), over="villages", ratio=0.3)
    found = per_village(rows)
    assert len(rows) == 300
    assert len(found) == 4
    assert len(set(found.values())) > 1


def test_each_first_and_only_choose_parents() -> None:
    run = villages(4)
    assert per_village(build(run, over="villages", each=2)) == {"v0": 2, "v1": 2, "v2": 2, "v3": 2}
    assert per_village(build(run, over="villages", first=2, each=2)) == {"v0": 2, "v1": 2}
    assert per_village(build(run, over="villages", only={"is_real": True})) == {"v0": 1, "v2": 1, "v3": 1}
    assert all(1 <= count <= 3 for count in per_village(build(run, over="villages", each=[1, 3])).values())


def test_a_row_takes_the_division_of_its_parent_or_of_the_county() -> None:
    run = villages(2)
    assert [row.values["division"] for row in build(run, over="villages")] == ["640522100200", "640522100201"]
    assert [row.values["division"] for row in build(run)] == ["640522000000"]


def test_the_division_comes_from_the_declared_ref() -> None:
    run = villages(2)
    spec = {"fields": {"village": {"ref": "villages", "match": {"id": "wanted"}}}, "let": {"wanted": "v1"}}
    (row,) = build_rows(Block("homes", "x.home", spec, "village"), run, 0)
    assert row.values["division"] == "640522100201"


def test_ids_are_version_7_of_the_time_of_entry_and_follow_each_other() -> None:
    rows = build(villages(3), over="villages", each=3)
    ids = [row.values["id"] for row in rows]
    assert ids == sorted(ids)
    assert len(set(ids)) == 9
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id) for id in ids)
    entered = datetime.fromisoformat(rows[0].values["created_at"])
    assert int(ids[0].replace("-", "")[:12], 16) == int(entered.timestamp() * 1000)


def test_the_first_child_is_written_into_its_parent() -> None:
    run = villages(2)
    rows = build(run, over="villages", each=3, first_child="head")
    assert [village.values["head"] for village in run.groups["villages"].rows] == [
        rows[0].values["id"],
        rows[3].values["id"],
    ]


def test_another_block_does_not_change_this_one() -> None:
    one, two = villages(3), villages(3)
    build_rows(Block("other", "x.other", {"over": "villages", "each": 5}), two, 0)
    spec = {"over": "villages", "ratio": 0.05, "fields": {"size": {"integer": [1, 100]}}}
    assert [r.values for r in build(one, **spec)] == [r.values for r in build(two, **spec)]
