"""What an author reads after the mistakes beginners make: in Chinese, and with the right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.cases_fees import FEES, WITH_FEES, fee
from tests.manifest.folders import GOOD, read

BLOCK = "alpha/entities/block.yaml"


@pytest.mark.parametrize(
    ("appended", "message", "hint"),
    [
        ("x-a：1\n", "YAML 语法有误：这里应有一个冒号", "第 7 行用了全角冒号“：”，改成半角冒号加一个空格"),
        ("x:\n\t- 1\n", "YAML 语法有误：这个字符不能开头", "缩进只用空格，不用制表符"),
        ("x: [1, 2\n", "YAML 语法有误：方括号里缺少逗号，或方括号没有闭合", "检查缩进、冒号后的空格和引号"),
        ("group_min: 1\n", "group_min 不能小于 2", "统计里少于这么多行的组不显示"),
        ("group_min: 5个\n", "group_min 应为整数，现在是文字 5个", "只写数，不加引号和单位"),
        ("x: {a: #1565c0}\n", "YAML 语法有误：这里缺少一个值；以 # 开头的值要加引号", "检查缩进、冒号后的空格和引号"),
    ],
)
def test_a_slip_in_a_file_is_told_in_chinese(tmp_path: Path, appended: str, message: str, hint: str) -> None:
    reading = read(tmp_path, {**GOOD, BLOCK: GOOD[BLOCK] + appended})
    assert [(p.message, p.hint) for p in reading.problems][:1] == [(message, hint)]


@pytest.mark.parametrize(("kind", "meant"), [("int", "integer"), ("str", "string"), ("bool", "boolean")])
def test_a_shortened_word_is_completed(tmp_path: Path, kind: str, meant: str) -> None:
    broken = GOOD[BLOCK] + f"  short: {{type: {kind}, title: 短}}\n"
    hints = [p.hint for p in read(tmp_path, {**GOOD, BLOCK: broken}).problems if p.id == "manifest.not-allowed"]
    assert hints == [f"是不是想写 {meant}？"]


def test_a_text_where_keys_belong_is_told_the_keys(tmp_path: Path) -> None:
    plugin = GOOD["alpha/plugin.yaml"].replace("version: {name: 0.1.0, code: 1}", 'version: "0.1"')
    assert plugin != GOOD["alpha/plugin.yaml"]
    hints = [p.hint for p in read(tmp_path, {**GOOD, "alpha/plugin.yaml": plugin}).problems]
    assert hints[:1] == ["写成 {name: …, code: …}"]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "amount: cost",
            "amount: reporter.nane",
            "表达式有误：没有字段 reporter.nane（第 1 个字符）",
            "是不是想写 name？",
        ),
        (
            "amount: cost",
            "amount: reportr.name",
            "表达式有误：没有字段 reportr.name（第 1 个字符）",
            "是不是想写 reporter？",
        ),
        (
            "percent_per_day: 0.05",
            "percent_per_day: -1",
            "fees.compound.late_fee.percent_per_day 应大于 0",
            "每天百分之几",
        ),
    ],
)
def test_a_fee_is_told_what_was_meant(tmp_path: Path, old: str, new: str, message: str, hint: str) -> None:
    assert [(p.message, p.hint) for p in read(tmp_path, fee(FEES, old, new)).problems] == [(message, hint)]


def test_a_colour_is_told_how_it_is_written(tmp_path: Path) -> None:
    layers = "layers:\n  blocks: {title: 楼, entity: block, style: {colours: {open: blue}}}\n"
    assert "写成 '#2e7d32'：小写，加引号" in [
        p.hint for p in read(tmp_path, {**GOOD, "alpha/layers.yaml": layers}).problems
    ]


def test_a_list_where_names_belong_is_told_the_form(tmp_path: Path) -> None:
    found = read(tmp_path, {**WITH_FEES, FEES: "fees:\n  - title: 维修费\n"}).problems
    assert found[0].hint == "每一项写成 名称: …，前面不加 -"
