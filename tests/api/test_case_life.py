"""Cases through the API: filed, looked at, worked on; what is refused leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.cases.statistics import Count, told_of
from core.store.case_tables import CASE_RECORD
from core.store.database import Insert
from core.store.ids import uuid7
from tests.api.case_town import Hall, hall

REPAIR = "works.repair"
TABLES = ("works_report", "tb_case", "tb_task", "tb_case_step", "tb_case_record", "tb_idempotency")
NO_CASE = ("NOT_FOUND", "找不到这件办件")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def report(town: Hall, who: str = "马大妈", **more: Any) -> Any:
    return town.data("submit_case", who, service=REPAIR, values={"kind": "cover", "note": "井盖碎了"}, **more)


def act(town: Hall, who: str, number: str, action: str, reason: str = "", **values: Any) -> Any:
    version = town.data("case", who, number=number)["version"]
    return town.data("act_on_case", who, number=number, action=action, version=version, values=values, reason=reason)


def ids(entries: list[Any]) -> list[str]:
    return [entry["id"] for entry in entries]


def test_a_citizen_files_and_follows_a_case(town: Hall) -> None:
    filed = report(town)
    assert (filed["number"][:8], filed["version"], filed["service"], filed["title"]) == (
        "WK640522", 1, REPAIR, "市政设施报修",
    )  # fmt: skip
    assert (filed["state"], filed["stateTitle"], filed["phase"], filed["colour"]) == ("new", "已收到", "open", "GREEN")
    case = town.data("case", "马大妈", number=filed["number"])
    assert case["holders"] == ["县市政局"]
    assert case["dueSentence"] == filed["dueSentence"]
    assert "起算3个工作日" in case["dueSentence"]
    assert sum(day["isCounted"] for day in case["dueDays"]) == 3
    assert [(step["title"], step["state"], step["role"]) for step in case["timeline"]] == [
        ("提交申请", "已收到", "申请人")
    ]
    assert (case["tasks"], case["actions"]) == ([], [])
    values = {value["field"]: value["value"] for value in case["values"]}
    assert (values["kind"], values["note"], values["case_no"]) == ("cover", "井盖碎了", filed["number"])
    assert values["reporter"] == town.office["马大妈"].person
    # Her rules leave these out.
    assert not {"state", "result"} & values.keys()


def test_another_s_case_and_none_look_alike(town: Hall) -> None:
    number = report(town)["number"]
    before = town.count(*TABLES)
    step = {"number": number, "version": 1}
    for who in ("王大爷", "丙", ""):
        assert town.error("case", who, number=number) == NO_CASE
        assert town.error("case", who, number="WK000000000000000000") == NO_CASE
        assert town.error("act_on_case", who, action="assign", **step) == NO_CASE
        assert town.error("withdraw_case", who, **step) == NO_CASE
        assert town.error("supplement_case", who, **step) == NO_CASE
    assert town.error("comment_on_case", "丙", number=number, text="看看") == NO_CASE
    for who in ("马大妈", "王大爷", ""):
        assert town.error("comment_on_case", who, number=number, text="看看")[0] == "PERMISSION_DENIED"
    assert town.count(*TABLES) == before


def test_the_same_key_files_once(town: Hall) -> None:
    first = report(town, key="k-1")
    assert report(town, key="k-1")["number"] == first["number"]
    before = town.count(*TABLES)
    again = {"service": REPAIR, "values": {"kind": "lamp"}, "key": "k-1"}
    assert town.error("submit_case", "马大妈", **again) == ("CONFLICT", "同一个幂等键已用于另一个请求")
    assert town.count(*TABLES) == before


def test_all_that_is_wrong_is_said_and_nothing_is_left(town: Hall) -> None:
    before = town.count(*TABLES)
    values = {"kind": "road", "note": "长" * 201, "colour": "red"}
    found = town.problems("submit_case", "马大妈", service=REPAIR, values=values)
    assert sorted(path[1] for path, _ in found) == ["colour", "kind", "note"]
    assert town.problems("submit_case", "马大妈", service=REPAIR, values=[]) == [(["values"], "form.type")]
    refused = town.problems("submit_case", "马大妈", service=REPAIR, values={"kind": "tree"})
    assert refused == [(["service"], "apply.precondition")]
    assert town.error("submit_case", service=REPAIR, values={"kind": "lamp"})[0] == "NOT_AUTHENTICATED"
    window = {"service": REPAIR, "values": {"kind": "lamp"}, "channel": "window"}
    assert town.error("submit_case", "马大妈", **window) == ("PERMISSION_DENIED", "这个渠道由工作人员受理")
    assert town.count(*TABLES) == before


def test_a_filed_draft_is_gone(town: Hall) -> None:
    draft = town.data("save_draft", "马大妈", service=REPAIR, values={"kind": "lamp"})
    report(town, draft=draft["id"])
    assert town.data("my_drafts", "马大妈") == []


def test_my_cases_come_newest_first_a_page_at_a_time(town: Hall) -> None:
    numbers = [report(town, "王大爷")["number"] for _ in range(3)]
    page = town.data("my_cases", "王大爷", first=2)
    assert ([c["number"] for c in page["nodes"]], page["hasNextPage"]) == (numbers[:0:-1], True)
    rest = town.data("my_cases", "王大爷", first=2, after=page["endCursor"])
    assert ([c["number"] for c in rest["nodes"]], rest["hasNextPage"]) == ([numbers[0]], False)
    assert town.data("my_cases", "王大爷", which="CLOSED")["nodes"] == []
    assert town.error("my_cases")[0] == "NOT_AUTHENTICATED"
    assert town.error("my_cases", "王大爷", after="x") == ("INVALID_INPUT", "翻页标记无效")


def test_staff_take_a_case_to_its_end(town: Hall) -> None:
    number = report(town)["number"]
    case = town.data("case", "派遣员", number=number)
    assert ids(case["actions"]) == ["assign", "refuse", "correct"]
    assign = case["actions"][0]
    assert list(assign["schema"]["properties"]) == ["kind", "unit"]
    assert assign["ui"]["fields"]["kind"]["options"][0] == {"value": "cover", "title": "井盖"}
    assert (case["actions"][1]["needsReason"], case["stateTitle"]) == (True, "待派")
    (task,) = case["tasks"]
    assert (task["title"], task["roles"], task["status"], task["staff"]) == ("待派", ["派遣员"], "open", None)

    assert act(town, "派遣员", number, "assign")["state"] == "working"
    (task,) = town.data("case", "甲", number=number)["tasks"]
    assert (task["staff"], task["unit"], task["isMine"], task["status"]) == ("甲", "市政局", True, "open")
    assert task["reason"].startswith("按“井盖”")
    assert town.data("case", "马大妈", number=number)["holders"] == ["市政局"]

    assert act(town, "甲", number, "finish", result="换了新盖")["state"] == "checking"
    done = act(town, "负责人", number, "pass")
    assert (done["phase"], done["outcome"], done["colour"]) == ("done", "done", "NONE")
    case = town.data("case", "派遣员", number=number)
    assert [(s["seq"], s["title"], s["state"], s["role"], s["staff"]) for s in case["timeline"]] == [
        (1, "提交申请", "待派", "申请人", None), (2, "派单", "处理中", "派遣员", "派遣员"),
        (3, "完工", "待核查", "维修人员", "甲"), (4, "核查通过", "已办结", "负责人", "负责人"),
    ]  # fmt: skip
    assert case["timeline"][2]["fields"] == ["result"]
    assert (case["actions"], case["holders"], case["tasks"]) == ([], [], [])
    public = town.data("case", "马大妈", number=number)["timeline"]
    assert [(s["staff"], s["fields"]) for s in public] == [(None, [])] * 4


def test_a_step_in_an_old_version_is_a_conflict(town: Hall) -> None:
    number = report(town)["number"]
    act(town, "派遣员", number, "assign")
    before = town.count(*TABLES)
    late = {"number": number, "action": "refuse", "version": 1, "reason": "不归我们"}
    assert town.error("act_on_case", "派遣员", **late) == ("CONFLICT", "办件已有新的进展")
    late = {**late, "version": 2, "action": "fly"}
    assert town.error("act_on_case", "派遣员", **late) == ("NOT_FOUND", "没有这个办理步骤")
    assert town.count(*TABLES) == before


def test_the_applicant_supplements_what_is_missing(town: Hall) -> None:
    number = report(town)["number"]
    act(town, "派遣员", number, "correct", "请写明位置")
    case = town.data("case", "马大妈", number=number)
    assert (case["stateTitle"], case["phase"], case["dueAt"], case["dueDays"]) == ("请您补充", "paused", None, [])
    assert case["dueSentence"] == "因等待补正，办理时限暂停计算"
    assert (case["holders"], ids(case["actions"])) == (["申请人"], ["supplement"])
    assert [task["title"] for task in case["tasks"]] == ["待补正"]
    assert case["timeline"][-1]["reason"] == "请写明位置"
    wanted = {"number": number, "version": case["version"], "values": {"note": "东街 3 号"}, "key": "s-1"}
    assert town.data("supplement_case", "马大妈", **wanted)["state"] == "new"
    # Repeated: the same answer, no second step.
    assert town.data("supplement_case", "马大妈", **wanted)["version"] == case["version"] + 1
    del wanted["key"]
    assert town.error("supplement_case", "马大妈", **wanted)[0] == "CONFLICT"
    assert town.error("withdraw_case", "马大妈", number=number, version=3) == ("CONFLICT", "办件现在不能撤回")


def test_the_inbox_tells_what_is_to_do(town: Hall) -> None:
    filed = [report(town)["number"] for _ in range(2)]
    before = town.data("inbox_counts", "派遣员")
    todo = town.data("inbox", "派遣员", first=100)["nodes"]
    mine = {task["case"]: task["id"] for task in todo if task["case"] in filed}
    assert sorted(mine) == sorted(filed)
    (shown,) = [task for task in todo if task["case"] == filed[0]]
    assert (shown["serviceTitle"], shown["title"], shown["colour"]) == ("市政设施报修", "待派", "GREEN")
    outcomes = town.data("claim_tasks", "派遣员", ids=[*mine.values(), "x"])
    assert [(one["code"], bool(one["case"])) for one in outcomes] == [(None, True)] * 2 + [("NOT_FOUND", False)]
    after = town.data("inbox_counts", "派遣员")
    assert (after["todo"], after["doing"]) == (before["todo"] - 2, before["doing"] + 2)
    doing = town.data("inbox", "派遣员", box="DOING", first=100)["nodes"]
    assert {*mine.values()} <= {*ids(doing)}
    assert town.data("inbox", "派遣员", box="DOING", colour="PURPLE")["nodes"] == []
    assert town.data("inbox", "派遣员", box="DOING", service="works.auto")["nodes"] == []
    released = town.data("release_task", "派遣员", id=mine[filed[0]])
    assert [(task["status"], task["staff"]) for task in released["tasks"]] == [("open", None)]
    page = town.data("inbox", "派遣员", first=1)
    assert (len(page["nodes"]), page["hasNextPage"]) == (1, True)
    assert town.data("inbox", "派遣员", first=1, after=page["endCursor"])["nodes"][0] != page["nodes"][0]


def test_the_inbox_is_for_staff(town: Hall) -> None:
    for operation in ("inbox", "inbox_counts", "watched_cases"):
        assert town.error(operation, "马大妈") == ("PERMISSION_DENIED", "待办只对工作人员开放")
        assert town.error(operation)[0] == "PERMISSION_DENIED"


def test_a_batch_tells_of_each_step(town: Hall) -> None:
    numbers = [report(town)["number"] for _ in range(2)]
    steps = [{"number": number, "action": "assign", "version": 1} for number in numbers]
    steps.append({"number": numbers[0], "action": "refuse", "version": 1})
    outcomes = town.data("act_on_cases", "派遣员", steps=steps)
    assert [(one["code"], one["case"] and one["case"]["state"]) for one in outcomes] == [
        (None, "working"), (None, "working"), ("CONFLICT", None),
    ]  # fmt: skip
    assert (outcomes[2]["message"], outcomes[2]["hint"]) == ("办件已有新的进展", "请刷新后再办理")
    for operation, name in (("act_on_cases", "steps"), ("claim_tasks", "ids")):
        assert town.problems(operation, "派遣员", **{name: []}) == [([name], "case.batch")]


def test_colleagues_take_over_and_give_opinions(town: Hall) -> None:
    number = report(town)["number"]
    act(town, "派遣员", number, "assign")
    (task,) = town.data("case", "甲", number=number)["tasks"]
    town.data("claim_tasks", "甲", ids=[task["id"]])
    other = town.office["乙"].staff
    assert town.problems("transfer_task", "甲", id=task["id"], staff=other, reason=" ") == [(["reason"], "case.reason")]
    moved = town.data("transfer_task", "甲", id=task["id"], staff=other, reason="请乙去看")
    (task,) = moved["tasks"]
    assert (task["staff"], task["isMine"]) == ("乙", False)
    asked = town.data("countersign_task", "乙", id=task["id"], staff=town.office["负责人"].staff, question="要换吗")
    side = next(task for task in asked["tasks"] if task["title"].startswith("会签"))
    town.data("sign_task", "负责人", id=side["id"], agrees=True, opinion="换")
    assert ids(town.data("case", "乙", number=number)["tasks"]) == [task["id"]]
    town.data("comment_on_case", "乙", number=number, text="下午去")
    trail = town.data("case", "乙", number=number)["timeline"]
    assert [(s["title"], s["reason"]) for s in trail[-3:]] == [
        ("请求会签", "要换吗"), ("会签", "换"), ("备注", "下午去"),
    ]  # fmt: skip
    # The applicant hears nothing of it.
    assert [s["title"] for s in town.data("case", "马大妈", number=number)["timeline"]] == ["提交申请", "派单"]


def test_staff_keep_an_eye_on_cases(town: Hall) -> None:
    number = report(town)["number"]
    assert town.data("watch_case", "负责人", number=number) is True
    assert number in [case["number"] for case in town.data("watched_cases", "负责人")]
    assert town.data("watch_case", "负责人", number=number, on=False) is False
    assert number not in [case["number"] for case in town.data("watched_cases", "负责人")]


def test_votes_are_counted(town: Hall) -> None:
    filed = town.data("submit_case", "马大妈", service="works.vote", values={"kind": "lamp"})
    number = filed["number"]
    for who in ("甲", "乙"):
        version = town.data("case", who, number=number)["version"]
        found = town.data("vote_on_case", who, number=number, agrees=True, version=version)
    assert found["state"] == "agreed"


def record(town: Hall, number: int, channel: str, is_on_time: bool | None, division: str) -> Insert:
    at = datetime(2025, 3, 2, tzinfo=UTC)
    values = {
        "id": uuid7(), "number": f"WK{number:020}", "service": REPAIR, "task_code": None, "plugin_id": "works",
        "division": division, "org": None, "channel": channel, "filed_at": at,
        "closed_at": None if is_on_time is None else at, "outcome": None, "is_on_time": is_on_time, "returns": 1,
    }  # fmt: skip
    return Insert(CASE_RECORD, values)


def test_cases_are_counted_in_crowds(town: Hall) -> None:
    """9 by app, 6 by the web, 4 by hotline and 1 at a window in the county; 5 elsewhere."""
    channels = ["app"] * 9 + ["web"] * 6 + ["hotline"] * 4 + ["window"]
    rows = [record(town, n, name, [True, True, False, None][n % 4], "640522100203") for n, name in enumerate(channels)]
    rows += [record(town, 100 + n, "app", True, "110000000000") for n in range(5)]
    town.run(town.office.host.database.insert, rows)
    try:
        found = town.data("case_stats", "派遣员", by=["CHANNEL"], year=2025, month=3)
        assert [(one["channel"], one["isRest"], one["filed"]) for one in found] == [
            ("app", False, 9), ("web", False, 6), (None, True, 5),
        ]  # fmt: skip
        first = found[0]
        assert (first["closed"], first["limited"], first["onTime"], first["returns"]) == (7, 7, 5, 9)
        assert first["onTimePercent"] == 71.4
        (total,) = town.data("case_stats", "派遣员", by=[], year=2025, service=REPAIR)
        assert (total["filed"], total["closed"], total["onTime"], total["isRest"]) == (20, 15, 10, False)
        (item,) = town.data("case_stats", "派遣员", by=["SERVICE", "UNIT"], year=2025, plugin="works")
        assert (item["service"], item["serviceTitle"], item["unit"], item["filed"]) == (
            REPAIR, "市政设施报修", None, 20,
        )  # fmt: skip
        # Somebody else's division, another month, another application: nothing.
        assert town.data("case_stats", "丙", by=[], year=2025) == []
        assert town.data("case_stats", "派遣员", by=[], year=2025, month=12) == []
        assert town.data("case_stats", "派遣员", by=[], year=2025, plugin="core") == []
    finally:
        town.run(_forget, town)


async def _forget(town: Hall) -> None:
    async with town.office.host.database.transaction() as tx:
        await tx.execute("DELETE FROM tb_case_record WHERE number LIKE 'WK0000%'", [])


def test_one_small_group_takes_another_with_it() -> None:
    counts = [Count({"channel": name}, n, n, n, n, 0) for name, n in (("app", 9), ("web", 7), ("window", 3))]
    told = [(dict(count.key), count.filed) for count in told_of(counts)]
    assert told == [({"channel": "app"}, 9), ({}, 10)]
    assert told_of(counts[2:]) == []
    assert [count.filed for count in told_of(counts[:2])] == [9, 7]


def test_statistics_are_for_staff(town: Hall) -> None:
    for who in ("马大妈", ""):
        assert town.error("case_stats", who, by=[], year=2025)[0] == "PERMISSION_DENIED"
    for month in (0, 13):
        assert town.problems("case_stats", "派遣员", by=[], year=2025, month=month) == [(["month"], "statistics.span")]
    assert town.problems("case_stats", "派遣员", by=[], year=1999) == [(["year"], "statistics.span")]
