"""One's own data through the API: whole, over running, disabled and removed plugins, to take away and to erase."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tongban_sdk import Actor

from core.privacy.export import readable
from tests.privacy.conftest import Town, opened
from tests.privacy.test_consents import GRANT, WITHDRAW, version

MINE = """query($ward: ID) { myData(ward: $ward) {
  plugin pluginTitle pluginState entity title hasMore rows { id deleted values { field title level value text } }
} }"""
EXPORT = "mutation($f: ExportFormat!, $w: ID) { exportMyData(format: $f, ward: $w) }"
PREVIEW = """query($e: String!, $id: ID!, $w: ID) { r: myDataErasure(entity: $e, id: $id, ward: $w) {
  erased removed holds { field reason basis purpose until text }
} }"""
ERASE = """mutation($e: String!, $id: ID!, $w: ID) { r: eraseMyData(entity: $e, id: $id, ward: $w) {
  erased removed holds { field reason until }
} }"""
SECRET = "高血压三级"


def visit(town: Town, name: str = "马大妈", **values: object) -> str:
    given = {"phone": "13800000001", "feeling": "腿疼", "illness": SECRET, "wish": "理发", **values}
    return town.create("visiting.visit", person=town.people[name], **given)


def sections(town: Town, actor: Actor, **variables: object) -> dict[str, dict[str, Any]]:
    return {s["entity"]: s for s in town.data(MINE, actor, **variables)["myData"]}


def values(section: dict[str, Any]) -> dict[str, Any]:
    [row] = section["rows"]
    return {v["field"]: v["value"] for v in row["values"]}


def test_she_sees_everything_in_clear_and_nobody_elses(town: Town) -> None:
    visit(town)
    visit(town, "马儿子", illness="胃炎")
    mine = sections(town, town.citizen("马大妈"))
    assert set(mine) == {"core.person", "visiting.visit"}
    assert values(mine["visiting.visit"]) == {
        "person": town.people["马大妈"], "phone": "13800000001", "feeling": "腿疼", "illness": SECRET, "wish": "理发",
    }  # fmt: skip
    assert values(mine["core.person"])["birth_date"] == "1950-03-02"
    assert (mine["visiting.visit"]["pluginTitle"], mine["visiting.visit"]["pluginState"]) == ("走访", "running")
    assert SECRET not in json.dumps(town.fetch("SELECT illness FROM visiting_visit"), ensure_ascii=False)


def test_who_is_not_known_or_somebody_else_sees_nothing(town: Town) -> None:
    visit(town)
    her, son = town.citizen("马大妈"), town.citizen("马儿子")
    assert town.code(MINE) == "NOT_AUTHENTICATED"
    assert town.code(MINE, dataclasses.replace(her, real_name=1)) == "REAL_NAME_REQUIRED"
    assert town.code(MINE, son, ward=town.people["马大妈"]) == "PERMISSION_DENIED"


def test_a_delegate_sees_the_scopes_only_and_nothing_personal(town: Town) -> None:
    visit(town)
    son = dataclasses.replace(
        town.citizen("马儿子"), person=town.people["马大妈"], agent=town.people["马儿子"], delegation="d",
        scopes=("visiting",), roles=frozenset({"anonymous", "delegate"}),
    )  # fmt: skip
    mine = sections(town, son)
    assert set(mine) == {"visiting.visit"}
    # Rules say what of L3 he sees where; this page follows none.
    assert set(values(mine["visiting.visit"])) == {"person"}
    assert town.code(EXPORT, son, f="JSON") == "PERMISSION_DENIED"
    assert sections(town, dataclasses.replace(son, scopes=("nothing",))) == {}


@pytest.mark.parametrize("fate", ["off", "removed"])
def test_data_of_plugins_that_are_gone_is_found_exported_and_erased(
    database_place: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    with opened(database_place, tmp_path, monkeypatch) as town:
        town.named("马大妈")
        id = visit(town, phone=None, wish=None)
        if fate == "off":
            town.run(town.host.registry.set_state, "visiting", "off")
            find_export_erase(town, id, fate)
    if fate == "removed":
        with opened(database_place, tmp_path, monkeypatch, visiting=False) as town:
            town.named("马大妈")
            find_export_erase(town, id, fate)


def find_export_erase(town: Town, id: str, fate: str) -> None:
    her = town.citizen("马大妈")
    assert "visiting" not in town.host.generation.world.plugins
    mine = sections(town, her)["visiting.visit"]
    assert (mine["pluginState"], mine["title"], values(mine)["illness"]) == (fate, "走访记录", SECRET)
    exported = json.loads(town.data(EXPORT, her, f="JSON")["exportMyData"])
    assert exported["schema"] == "tongban.my-data/1"
    [section] = [s for s in exported["sections"] if s["entity"] == "visiting.visit"]
    assert section["rows"][0]["values"]["illness"] == SECRET
    assert [p["basisTitle"] for p in section["purposes"]] == ["本人同意", "法定职责", "办理本人申请的事项"]
    assert town.data(ERASE, her, e="visiting.visit", id=id)["r"] == {
        "erased": ["近况", "病情"], "removed": True, "holds": [],
    }  # fmt: skip
    assert "visiting.visit" not in sections(town, her)
    assert town.fetch("SELECT person_id, feeling, illness FROM visiting_visit") == [(None, None, None)]


def test_the_page_shows_titles_and_escapes(town: Town) -> None:
    visit(town, feeling="<script>alert(1)</script>")
    page = town.data(EXPORT, town.citizen("马大妈"), f="HTML")["exportMyData"]
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "走访记录" in page
    assert SECRET in page
    assert "http" not in page
    assert "<h1>马大妈的个人信息</h1>" in page


def test_the_page_begins_with_oneself_and_speaks_plainly(town: Town) -> None:
    her = town.citizen("马大妈")
    visit(town)
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    me = str(her.person)
    source = {"person": me, "entity": "core.person", "row_id": me, "field": "name", "method": "shared"}
    words = {"core.person": ("实有人口", {"name": "姓名"})}
    fields = {name: {"type": "string"} for name in source} | {"on": {"type": "date"}}
    told = dict(readable(source | {"on": "2026-01-02"}, fields, words))
    assert told == {"entity": "实有人口", "field": "姓名", "method": "shared", "on": "2026年01月02日"}
    page = town.data(EXPORT, her, f="HTML")["exportMyData"]
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert (headings[:2], headings[-1]) == (["目录", "基本情况"], "同意和撤回")
    assert re.search(r"<li>\d{4}年\d\d月\d\d日 \d\d:\d\d　同意：走访关怀</li>", page)
    assert me not in page


def test_who_is_known_by_a_phone_only_is_told_the_way(town: Town) -> None:
    stranger = dataclasses.replace(town.citizen("马大妈"), person=None, real_name=1)
    (error,) = town.server.post("{ myData { entity } }", stranger)["errors"]
    assert error["extensions"]["code"] == "REAL_NAME_REQUIRED"
    assert "verifyIdentity" in error["extensions"]["hint"]
    assert "actAsPerson" in error["extensions"]["hint"]


def test_what_the_law_keeps_is_said_and_stays(town: Town) -> None:
    her, id = town.citizen("马大妈"), visit(town)
    before = town.fetch("SELECT version, phone, feeling, wish FROM visiting_visit")
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    told = town.data(PREVIEW, her, e="visiting.visit", id=id)["r"]
    assert (told["erased"], told["removed"]) == ([], False)
    reasons = {hold["field"]: hold["reason"] for hold in told["holds"]}
    assert reasons == {
        "phone": "legal_duty", "feeling": "consent_stands", "illness": "consent_stands", "wish": "contract",
    }  # fmt: skip
    [phone] = [hold for hold in told["holds"] if hold["field"] == "phone"]
    assert phone["until"] in phone["text"]
    assert "法定职责" in phone["text"]
    assert town.data(ERASE, her, e="visiting.visit", id=id)["r"]["erased"] == []
    assert town.fetch("SELECT version, phone, feeling, wish FROM visiting_visit") == before


def test_after_withdrawal_consented_values_leave_row_and_history_and_the_rest_stays(town: Town) -> None:
    her, id = town.citizen("马大妈"), visit(town)
    town.data(GRANT, her, p="visiting.visit", v=version(town, her))
    town.data(WITHDRAW, her, p="visiting.visit")
    made = town.data(ERASE, her, e="visiting.visit", id=id)["r"]
    assert (made["erased"], made["removed"]) == (["近况", "病情"], False)
    assert town.fetch("SELECT version, phone, feeling, illness, deleted_at FROM visiting_visit") == [
        (2, "13800000001", None, None, None)
    ]
    history = [json.loads(a) if isinstance(a, str) else a for (a,) in town.fetch(HISTORY)]
    assert history[0]["feeling"] is None
    assert history[0]["illness"] is None
    assert history[0]["phone"] == "13800000001"
    assert history[1] == {"feeling": None, "illness": None}
    assert town.fetch("SELECT why FROM tb_history WHERE version = 2 AND entity = 'visiting.visit'") == [
        ("按本人申请删除个人信息；历史中的值已一并清除",)
    ]


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = "SELECT after FROM tb_history WHERE entity = 'visiting.visit' ORDER BY version"


def test_an_open_case_holds_everything_until_it_is_done(town: Town) -> None:
    her, id = town.citizen("马大妈"), visit(town, phone=None, wish=None, case_no="VI1")
    clerk = town.clerk("张三")
    town.insert("core.case_participant", case_no="VI1", staff_id=clerk.staff, role="owner", since=LONG_AGO)
    told = town.data(ERASE, her, e="visiting.visit", id=id)["r"]
    assert [(hold["field"], hold["reason"], hold["until"]) for hold in told["holds"]] == [
        ("feeling", "open_case", None), ("illness", "open_case", None),
    ]  # fmt: skip
    assert town.fetch("SELECT feeling FROM visiting_visit") == [("腿疼",)]


def test_a_file_goes_with_its_field_unless_another_row_holds_it(town: Town) -> None:
    her = town.citizen("马大妈")
    photo, shared = town.upload(her), town.upload(her, b"%PDF-1.4 other")
    first = visit(town, phone=None, wish=None, photo=photo)
    second = visit(town, phone=None, wish=None, photo=shared)
    visit(town, "马儿子", photo=shared)
    for id in (first, second):
        assert town.data(ERASE, her, e="visiting.visit", id=id)["r"]["removed"] is True
    files = dict(town.fetch("SELECT CAST(id AS text), sha256 FROM core_file"))
    assert files[photo] is None
    assert files[shared] is not None
    # Without its key nobody reads it in a copy of the disk either.
    assert town.fetch("SELECT CAST(id AS text) FROM tb_content") == [(shared,)]
    assert town.server.client.get(f"/files/{photo}", headers=town.server.headers(her)).status_code == 404


def test_erasing_what_is_not_hers_changes_nothing(town: Town) -> None:
    id, son = visit(town), town.citizen("马儿子")
    before = town.fetch("SELECT version, feeling FROM visiting_visit")
    assert town.code(ERASE, son, e="visiting.visit", id=id) == "NOT_FOUND"
    assert town.code(ERASE, son, e="visiting.visit", id="no-id") == "NOT_FOUND"
    assert town.code(ERASE, son, e="core.grid", id=id) == "NOT_FOUND"
    assert town.code(ERASE, son, e="visiting.visit", id=id, w=town.people["马大妈"]) == "PERMISSION_DENIED"
    assert town.code(ERASE, None, e="visiting.visit", id=id) == "NOT_AUTHENTICATED"
    assert town.fetch("SELECT version, feeling FROM visiting_visit") == before
