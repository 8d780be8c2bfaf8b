"""YAML text: what plain words mean, where values stand, and no exception whatever comes in."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tongban_sdk.problems import Place

from core.manifest.document import Document
from core.manifest.yaml_reader import read_yaml


def parsed(text: str) -> Document:
    document, problems = read_yaml(text.encode(), "x.yaml", "m/x.yaml")
    assert problems == []
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("true", True), ("False", False),
        ("TRUE", True), ("tRUE", "tRUE"), ("null", None), ("~", None), ("", None), ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"), ("1:30", "1:30"), ("010", 10), ("0o10", 8), ("0x1F", 31),
        ("1_000", "1_000"), ("0b11", "0b11"), ("-7", -7), ("+7", 7), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
        ("0.1.0", "0.1.0"),
        ("1164052201TEA0063E", "1164052201TEA0063E"), ("P3Y", "P3Y"), ('"1"', "1"), ("'true'", "true"),
        ("-", None), ("=", "="), ("中文", "中文"), ("- ", [None]), ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
    ],
)  # fmt: skip
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    if text == "-":
        value = [None]
    found = parsed(f"a: {text}" if text not in ("-", "- ") else text)
    assert (found.value["a"] if text not in ("-", "- ") else found.value) == value
    if isinstance(value, bool | int | float):
        assert type(found.value["a"]) is type(value)


def test_every_value_and_key_has_its_place() -> None:
    document = parsed("a: 1\nfields:\n  phone: {type: phone, level: L3}\n  list:\n    - x\n    - {k: v}\n")
    assert document.place("fields", "phone", "level") == Place("m/x.yaml", 3, 31)
    assert document.key_place("fields", "phone") == Place("m/x.yaml", 3, 3)
    assert document.place("fields", "list", 1, "k") == Place("m/x.yaml", 6, 11)
    # What is not there stands where it is missed.
    assert document.place("fields", "phone", "gone") == Place("m/x.yaml", 3, 10)
    assert document.key_place("gone") == Place("m/x.yaml", 1, 1)


def test_places_count_characters_of_chinese_text() -> None:
    assert parsed("a: {标题: 中文, b: x}").place("a", "b") == Place("m/x.yaml", 1, 16)


def test_a_byte_order_mark_is_no_content() -> None:
    document, problems = read_yaml(b"\xef\xbb\xbfa: 1\n", "x.yaml", "x.yaml")
    assert problems == []
    assert document is not None
    assert document.value == {"a": 1}


def test_an_alias_is_the_value_of_its_anchor() -> None:
    document = parsed("a: &x {k: [1]}\nb: *x\n")
    assert document.value == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert document.place("b", "k") == Place("m/x.yaml", 1, 11)


def test_problems_that_leave_the_rest_readable_come_together() -> None:
    document, problems = read_yaml(b"a: 1\na: 2\n3: x\nb: .inf\nc: !t y\n", "x.yaml", "x.yaml")
    assert [(p.id, p.place.line) for p in problems] == [
        ("yaml.duplicate-key", 2), ("yaml.key-type", 3), ("yaml.number", 4), ("yaml.tag", 5),
    ]  # fmt: skip
    assert document is not None
    assert document.value == {"a": 1, "b": ".inf", "c": "y"}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "&a " + "[*a, " * 100_000,
        "a: &a " + "x" * 900_000 + "\nb: [" + "*a, " * 20_000 + "]",
        "\n".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" if i else "a0: &a0 [x]" for i in range(1000)),
    ],
    ids=["lists", "mappings", "items", "keys", "self", "long text", "doubling"],
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    started = time.perf_counter()
    document, problems = read_yaml(text.encode(), "x.yaml", "x.yaml")
    assert document is None
    assert len(problems) == 1
    # Generous: the point is that it is not minutes.
    assert time.perf_counter() - started < 5


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_a_document_or_a_problem(data: bytes) -> None:
    document, problems = read_yaml(data, "x.yaml", "x.yaml")
    assert document is not None or problems
    assert all(p.level == "error" and p.message and p.place.file == "x.yaml" for p in problems)


@given(st.text(alphabet="ab:-{}[]&*!|>'\"#%@`,? \n\t~0.<中", max_size=120))
def test_any_yaml_like_text_gives_a_document_or_a_problem(text: str) -> None:
    document, problems = read_yaml(text.encode(), "x.yaml", "x.yaml")
    assert document is not None or problems
