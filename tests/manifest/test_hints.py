"""What an author reads after the mistakes beginners make: in Chinese, and with the right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.folders import GOOD, read

BLOCK = "alpha/entities/block.yaml"


@pytest.mark.parametrize(
    ("appended", "message", "hint"),
    [
        ("x-a：1\n", "YAML 语法有误：这里应有一个冒号", "第 7 行用了全角冒号“：”，改成半角冒号加一个空格"),
        ("x:\n\t- 1\n", "YAML 语法有误：这个字符不能开头", "缩进只用空格，不用制表符"),
        ("x: [1, 2\n", "YAML 语法有误：方括号里缺少逗号，或方括号没有闭合", "检查缩进、冒号后的空格和引号"),
        ("group_min: 1\n", "group_min 不能小于 2", "统计里少于这么多行的组不显示"),
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
