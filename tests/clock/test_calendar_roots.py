"""The calendar through the API: shown to everybody, changed by the system administrator after a preview."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.clock import Stretch
from core.clock.notices import NoticeDay, YearNotice
from core.clock.shipped import statutory
from core.manifest.cases import Limit
from core.plugins import discovery
from core.settings import ROOT
from tests.api.servers import ADMIN, RESIDENT, STAFF, Server, running
from tests.clock.rows import case_rows
from tests.clock.shipped import at

OPERATIONS = ROOT / "graphql" / "operations"
COUNTRY, HAIYUAN, BEIJING = "000000000000", "640522000000", "110000000000"
SOURCE = "国办发明电〔2026〕9号"
NOTICE: dict[str, Any] = {
    "division": COUNTRY, "year": 2027, "source": SOURCE,
    "days": [
        *({"day": str(day), "kind": "REST", "name": name} for day, name in statutory([2027]).items()),
        {"day": "2027-01-02", "kind": "REST", "name": "元旦"}, {"day": "2027-01-04", "kind": "REST", "name": "元旦"},
        {"day": "2027-01-09", "kind": "WORK"},
    ],
}  # fmt: skip
HOURS: dict[str, Any] = {
    "division": HAIYUAN, "since": "2026-11-01", "source": "海政办发〔2026〕1号",
    "seasons": [{"starts": "01-01", "title": "全年", "hours": [{"opens": "09:00", "closes": "16:00"}]}],
}  # fmt: skip
#: In the order they are filed: what moves with the notice, what is settled by it, and what it leaves alone.
CASES = [
    ("CM1", "2026-12-10", Limit(20, "WD"), ()),
    ("CM2", "2026-12-14", Limit(20, "WD"), (Stretch(at("2026-12-15"), at("2026-12-17"), "correction"),)),
    ("CM3", "2026-11-23", Limit(20, "WD"), ()),
    ("CM4", "2026-12-31", Limit(7, "H"), ()),
    ("CM5", "2026-12-29", Limit(6, "WH"), ()),
]


def text(name: str) -> str:
    return (OPERATIONS / f"{name}.graphql").read_text("utf-8")


@pytest.fixture
def begins_prepared() -> bool:
    return True


@pytest.fixture
def server(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(discovery, "IN_TREE", ROOT / "manifests" / "core")
    url, schema = database_place
    with running(tmp_path, schema=schema, database_url=url) as server:
        yield server


def run(server: Server, function: Any, *args: Any) -> Any:
    async def call() -> Any:
        return await function(*args)

    assert server.client.portal is not None
    return server.client.portal.call(call)


def host(server: Server) -> Any:
    return server.app.doors.host


def file_cases(server: Server) -> None:
    for number, start, limit, pauses in CASES:
        run(server, host(server).database.insert, case_rows(number, at(start), limit, pauses))
    run(server, host(server).database.insert, case_rows("CM6", at("2026-12-10"), Limit(20, "WD"), phase="done"))
    run(server, host(server).database.insert, case_rows("CM7", at("2026-12-10"), Limit(20, "WD"), division=BEIJING))


def everything(server: Server) -> list[Any]:
    tables = ("tb_calendar_day ORDER BY id", "tb_duty_hours ORDER BY id", "tb_calendar_state")
    return [[tuple(row) for row in run(server, host(server).database.fetch, f"SELECT * FROM {t}", [])] for t in tables]


def days_of(server: Server, since: str, to: str, division: str = "") -> Any:
    return server.data(text("calendar"), None, **{"from": since, "to": to, "division": division})["calendar"]


def moves(effect: Any) -> list[tuple[str, str, str, bool]]:
    return [(m["number"], m["was"][:16], m["at"][:16], m["isProvisional"]) for m in effect["moves"]]


def test_everybody_sees_days_hours_and_sentences(server: Server) -> None:
    days = server.data(text("calendar"), None, **{"from": "2026-10-07", "to": "2026-10-10", "division": HAIYUAN})[
        "calendar"
    ]
    assert [(d["day"], d["isWorking"], d["name"]) for d in days] == [
        ("2026-10-07", False, "国庆节"), ("2026-10-08", True, ""), ("2026-10-09", True, ""),
        ("2026-10-10", True, "调休上班"),
    ]  # fmt: skip
    winter = [{"opens": "08:30", "closes": "12:00"}, {"opens": "14:00", "closes": "18:00"}]
    assert [d["hours"] for d in days] == [[], winter, winter, winter]
    festival = days_of(server, "2026-05-26", "2026-05-28", HAIYUAN)
    assert [(d["name"], d["isProvisional"]) for d in festival] == [("", False), ("古尔邦节", True), ("古尔邦节", True)]
    tables = server.data(text("duty_hours"), division=HAIYUAN)["dutyHours"]
    assert [(t["since"], [s["title"] for s in t["seasons"]]) for t in tables] == [("2004-01-01", ["夏季", "冬季"])]
    start = "2026-11-23T10:00:00+08:00"
    told = server.data(text("explain_due"), value=20, unit="WD", start=start)["explainDue"]
    assert told["sentence"] == "自2026年11月23日次日起算20个工作日，扣除周末8天，应于2026年12月21日17:30前届满"
    assert (told["due"], told["isProvisional"], len(told["days"])) == ("2026-12-21T09:30:00.000Z", False, 29)


def test_what_is_asked_has_limits(server: Server) -> None:
    faults = {
        "{ explainDue(value: 0, unit: WD) { due } }": "calendar.value",
        "{ explainDue(value: 4, unit: Y) { due } }": "calendar.reach",
        '{ calendar(from: "2026-01-02", to: "2026-01-01") { day } }': "calendar.range",
        '{ calendar(from: "2026-01-01", to: "2027-03-01") { day } }': "calendar.range",
        '{ calendar(from: "2003-12-31", to: "2004-01-01") { day } }': "calendar.range",
    }
    for query, problem in faults.items():
        error = server.post(query)["errors"][0]["extensions"]
        assert (error["code"], error["problems"][0]["id"]) == ("INVALID_INPUT", problem)
    assert server.code("{ explainDue(value: 2000000000, unit: Y) { due } }") == "INVALID_INPUT"


def test_a_notice_is_previewed_then_set(server: Server) -> None:
    file_cases(server)
    before = everything(server)
    effect = server.data(text("preview_calendar"), ADMIN, input=NOTICE)["previewCalendar"]
    assert everything(server) == before
    # 4 January becomes a rest day, 9 January a working day; what was 暂定 is settled.
    expected = [
        ("CM1", "2027-01-08T10:00", "2027-01-09T10:00", False),
        ("CM2", "2027-01-14T10:00", "2027-01-14T10:00", False),
        ("CM7", "2027-01-08T09:30", "2027-01-09T09:30", False),
    ]
    assert (effect["version"], effect["count"], moves(effect)) == (1, 3, expected)

    assert server.data(text("set_calendar"), ADMIN, input=NOTICE, version=1) == {"setCalendar": 2}
    days = days_of(server, "2027-01-04", "2027-01-09")
    assert [d["isWorking"] for d in days] == [False, True, True, True, True, True]
    assert {d["isProvisional"] for d in days} == {False}
    assert days[0]["source"] == SOURCE
    chosen = "SELECT actor, entity, result, detail FROM tb_audit WHERE action = 'set_calendar'"
    lines = run(server, host(server).database.fetch, chosen, [])
    assert [tuple(line) for line in lines] == [
        ("adm", "tb_calendar_day", "ok", f"000000000000 2027年 {len(NOTICE['days'])}天：{SOURCE}")
    ]

    # Running cases are computed anew, until the engine says they are.
    clock = host(server).clock
    assert run(server, clock.unmoved) == 2
    assert [move.case.number for move in run(server, clock.moves)] == ["CM1", "CM2", "CM7"]
    run(server, clock.settle, 2)
    assert run(server, clock.unmoved) is None


def test_without_days_a_year_is_as_shipped_again(server: Server) -> None:
    before = everything(server)[0]
    server.data(text("set_calendar"), ADMIN, input=NOTICE, version=1)
    assert everything(server)[0] != before
    server.data(text("set_calendar"), ADMIN, input={**NOTICE, "days": []}, version=2)
    assert everything(server)[0] == before


def test_a_region_s_notice_moves_its_own_cases(server: Server) -> None:
    file_cases(server)
    days = [{"day": "2026-12-21", "kind": "REST", "name": "县庆"}]
    given = {"division": HAIYUAN, "year": 2026, "days": days, "source": "海政发〔2026〕1号"}
    effect = server.data(text("preview_calendar"), ADMIN, input=given)["previewCalendar"]
    assert moves(effect) == [
        ("CM1", "2027-01-08T10:00", "2027-01-11T10:00", True),
        ("CM2", "2027-01-14T10:00", "2027-01-15T10:00", True),
        ("CM3", "2026-12-21T10:00", "2026-12-22T10:00", False),
    ]


def test_duty_hours_are_previewed_then_set(server: Server) -> None:
    file_cases(server)
    effect = server.data(text("preview_duty_hours"), ADMIN, input=HOURS)["previewDutyHours"]
    # Seven hours a day, and days end at four.
    assert moves(effect) == [
        ("CM1", "2027-01-08T10:00", "2027-01-08T08:00", True),
        ("CM2", "2027-01-14T10:00", "2027-01-14T08:00", True),
        ("CM3", "2026-12-21T10:00", "2026-12-21T08:00", False),
        ("CM5", "2026-12-29T10:00", "2026-12-29T08:00", False),
    ]
    server.data(text("set_duty_hours"), ADMIN, input=HOURS, version=1)
    tables = server.data(text("duty_hours"), division=HAIYUAN)["dutyHours"]
    assert [(t["since"], t["source"]) for t in tables] == [
        ("2004-01-01", "unverified"), ("2026-11-01", "海政办发〔2026〕1号"),
    ]  # fmt: skip
    server.data(text("set_duty_hours"), ADMIN, input={**HOURS, "seasons": []}, version=2)
    assert len(server.data(text("duty_hours"), division=HAIYUAN)["dutyHours"]) == 1


def test_only_the_system_administrator_may(server: Server) -> None:
    before = everything(server)
    notice, hours = {"input": NOTICE}, {"input": HOURS}
    asked: dict[str, dict[str, Any]] = {
        "preview_calendar": notice, "set_calendar": {**notice, "version": 1},
        "preview_duty_hours": hours, "set_duty_hours": {**hours, "version": 1},
    }  # fmt: skip
    for name, variables in asked.items():
        codes = [server.code(text(name), actor, **variables) for actor in (None, RESIDENT, STAFF)]
        assert codes == ["NOT_AUTHENTICATED", "PERMISSION_DENIED", "PERMISSION_DENIED"]
    assert everything(server) == before


def test_a_wrong_notice_changes_nothing(server: Server) -> None:
    before = everything(server)
    error = server.post(text("set_calendar"), ADMIN, input={**NOTICE, "division": "64", "source": ""}, version=1)
    told = error["errors"][0]["extensions"]
    assert [problem["id"] for problem in told["problems"]] == ["calendar.division", "calendar.source"]
    assert server.code(text("set_calendar"), ADMIN, input=NOTICE, version=7) == "CONFLICT"
    assert everything(server) == before


def test_two_administrators_at_once(server: Server) -> None:
    clock, days = host(server).clock, statutory([2027])
    rests = [NoticeDay(day, "rest", name) for day, name in days.items()]
    notices = [YearNotice(COUNTRY, 2027, rests, f"第{number}号") for number in (1, 2)]

    async def both() -> list[Any]:
        return await asyncio.gather(*(clock.apply(ADMIN, n, 1) for n in notices), return_exceptions=True)

    results = run(server, both)
    assert sorted(type(result).__name__ for result in results) == ["ConflictError", "int"]
    sources = "SELECT DISTINCT source FROM tb_calendar_day WHERE division = '000000000000' AND year = 2027"
    assert len(run(server, host(server).database.fetch, sources, [])) == 1
    assert run(server, host(server).database.fetch_value, "SELECT version FROM tb_calendar_state", []) == 2
