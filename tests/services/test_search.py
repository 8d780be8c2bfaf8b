"""Items are found by what people write: names, other names, first letters, sounds, and with a slip."""

from __future__ import annotations

import pytest

from core.services.readings import grams, plain, reading_of
from core.services.search import Index

TEXTS = [
    ("repair", 0, "住宅报修"), ("repair", 1, "修水管"), ("repair", 1, "漏水"), ("repair", 2, "住房"),
    ("residence", 0, "居住证明"), ("residence", 1, "开住址证明"), ("residence", 2, "证件"),
    ("rent", 0, "公租房申请"), ("rent", 2, "住房"), ("rent", 3, "给住房困难家庭的房子"),
    ("etc", 0, "ETC 通行卡补办"), ("housing", 0, "住房补贴"), ("music", 0, "乐器租借"),
]  # fmt: skip


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(TEXTS)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("报修", ["repair"]),
        ("我家漏水了怎么办", ["repair"]),
        ("居住证明", ["residence"]),
        ("zzbx", ["repair"]),
        ("jzzm", ["residence"]),
        ("JuZhu", ["residence"]),
        ("居主证明", ["residence"]),
        ("居民证明", ["residence"]),
        ("ｅｔｃ", ["etc"]),
        ("住房", ["housing", "rent", "repair"]),
        ("住房 申请", ["rent"]),
        ("yueqi", ["music"]),
        ("leqi", []),
        ("", []),
        ("！？", []),
        ("护照", []),
    ],
)
def test_what_people_write_finds_what_they_mean(index: Index, query: str, found: list[str]) -> None:
    assert index.find(query) == found


def test_titles_come_before_other_names_topics_and_summaries() -> None:
    texts = [("d", 3, "关于水表"), ("c", 2, "水表"), ("b", 1, "水表"), ("a", 0, "更换水表")]
    assert Index(texts).find("水表") == ["a", "b", "c", "d"]


def test_what_is_said_comes_before_what_only_sounds_alike() -> None:
    assert Index([("sound", 0, "诗词"), ("word", 3, "失辞")]).find("失辞") == ["word", "sound"]


def test_a_closer_title_comes_first() -> None:
    assert Index([("a", 0, "老年人乘车优待证补办"), ("b", 0, "优待证")]).find("优待证") == ["b", "a"]


def test_only_the_beginning_of_a_long_question_is_read(index: Index) -> None:
    assert index.find("报修" + "，" * 48 + " 居住证明") == ["repair"]


def test_texts_are_read_without_punctuation_and_case() -> None:
    assert plain(" ＡＢ（一）-c ") == "ab一c"
    reading = reading_of("重庆A1号")
    assert (reading.text, reading.initials, reading.syllables) == ("重庆a1号", "cqa1h", " chong qing a1 hao ")
    assert grams("居住证") == {"居", "住", "证", "居住", "住证"}


def test_only_the_first_words_are_looked_for(index: Index) -> None:
    assert index.find("住 房 补 贴 房 护照") == ["housing"]
