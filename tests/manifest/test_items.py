"""Service items as they are kept, put in force, coded and shown to a province."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import orjson
import pytest

from core.manifest.cases import Service
from core.manifest.items import service_of, standard_elements, version_on
from core.manifest.model import Plugin
from core.manifest.task_codes import TaskCode, read_task_code, task_code_faults
from core.settings import ROOT
from tests.manifest.folders import read
from tests.manifest.items import CODE, ITEMS


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    reading = read(tmp_path, ITEMS)
    assert reading.problems == []
    return reading.world().plugins["grid"]


@pytest.fixture
def versions(plugin: Plugin) -> tuple[Service, ...]:
    return plugin.services["repair"]


def test_a_version_ends_the_day_before_the_next(versions: tuple[Service, ...]) -> None:
    assert [(s.version, s.effective_from, s.effective_to) for s in versions] == [
        (1, date(2026, 1, 1), date(2026, 12, 31)),
        (2, date(2027, 1, 1), None),
    ]


@pytest.mark.parametrize(
    ("day", "version"), [("2025-12-31", 0), ("2026-01-01", 1), ("2026-12-31", 1), ("2027-01-01", 2), ("2099-01-01", 2)]
)
def test_one_version_is_in_force_on_a_day(versions: tuple[Service, ...], day: str, version: int) -> None:
    found = version_on(versions, date.fromisoformat(day))
    assert (found.version if found else 0) == version


def test_a_stored_definition_gives_its_model_back(versions: tuple[Service, ...]) -> None:
    for service in versions:
        stored = orjson.loads(orjson.dumps(service.document))
        again = service_of(stored, "grid")
        assert again.document == service.document
        for name in set(Service.__dataclass_fields__) - {"place", "document", "effective_to"}:
            assert getattr(again, name) == getattr(service, name), name


def test_what_a_province_wants_to_see(plugin: Plugin, versions: tuple[Service, ...]) -> None:
    assert standard_elements(versions[0], plugin.department) == {
        "task_name": "住宅报修", "task_code": CODE, "catalog_code": "002000000001", "task_type": "20",
        "dept_code": "1164052201TEA0063E", "dept_name": "测试部门", "project_type": "承诺件", "server_type": ["自然人"],
        "limit_scene_num": 0, "limit_scene_explain": "无", "is_online": True, "plan_effective_date": "2026-01-01",
        "plan_cancel_date": "2026-12-31", "approve_type": "前审后批", "is_fee": True, "anticipate_day": 20,
        "anticipate_type": "工作日", "promise_day": 3, "promise_type": "工作日", "use_level": ["县级"],
        "result_name": "维修回执批文", "finish_type": "出文办结", "is_pay_online": True,
    }  # fmt: skip
    second = standard_elements(versions[1], plugin.department)
    assert second["approve_type"] == "即审即办"
    assert second["server_type"] == ["自然人", "法人"]
    assert not {"task_code", "plan_cancel_date", "promise_day", "anticipate_day"} & second.keys()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("11440300MB2C94128A3440217281000", TaskCode("11440300MB2C94128A", "3", "44", "02", "17281000")),
        ("11440300MB2D0722464440127028001", TaskCode("11440300MB2D072246", "4", "44", "01", "27028001")),
    ],
)
def test_published_codes_are_read_and_sound(text: str, code: TaskCode) -> None:
    assert read_task_code(text) == code
    assert task_code_faults(code, {"catalog_code": text[19:], "dept_code": text[:18], "task_type": code.type}) == []


@pytest.mark.parametrize("text", ["", CODE[:-1], f"{CODE}0", CODE.replace("40020", "4002X"), CODE.lower()])
def test_other_texts_are_no_codes(text: str) -> None:
    assert read_task_code(text) is None


def test_every_part_that_is_wrong_is_told() -> None:
    code = read_task_code("11440300MB2C94128B7449917281000")
    assert code is not None
    faults = task_code_faults(code, {"catalog_code": "440217281000", "task_handle_item_code": f"{CODE}01"})
    assert [fault[:12] for fault in faults] == [
        "前 18 位 11440", "第 19 位 7 不是行", "基本编码 4499172", "后 12 位 44991", "业务办理项编码 1164",
    ]  # fmt: skip


def test_the_example_of_the_page_is_sound(tmp_path: Path) -> None:
    page = (ROOT / "docs/forms.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```yaml\n# (\w+/\w+\.yaml)\n(.*?)```", page, re.DOTALL))
    assert set(blocks) == {"services/repair.yaml", "forms/repair.yaml"}
    given = {**ITEMS, **{f"grid/{name}": text for name, text in blocks.items()}}
    assert read(tmp_path, given).problems == []
