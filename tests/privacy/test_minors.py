"""The yearly report counts, hides small counts, and holds no personal value."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tongban_sdk import Actor

from core.privacy.minors import FLOOR, to_csv
from tests.privacy.conftest import Town
from tests.privacy.test_consents import GRANT, version
from tests.privacy.test_proxies import born_years_ago, linked

REPORT = "query($y: Int!) { minorsReport(year: $y) }"
AUDITOR = Actor(id="aud", kind="admin", roles=frozenset({"anonymous", "audit_admin"}))
YEAR = (datetime.now(UTC) + timedelta(hours=8)).year
VISIT = "visiting.visit 走访关怀"


def part(report: Any, name: str) -> list[dict[str, Any]]:
    return [line for line in report["lines"] if line["part"] == name]


def test_counts_per_purpose_hide_fewer_than_five_children(town: Town) -> None:
    for index in range(FLOOR):
        name = f"小孩{index}"
        town.person(name, born=born_years_ago(8))
        if index < FLOOR - 1:
            town.create("visiting.visit", person=town.people[name], illness="花粉过敏")
    report = town.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]
    held = {(line["subject"], line["data"]): (line["children"], line["count"]) for line in part(report, "held")}
    assert held[VISIT, "走访：走访记录"] == ("<5", "-")
    assert held["core.population 人口基础信息管理", "共性底座：实有人口"] == (5, 5)
    assert (report["children"], report["dueBy"]) == (5, f"{YEAR + 1}-01-31")
    town.create("visiting.visit", person=town.people["小孩4"], illness="花粉过敏")
    report = town.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]
    [line] = [line for line in part(report, "held") if line["subject"] == VISIT]
    assert (line["children"], line["count"], line["basis"], line["retention"]) == (5, 5, "consent", "P2Y")
    text = json.dumps(report, ensure_ascii=False)
    assert "花粉" not in text
    assert not any(id in text for id in town.people.values())


def test_consents_of_guardians_and_refused_reads_are_counted(town: Town) -> None:
    father = town.citizen("马儿子")
    for index in range(FLOOR):
        name = f"小孩{index}"
        town.person(name, born=born_years_ago(8))
        linked(town, "马儿子", name)
        town.data(GRANT, father, p="visiting.visit", v=version(town, father), w=town.people[name])
    report = town.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]
    [consent] = part(report, "consent")
    assert (consent["subject"], consent["who"], consent["action"], consent["children"]) == (
        "visiting.visit", "监护人", "grant", 5,
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(to_csv(report).removeprefix("\ufeff"))))
    assert [row["children"] for row in rows if row["part"] == "consent"] == ["5"]


def test_who_turned_fourteen_before_the_year_is_no_child_of_it(town: Town) -> None:
    town.person("元旦", born=datetime(YEAR - 14, 1, 1).date())
    town.person("次日", born=datetime(YEAR - 14, 1, 2).date())
    report = town.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]
    assert report["children"] == "<5"
    [line] = [line for line in part(report, "held") if line["data"] == "共性底座：实有人口"][:1]
    assert line["children"] == "<5"
    town.run(delete_person, town, "次日")
    assert town.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]["children"] == 0


async def delete_person(town: Town, name: str) -> None:
    async with town.host.database.transaction() as tx:
        await tx.execute(f"DELETE FROM core_person WHERE id = '{town.people[name]}'")


def test_only_the_auditor_reads_it(town: Town) -> None:
    assert town.code(REPORT, None, y=YEAR) == "NOT_AUTHENTICATED"
    assert town.code(REPORT, town.visitor, y=YEAR) == "PERMISSION_DENIED"
    assert town.code(REPORT, AUDITOR, y=YEAR + 1) == "INVALID_INPUT"
