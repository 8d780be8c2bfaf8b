"""A masked text is the same from Python, SQLite and Postgres."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.fields import make_field
from core.fields.masks import BUILDING_WORDS, MASKS, is_sensitive, mask_of
from core.store.database import Database


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("name", "马秀英", "马**"),
        ("name", "马", "马**"),
        ("name", "阿卜杜拉·买买提", "阿**"),
        ("phone", "13812345678", "138****5678"),
        ("phone", "0955-4012345", "095****2345"),
        ("phone", "110", "****"),
        ("idno", "642222194303129986", "642222********9986"),
        ("plate", "宁E12123", "宁E·**123"),
        ("plate", "宁ED12345", "宁E·**345"),
        ("address", "海城镇政府街12号院3号楼2单元501室", "海城镇政府街12号院3号楼****"),
        ("address", "海城镇政府街12号", "海城镇政府街12号****"),
        ("address", "幸福小区6栋1502", "幸福小区6栋****"),
        ("address", "关庄乡高台村三组张家院", "关庄乡高台村****"),
        ("tail4", "91640522MA76TEA05N", "****A05N"),
        ("tail4", "12345", "****"),
        ("stars", "随便什么", "****"),
    ],
)
def test_masks(name: str, value: str, masked: str) -> None:
    assert MASKS[name].apply(value) == masked


_pieces = st.sampled_from([*BUILDING_WORDS, "号院", "楼", "1", "马", "\U00020bb7", "%", "'", " "])
_texts = st.one_of(st.none(), st.lists(_pieces, min_size=1, max_size=24).map("".join))


@given(value=_texts)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
async def test_python_and_sql_agree(database: Database, value: str | None) -> None:
    mark = "?1" if database.dialect.name == "sqlite" else "CAST($1 AS text)"
    columns = ", ".join(mask.sql(database.dialect.name, "v") for mask in MASKS.values())
    rows = await database.fetch(f"SELECT {columns} FROM (SELECT {mark} AS v) AS t", [value])
    assert list(rows[0]) == [None if value is None else mask.apply(value) for mask in MASKS.values()]


@pytest.mark.parametrize(
    ("spec", "title"),
    [
        ({"type": "phone"}, "电话留前三后四"),
        ({"type": "string", "mask": "name"}, "姓名留首字"),
        ({"type": "string"}, "全部隐去"),
        ({"type": "computed", "as": "string", "expr": "'a'"}, "全部隐去"),
        ({"type": "date"}, None),
        ({"type": "point"}, None),
        ({"type": "enum", "values": {"a": "甲"}}, None),
        ({"type": "list", "of": "string"}, None),
        ({"type": "ref", "to": "core.person"}, None),
        ({"type": "computed", "as": "integer", "expr": "1"}, None),
    ],
)
def test_only_free_text_has_a_mask(spec: dict[str, object], title: str | None) -> None:
    mask = mask_of(make_field("x", {"title": "x", **spec}))
    assert (mask and mask.title) == title


def test_levels_that_are_masked() -> None:
    fields = [make_field("x", {"type": "string", "title": "x", "level": f"L{n}"}) for n in (1, 2, 3, 4)]
    assert [is_sensitive(field) for field in fields] == [False, False, True, True]
