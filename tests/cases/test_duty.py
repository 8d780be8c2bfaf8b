"""The roster: filled by hand and by file, asked by people and by the engine, which prefers who is on duty by night."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from tongban_sdk.errors import InvalidInputError, PermissionDeniedError

from core.api.compose import Composer
from core.api.documents import TrustedDocuments
from core.api.duty_roots import duty_roots
from core.api.execution import Execution, GraphQLRequest
from core.exchange.importing import Parts, import_rows
from core.read import Reader
from core.settings import ROOT
from tests.cases.conftest import COUNTY, TOWN, VILLAGE, Office, opened
from tests.cases.folders import CREW
from tests.cases.test_turns import START, Now, at, now
from tests.cases.timed import TEXTS

NIGHT = START + timedelta(hours=12)
ROSTER = CREW.replace("order: [distance, load]", "order: [duty, distance]")
__all__ = ["now"]


class Desk(Office):
    async def shift(self, who: str, begins: datetime, ends: datetime, by: str = "乡镇", **more: Any) -> str:
        generation = self.host.generation
        row = {"staff": self[who].staff, "org_unit": self[who].org, "starts_at": iso(begins), "ends_at": iso(ends)}
        entity = generation.world.entities["core.duty_shift"]
        return (await generation.writer.create(self[by], entity, {**row, **more})).id


def iso(at: datetime) -> str:
    return at.isoformat()


@pytest.fixture
async def desk(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Now
) -> AsyncIterator[Desk]:
    async with opened(database_place, tmp_path, monkeypatch, dispatch__crew=ROSTER, **TEXTS) as office:
        desk = Desk(office.host)
        await desk.citizen("马大妈")
        await desk.member("派遣员", "works_desk")
        await desk.member("负责人", "works_chief")
        for name in ("甲", "乙"):
            await desk.member(name, "works_crew", VILLAGE if name == "甲" else TOWN)
        for name in ("值班长", "副值班长"):
            await desk.member(name, "duty_leader", COUNTY, "指挥中心")
        await desk.member("乡镇", "street_admin", COUNTY, "镇政府")
        yield desk


async def offers(desk: Desk) -> list[tuple[str, str]]:
    case = await desk.act("派遣员", await desk.report(), "assign")
    names = {actor.staff: name for name, actor in desk.people.items()}
    return [(names[one["staff"]], one["reason"]) for one in (await desk.task("派遣员", case)).candidates or []]


async def test_outside_working_hours_who_is_on_duty_is_asked_first(desk: Desk, now: Now) -> None:
    await desk.shift("乙", START - timedelta(hours=1), NIGHT + timedelta(hours=9))
    await desk.shift("甲", START - timedelta(days=2), START - timedelta(days=1))
    assert [name for name, _ in await offers(desk)] == ["甲", "乙", "负责人"]
    now.go(NIGHT)
    assert (await offers(desk))[:2] == [
        ("乙", "按“井盖”，正在值班，在办 0 件，同乡镇（街道）"), ("甲", "按“井盖”，在办 1 件，同村（社区）")
    ]  # fmt: skip
    now.go(NIGHT + timedelta(hours=9))
    assert next(name for name, _ in await offers(desk)) == "甲"


async def test_the_leader_on_duty_hears_of_late_cases(desk: Desk, now: Now) -> None:
    case = await desk.report(service="timed")
    _, late, ticket = await at(desk, "escalate")
    await desk.shift("副值班长", late - timedelta(hours=1), late + timedelta(hours=12), duty="leader")
    now.go(late)
    await desk.cases.firing.run_all()
    assert [found.number for found in await desk.cases.watched(desk["副值班长"])] == [case.number]
    assert await desk.cases.watched(desk["值班长"]) == []
    await desk.shift("值班长", ticket - timedelta(hours=1), ticket + timedelta(hours=1), duty="leader")
    now.go(ticket)
    await desk.cases.firing.run_all()
    assert [found.number for found in await desk.cases.watched(desk["值班长"])] == [case.number]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_file_fills_the_roster_or_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    generation = desk.host.generation
    parts = Parts(desk.host.database, generation.world, generation.access, generation.writer, desk.host.vault)
    people = {row[1]: row[0] for row in await desk.fetch("SELECT account, name FROM core_staff")}
    head, unit = "org_unit,staff,duty,starts_at,ends_at,phone\n", "U0"
    lines = [
        f"{unit},{people[who]},officer,2026-09-0{day}T18:00:00+08:00,2026-09-0{day + 1}T08:00:00+08:00,0955-4012345\n"
        for day, who in enumerate(("甲", "乙", "甲"), 1)
    ]

    async def load(*rows: str) -> Any:
        path = tmp_path / "roster.csv"
        path.write_text(head + "".join(rows), "utf-8")
        entity = generation.world.entities["core.duty_shift"]
        return await import_rows(parts, desk["乡镇"], entity, path, max_bytes=100_000)

    twice = await load(*lines, lines[0].replace("T18:00", "T20:00"))
    assert [(fault.line, fault.id) for fault in twice.faults] == [(5, "period.overlap")]
    assert await desk.count("core_duty_shift") == [0]
    assert (await load(*lines)).created == 3
    assert await desk.count("core_duty_shift") == [3]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_who_is_on_duty_and_what_was_handed_over(desk: Desk) -> None:
    before = await desk.shift("甲", START, NIGHT, phone="0955-4012345")
    await desk.shift("乙", NIGHT, NIGHT + timedelta(hours=10), duty="leader")
    generation, host = desk.host.generation, desk.host
    entity, shown = generation.world.entities["core.duty_shift"], generation.world
    with pytest.raises(InvalidInputError):
        await desk.shift("乙", NIGHT - timedelta(hours=1), NIGHT + timedelta(hours=1))
    # Whoever leads and whoever was on duty may hand over; others may not write into the roster.
    await desk.shift("值班长", START, NIGHT, by="乡镇")
    with pytest.raises(PermissionDeniedError):
        await desk.shift("甲", NIGHT, NIGHT + timedelta(hours=1), by="甲")
    await generation.writer.update(desk["乡镇"], entity, before, 1, {"handover": "三号泵停用"})
    schema = await Composer((duty_roots(),))(shown, {})
    reader = Reader(shown, generation.access, host.vault, host.audit)
    reader.use(schema._schema, host.database.dialect)
    facts = {"world": shown, "access": generation.access, "reader": reader, "schema": schema, "number": 1}
    execution = Execution(
        SimpleNamespace(generation=SimpleNamespace(**facts), database=host.database, audit=host.audit),  # type: ignore[arg-type]
        TrustedDocuments(), "dev",
    )  # fmt: skip

    async def ask(who: str, moment: datetime) -> Any:
        text = (ROOT / "graphql" / "operations" / "on_duty.graphql").read_text("utf-8")
        variables = {"unit": desk.units["市政局"], "at": moment.astimezone(UTC).isoformat()}
        return orjson.loads(await execution.answer(GraphQLRequest(text, variables=variables), desk[who]))

    found = (await ask("乡镇", NIGHT))["data"]["onDuty"]
    assert [(s["staffName"], s["duty"], s["phone"]) for s in found["shifts"]] == [("乙", "leader", None)]
    assert (found["handedOver"]["staffName"], found["handedOver"]["handover"]) == ("甲", "三号泵停用")
    assert (await ask("乡镇", START - timedelta(hours=1)))["data"]["onDuty"] == {"shifts": [], "handedOver": None}
    refused = (await ask("派遣员", NIGHT))["errors"][0]
    assert refused["extensions"]["code"] == "PERMISSION_DENIED"
