"""The real application with the small plugin of tests/cases, spoken to by the committed operations."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from core.plugins import discovery
from core.settings import ROOT
from tests.api.servers import Server, running
from tests.cases.conftest import COUNTY, ELSEWHERE, TOWN, VILLAGE, Office
from tests.cases.folders import ACCESS, write_works
from tests.cases.timed import TEXTS
from tests.conftest import POSTGRES, needed
from tests.places import PREPARED

OPERATIONS = ROOT / "graphql" / "operations"
T = TypeVar("T")
REPAIR = """service: repair
title: 市政设施报修
versions:
  - version: 1
    effective_from: 2020-01-01
    entity: report
    workflow: repair
    form: report
    project_type: 承诺件
    promise: {value: 3, unit: WD}
    legal: {value: 20, unit: WD, basis: 行政许可法第四十二条}
    audience: [person]
    channels: [app, window]
    real_name: 2
    topics: [市政, 住房]
    synonyms: [井盖坏了, 路灯不亮]
    summary: 报修市政设施（{kind}）
    on_site_times: 0
    preconditions:
      - {when: 'kind != "tree"', message: 树木请找园林部门}
    materials:
      - {id: paper, title: 房产证明, need: optional, source: government, material_type: 复印件, page_num: 1}
    fee: {is_fee: false}
    faq: [{question: 多久来修？, answer: 三个工作日内}]
    elements: {transact_addr: 政务大厅 3 号窗口, transact_time: 工作日 08:30–18:00}
"""


CLERK = """  - {role: window_clerk, entity: report, can: [read, create], where: "under(division, me.division)"}
  - {role: hotline_agent, entity: report, can: [read, create], where: "under(division, me.division)"}
"""


@dataclass
class Hall:
    server: Server
    office: Office

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **named: Any) -> T:
        """In the loop of the application."""

        async def call() -> T:
            return await function(*args, **named)

        assert self.server.client.portal is not None
        return self.server.client.portal.call(call)

    def data(self, operation: str, who: str = "", **variables: Any) -> Any:
        """The answer of the one root field of a committed operation."""
        answer = self.post(operation, who, **variables)
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    def post(self, operation: str, who: str = "", **variables: Any) -> Any:
        text = (OPERATIONS / f"{operation}.graphql").read_text("utf-8")
        return self.server.post(text, self.office[who] if who else None, **variables)

    def error(self, operation: str, who: str = "", **variables: Any) -> tuple[str, str]:
        """Code and message of the refusal."""
        error = self.post(operation, who, **variables)["errors"][0]
        return error["extensions"]["code"], error["message"]

    def problems(self, operation: str, who: str = "", **variables: Any) -> list[tuple[list[Any], str]]:
        found = self.post(operation, who, **variables)["errors"][0]["extensions"]["problems"]
        return [(problem["path"], problem["id"]) for problem in found]

    def count(self, *tables: str) -> list[int]:
        return self.run(self.office.count, *tables)


@contextmanager
def hall(backend: str, folder: Path, **more: str) -> Iterator[Hall]:
    write_works(folder / "manifests", services__repair=REPAIR, access=ACCESS + CLERK, **TEXTS, **more)
    with (
        pytest.MonkeyPatch.context() as patch,
        PREPARED.place(needed(POSTGRES) if backend == "postgres" else "", folder) as (url, schema),
    ):
        patch.setattr(discovery, "IN_TREE", ROOT / "manifests" / "core")
        with running(folder, schema=schema, database_url=url, manifests=(folder / "manifests",)) as server:
            found = Hall(server, Office(server.app.doors.host))
            found.run(_move_in, found.office)
            yield found


async def _move_in(office: Office) -> None:
    for name in ("马大妈", "王大爷"):
        await office.citizen(name)
    await office.member("派遣员", "works_desk")
    await office.member("负责人", "works_chief")
    await office.member("甲", "works_crew", VILLAGE)
    await office.member("乙", "works_crew", TOWN)
    await office.member("丙", "works_crew", ELSEWHERE, "供排水公司")
    await office.member("值班长", "duty_leader", COUNTY, "指挥中心")
    await office.member("县领导", "county_leader", COUNTY, "县政府")
    await office.member("窗口", "window_clerk", COUNTY, "政务大厅")
    await office.member("外村窗口", "window_clerk", ELSEWHERE, "政务大厅")
    await office.member("话务员", "hotline_agent", COUNTY, "热线中心")
