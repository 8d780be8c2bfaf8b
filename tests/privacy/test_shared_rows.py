"""A row about two people is in the data of both: told to both, closed by either, erased for one without the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.store.privacy_tables import DATA_CATALOGUE
from core.store.statement import statement
from tests.privacy.conftest import VILLAGE, Town, opened
from tests.privacy.folders import VISIT
from tests.privacy.test_consent_on_writes import CREATE, UPDATE, writing
from tests.privacy.test_consents import GRANT, WITHDRAW, version
from tests.privacy.test_lookers import looked
from tests.privacy.test_minors import AUDITOR, REPORT, YEAR
from tests.privacy.test_my_data import ERASE, EXPORT, HISTORY, PREVIEW, SECRET, sections, values
from tests.privacy.test_proxies import born_years_ago, linked

BOTH = VISIT.replace("subject: person", "subject: [person, helper]").replace(
    "  case_no:", "  helper: {type: ref, title: 陪同人, to: core.person}\n  case_no:"
)
VISITS = "{ visitingVisits { nodes { phone feeling } } }"
LYING = (
    "SELECT version, CAST(person_id AS text), CAST(helper_id AS text), phone, feeling, deleted_at FROM visiting_visit"
)
PAIR = ("马大妈", "马儿子")


@pytest.fixture
def pair(database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with opened(database_place, tmp_path, monkeypatch, visit=BOTH) as town:
        for name in PAIR:
            town.named(name)
        yield town


def visit(town: Town, person: str = "马大妈", helper: str | None = "马儿子", **given: Any) -> str:
    """As it lies, so that nobody is asked for consent."""
    whom = {"person_id": town.people[person], "helper_id": town.people[helper] if helper else None}
    return town.insert("visiting.visit", **whom, **given)


def erased(town: Town, name: str, id: str) -> tuple[list[str], bool, dict[str, str]]:
    made = town.data(ERASE, town.citizen(name), e="visiting.visit", id=id)["r"]
    return made["erased"], made["removed"], {hold["field"]: hold["reason"] for hold in made["holds"]}


def test_both_see_and_take_it_away_and_the_other_is_told(pair: Town) -> None:
    pair.person("路人")
    visit(pair, phone="13800000001", feeling="腿疼")
    told = {name: len(looked(pair, pair.citizen(name))) for name in PAIR}
    for name in PAIR:
        mine = sections(pair, pair.citizen(name))["visiting.visit"]
        assert values(mine) == {
            "person": pair.people["马大妈"], "helper": pair.people["马儿子"], "phone": "13800000001", "feeling": "腿疼",
        }  # fmt: skip
        exported = json.loads(pair.data(EXPORT, pair.citizen(name), f="JSON")["exportMyData"])
        [section] = [s for s in exported["sections"] if s["entity"] == "visiting.visit"]
        assert section["rows"][0]["values"]["feeling"] == "腿疼"
    assert "visiting.visit" not in sections(pair, pair.citizen("路人"))
    for name in PAIR:
        lines = looked(pair, pair.citizen(name))
        assert len(lines) == told[name] + 2
        assert [(line["who"], line["action"]) for line in lines[:2]] == [
            ("其他群众账号", "导出"),
            ("其他群众账号", "查看"),
        ]


def test_a_look_at_nothing_personal_of_the_other_is_not_told(pair: Town) -> None:
    visit(pair)
    before = looked(pair, pair.citizen("马儿子"))
    assert set(values(sections(pair, pair.citizen("马大妈"))["visiting.visit"])) == {"person", "helper"}
    assert looked(pair, pair.citizen("马儿子")) == before


def test_reads_downloads_and_writes_are_told_to_both_in_one_line(pair: Town) -> None:
    her = pair.citizen("马大妈")
    photo = pair.upload(her)
    visit(pair, phone="13800000001", photo=photo)
    for name in PAIR:
        pair.data(GRANT, pair.citizen(name), p="visiting.visit", v=version(pair, her))
    told = {name: looked(pair, pair.citizen(name)) for name in PAIR}
    pair.data("{ visitingVisits { nodes { phone } } }", pair.visitor)
    assert pair.server.client.get(f"/files/{photo}", headers=pair.server.headers(pair.visitor)).status_code == 200
    pair.create("visiting.visit", person=pair.people["马大妈"], helper=pair.people["马儿子"], wish="理发")
    for name in PAIR:
        lines = looked(pair, pair.citizen(name))
        new = lines[: len(lines) - len(told[name])]
        assert [(line["action"], line["fields"]) for line in new] == [
            ("登记", ["走访对象", "陪同人", "预约的服务"]), ("查看", ["照片"]), ("查看", ["联系电话"]),
        ]  # fmt: skip
    for action, field in (("read", "phone"), ("read", "photo"), ("create", "person,helper,wish")):
        text = (
            "SELECT COUNT(*) FROM tb_audit_subject s JOIN tb_audit a ON a.lane = s.lane AND a.number = s.number "
            f"WHERE a.entity = 'visiting.visit' AND a.action = '{action}' AND a.fields = '{field}'"
        )
        assert pair.fetch(text) == [(2,)]


def test_consent_of_one_is_not_consent_of_both(pair: Town) -> None:
    her, son = pair.citizen("马大妈"), pair.citizen("马儿子")
    visit(pair, feeling="腿疼")
    closed = {"visitingVisits": {"nodes": [{"phone": None, "feeling": None}]}}
    pair.data(GRANT, her, p="visiting.visit", v=version(pair, her))
    assert pair.data(VISITS, pair.visitor) == closed
    pair.data(GRANT, son, p="visiting.visit", v=version(pair, son))
    assert pair.data(VISITS, pair.visitor)["visitingVisits"]["nodes"][0]["feeling"] == "腿疼"
    pair.data(WITHDRAW, son, p="visiting.visit")
    assert pair.data(VISITS, pair.visitor) == closed


def test_a_row_that_names_one_of_them_needs_that_one_only_and_one_of_nobody_stays_closed(pair: Town) -> None:
    son = pair.citizen("马儿子")
    pair.data(GRANT, son, p="visiting.visit", v=version(pair, son))
    pair.insert("visiting.visit", helper_id=pair.people["马儿子"], feeling="独自")
    pair.insert("visiting.visit", feeling="无人")
    found = pair.data(VISITS, pair.visitor)["visitingVisits"]["nodes"]
    assert sorted(str(node["feeling"]) for node in found) == ["None", "独自"]


def test_what_rests_on_consent_is_written_with_the_word_of_each(pair: Town) -> None:
    her, son = pair.citizen("马大妈"), pair.citizen("马儿子")
    given = {"personId": pair.people["马大妈"], "helperId": pair.people["马儿子"], "feeling": "好"}
    for one in (her, son):
        assert pair.code(CREATE, writing(pair), i=given) == "CONSENT_REQUIRED"
        assert pair.fetch(LYING) == []
        pair.data(GRANT, one, p="visiting.visit", v=version(pair, one))
    id = pair.data(CREATE, writing(pair), i=given)["made"]["id"]
    pair.data(WITHDRAW, son, p="visiting.visit")
    assert pair.code(UPDATE, writing(pair), id=id, v=1, p={"feeling": "差"}) == "CONSENT_REQUIRED"
    assert [(row[0], row[4]) for row in pair.fetch(LYING)] == [(1, "好")]


def test_a_guardian_of_one_does_not_speak_for_the_other(pair: Town) -> None:
    pair.person("小马", born=born_years_ago(8))
    linked(pair, "马儿子", "小马")
    father = pair.citizen("马儿子", roles=writing(pair).roles | {"visiting_parent"}, division=VILLAGE)
    given = {"personId": pair.people["小马"], "helperId": pair.people["马大妈"], "feeling": "好"}
    assert pair.code(CREATE, father, i=given) == "CONSENT_REQUIRED"
    assert pair.fetch(LYING) == []
    # The ward by the guardian's rule, himself as himself.
    assert pair.data(CREATE, father, i={**given, "helperId": pair.people["马儿子"]})["made"]["id"]


@pytest.mark.parametrize("child", ["person", "helper"])
@pytest.mark.parametrize(("days", "is_child"), [(-1, True), (0, False)])
def test_one_child_among_them_makes_it_a_childs_row(pair: Town, child: str, days: int, is_child: bool) -> None:
    pair.person("小马", born=born_years_ago(14, days))
    other = {"person": "helper", "helper": "person"}[child]
    whom = {child: pair.people["小马"], other: pair.people["马大妈"]}
    pair.create("visiting.visit", **whom, phone="13912345678")
    [listed] = pair.data(VISITS, pair.visitor)["visitingVisits"]["nodes"]
    assert listed["phone"] == ("139****5678" if is_child else "13912345678")
    assert ("13912345678" in str(pair.fetch("SELECT phone FROM visiting_visit"))) == (not is_child)


def test_a_second_person_found_out_to_be_a_child_seals_the_row(pair: Town) -> None:
    pair.person("小马", born=born_years_ago(8))
    id = pair.create("visiting.visit", person=pair.people["马大妈"], phone="13912345678")
    assert pair.fetch("SELECT phone FROM visiting_visit") == [("13912345678",)]
    pair.data(UPDATE, writing(pair), id=id, v=1, p={"helperId": pair.people["小马"]})
    assert "13912345678" not in str(pair.fetch("SELECT phone FROM visiting_visit"))


def test_erasing_for_one_takes_the_name_and_leaves_the_other_the_record(pair: Town) -> None:
    id = visit(pair, feeling="腿疼")
    assert erased(pair, "马儿子", id) == (["陪同人"], False, {"feeling": "shared"})
    assert pair.fetch(LYING) == [(2, pair.people["马大妈"], None, None, "腿疼", None)]
    assert pair.people["马儿子"] not in str(pair.fetch(HISTORY))
    assert "visiting.visit" not in sections(pair, pair.citizen("马儿子"))
    assert values(sections(pair, pair.citizen("马大妈"))["visiting.visit"])["feeling"] == "腿疼"
    # Now it is hers alone.
    assert erased(pair, "马大妈", id) == (["近况"], True, {})
    [(made, person, helper, phone, feeling, deleted)] = pair.fetch(LYING)
    assert (made, person, helper, phone, feeling) == (3, None, None, None, None)
    assert deleted is not None


def test_the_name_leaves_the_history_of_a_row_made_by_the_writer(pair: Town) -> None:
    for name in PAIR:
        pair.data(GRANT, pair.citizen(name), p="visiting.visit", v=version(pair, pair.citizen(name)))
    whom = {"person": pair.people["马大妈"], "helper": pair.people["马儿子"]}
    id = pair.create("visiting.visit", **whom, feeling="腿疼", illness=SECRET)
    assert pair.people["马儿子"] in str(pair.fetch(HISTORY))
    pair.data(WITHDRAW, pair.citizen("马儿子"), p="visiting.visit")
    assert erased(pair, "马儿子", id)[0] == ["陪同人"]
    history = str(pair.fetch(HISTORY))
    assert pair.people["马儿子"] not in history
    assert pair.people["马大妈"] in history
    assert "腿疼" in history


def test_what_the_law_keeps_keeps_the_name(pair: Town) -> None:
    id = visit(pair, phone="13800000001", feeling="腿疼")
    before = pair.fetch(LYING), pair.fetch(HISTORY)
    held = {"phone": "legal_duty", "feeling": "shared"}
    for name in PAIR:
        assert erased(pair, name, id) == ([], False, held)
    assert (pair.fetch(LYING), pair.fetch(HISTORY)) == before
    [told] = [h for h in pair.data(PREVIEW, pair.citizen("马儿子"), e="visiting.visit", id=id)["r"]["holds"]
              if h["reason"] == "shared"]  # fmt: skip
    assert told["text"] == "这条记录同时也是另一个人的，内容为其保存；没有别的保留原因时，抹去的是您与它的联系"
    assert told["until"] is None


def test_who_stands_on_both_sides_is_one_person(pair: Town) -> None:
    id = visit(pair, helper="马大妈", feeling="腿疼")
    assert len(sections(pair, pair.citizen("马大妈"))["visiting.visit"]["rows"]) == 1
    assert erased(pair, "马大妈", id) == (["近况"], True, {})
    assert [row[1:3] for row in pair.fetch(LYING)] == [(None, None)]


def test_a_file_of_both_stays_for_the_other(pair: Town) -> None:
    her = pair.citizen("马大妈")
    photo = pair.upload(her)
    id = visit(pair, photo=photo)
    assert erased(pair, "马儿子", id) == (["陪同人"], False, {"photo": "shared"})
    assert pair.server.client.get(f"/files/{photo}", headers=pair.server.headers(her)).status_code == 200


def test_a_row_about_two_children_is_one_row_of_the_report(pair: Town) -> None:
    for index in range(6):
        pair.person(f"小孩{index}", born=born_years_ago(8))
    for first in (0, 2, 4):
        visit(pair, f"小孩{first}", f"小孩{first + 1}", feeling="好")
    report = pair.data(REPORT, AUDITOR, y=YEAR)["minorsReport"]
    [line] = [line for line in report["lines"] if line["subject"] == "visiting.visit 走访关怀"]
    assert (line["children"], line["count"]) == (6, 3)


def test_both_are_found_when_the_plugin_is_gone_and_as_earlier_versions_wrote_it_down(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database_place, tmp_path, monkeypatch, visit=BOTH) as town:
        for name in PAIR:
            town.named(name)
        visit(town, feeling="腿疼")
    with opened(database_place, tmp_path, monkeypatch, visiting=False) as town:
        for name in PAIR:
            town.named(name)
            assert values(sections(town, town.citizen(name))["visiting.visit"])["feeling"] == "腿疼"
        town.run(write_as_before, town)
        assert values(sections(town, town.citizen("马大妈"))["visiting.visit"])["feeling"] == "腿疼"
        assert "visiting.visit" not in sections(town, town.citizen("马儿子"))


async def write_as_before(town: Town) -> None:
    """The catalogue's row of a time when a row was about one person."""
    database = town.host.database
    [(raw,)] = await database.fetch("SELECT document FROM tb_data_catalogue WHERE id = 'visiting.visit'")
    now = database.dialect.load(DATA_CATALOGUE.column("document"), raw)
    [way, _] = now.pop("ways")
    now["entity"].pop("subjects")
    old = {**now, "path": way, "entity": {**now["entity"], "subject": "person"}}
    text = "UPDATE tb_data_catalogue SET document = {document}, hash = {hash} WHERE id = {id}"
    async with database.transaction() as tx:
        await tx.execute(
            *statement(database.dialect, DATA_CATALOGUE, text, document=old, hash="before", id="visiting.visit")
        )
