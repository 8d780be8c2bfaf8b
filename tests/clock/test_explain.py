"""The sentences, and shares of a limit as dates."""

from __future__ import annotations

import pytest

from core.clock import Stretch, due, explain, share
from core.manifest.cases import Limit, Unit
from tests.clock.shipped import HAIYUAN, at, calendar, local

PERMIT = "行政许可法第四十二条"


@pytest.mark.parametrize(
    ("start", "value", "unit", "sentence"),
    [
        (
            "2026-11-23", 20, "WD",
            "自2026年11月23日受理次日起算20个工作日，扣除周末8天，应于2026年12月21日17:30前办结（行政许可法第四十二条）",
        ),
        (
            "2026-09-24", 20, "WD",
            "自2026年9月24日受理次日起算20个工作日，扣除中秋节3天、国庆节7天、周末5天，计入调休上班1天，"
            "应于2026年10月29日17:30前办结（行政许可法第四十二条）",
        ),
        (
            "2026-08-03", 60, "D",
            "自2026年8月3日受理次日起算60日，期满日2026年10月2日为国庆节，顺延至其后首个工作日，"
            "应于2026年10月8日17:30前办结（行政许可法第四十二条）",
        ),
        (
            "2026-12-10", 20, "WD",
            "自2026年12月10日受理次日起算20个工作日，扣除周末8天、元旦1天，应于2027年1月8日17:30前办结"
            "（行政许可法第四十二条），该日期为暂定：2027年的放假安排尚未公布，公布后重新计算",
        ),
        (
            "2026-11-28", 1, "WD",
            "自2026年11月28日受理次日起算1个工作日，扣除周末1天，应于2026年11月30日17:30前办结（行政许可法第四十二条）",
        ),
        (
            "2026-11-23", 24, "H",
            "自2026年11月23日10:00受理时起算24小时，应于2026年11月24日10:00前办结（行政许可法第四十二条）",
        ),
        (
            "2026-11-27", 8, "WH",
            "自2026年11月27日10:00受理时起算8工作时，扣除周末2天，应于2026年11月30日11:00前办结（行政许可法第四十二条）",
        ),
        (
            "2026-11-23", 1, "MON",
            "自2026年11月23日受理次日起算1个月，应于2026年12月23日17:30前办结（行政许可法第四十二条）",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_all(start: str, value: int, unit: Unit, sentence: str) -> None:
    limit = Limit(value, unit, basis=PERMIT)
    assert explain(due(calendar(), at(start), limit), limit, at(start)) == sentence


@pytest.mark.parametrize(
    ("unit", "value", "told"),
    [
        ("WD", 20, "期间因等待补正暂停3个工作日，期间因当事人原因暂停1个工作日，应于2026年12月25日17:30前答复"),
        ("D", 30, "期间因等待补正暂停5日，期间因当事人原因暂停1日，应于2026年12月29日17:30前答复"),
        ("WH", 40, "期间因等待补正暂停21工作时，期间因当事人原因暂停7工作时，应于2026年12月4日17:00前答复"),
        ("H", 100, "期间因等待补正暂停120小时，期间因当事人原因暂停24小时，应于2026年12月3日14:00前答复"),
    ],
)
def test_pauses_are_told_by_reason(unit: Unit, value: int, told: str) -> None:
    pauses = [
        Stretch(at("2026-11-26"), at("2026-12-01"), "等待补正"),
        Stretch(at("2026-12-02"), at("2026-12-03"), "当事人原因"),
    ]
    limit, start = Limit(value, unit), at("2026-11-23")
    sentence = explain(due(calendar(), start, limit, pauses), limit, start, pauses, event="收到申请", deed="答复")
    assert told in sentence
    assert sentence.startswith("自2026年11月23日")
    assert "收到申请" in sentence


def test_an_unverified_festival_is_named() -> None:
    limit, start = Limit(5, "WD"), at("2026-05-25")
    sentence = explain(due(calendar(HAIYUAN), start, limit), limit, start)
    assert sentence.endswith("应于2026年6月3日18:30前办结，该日期为暂定：古尔邦节的放假日期待核实")
    assert "古尔邦节2天" in sentence


@pytest.mark.parametrize(
    ("percent", "moment"),
    [
        (0, "2026-11-23 10:00"),
        # 5.5 duty hours of the first day and 20 days of 7: 145.5 in all.
        (50, "2026-12-07 14:45"),
        (80, "2026-12-15 16:24"),
        (100, "2026-12-21 17:30"),
        (200, "2027-01-20 16:00"),
    ],
)
def test_shares_of_working_days_pass_in_duty_hours(percent: int, moment: str) -> None:
    assert local(share(calendar(), at("2026-11-23"), Limit(20, "WD"), percent)) == moment


def test_a_pause_over_the_end_of_duty_moves_no_share() -> None:
    pause = Stretch(at("2026-12-21"), at("2026-12-21", "20:00"))
    limit, start = Limit(20, "WD"), at("2026-11-23")
    for percent in (50, 100):
        assert share(calendar(), start, limit, percent, [pause]) == share(calendar(), start, limit, percent)


def test_a_share_waits_for_the_pause() -> None:
    pause = Stretch(at("2026-11-24", "08:30"), at("2026-11-26", "08:30"))
    limit, start = Limit(20, "WD"), at("2026-11-23")
    paused = share(calendar(), start, limit, 80, [pause])
    assert local(paused) == "2026-12-17 16:24"
    assert local(share(calendar(), start, Limit(10, "H"), 80)) == "2026-11-23 18:00"
