from __future__ import annotations

import pytest

from core.expr import ExprError, Type, check_types, parse
from core.fields.names import EntityNames
from tests.worlds import HOUSE, REPAIR_ORDER, small_world

WORLD = small_world()
NAMES = EntityNames(REPAIR_ORDER, WORLD.entity)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("house.compound.name", Type("text")),
        ("house.owner.birth", Type("date")),
        ("house.label + case_no", Type("text")),
        ("reporter == me.person", Type("bool")),
        ("cost + 1", Type("decimal", 2)),
        ("cost * 0.5", Type("decimal", 3)),
        ("tags", Type("list", item="text")),
        ("urgent ? null : stars", Type("int")),
        ("days_between(created_at, visit_at)", Type("int")),
        ("overdue", Type("bool")),
        ("under(division, me.division)", Type("bool")),
        ("'a' in me.roles", Type("bool")),
    ],
)
def test_types(source: str, expected: Type) -> None:
    assert check_types(parse(source), NAMES) == expected


@pytest.mark.parametrize(
    ("source", "message", "offset"),
    [
        ("house.nothing", "没有字段 house.nothing", 0),
        ("house.owner.deleted_at == null", "没有字段 house.owner.deleted_at", 0),
        ("state.name", "没有字段 state.name", 0),
        ("at == null", "没有字段 at", 0),
        (
            "me.name == 'x'",
            "没有 me.name；可用：me.id、me.person、me.roles",
            0,
        ),
        ("stars == '1'", "“==” 不能用于整数与文字", 0),
        ("true && stars", "“&&” 的两边应为是否，这里是整数", 8),
        ("!stars", "“!” 不能用于整数", 0),
        ("urgent < true", "“<” 不能用于是否与是否", 0),
        ("cost / 2", "“/” 不能用于小数与整数", 0),
        ("reporter == 'me'", "标识应写成小写的 UUID", 12),
        ("reporter < me.person", "“<” 不能用于标识与标识", 0),
        ("stars in me.roles", "“in” 不能用于整数与列表", 0),
        ("stars in [1, 'a']", "列表的元素应为同一类型的值，不含 null 和小数", 9),
        ("stars in []", "列表不能是空的", 9),
        ("urgent ? 1 : 'a'", "“?:” 的两个结果应为同一类型，这里是整数和文字", 0),
        ("upper(state)", "没有函数 upper", 0),
        ("size()", "size 需要 1 个参数，这里有 0 个", 0),
        ("size(me.roles)", "size 的参数不能是列表", 5),
        ("under(division, state)", "under 的第二个参数应为 me.division、me.org_path", 16),
        ("under(division, '6405')", "under 的第二个参数应为 me.division、me.org_path", 16),
        ("cost * 0.00000001", "结果超过 9 位小数", 0),
    ],
)
def test_errors(source: str, message: str, offset: int) -> None:
    with pytest.raises(ExprError) as caught:
        check_types(parse(source), NAMES)
    assert caught.value.message.startswith(message)
    assert caught.value.offset == offset


def test_names_are_all_fields_that_have_one_value() -> None:
    names = EntityNames(HOUSE, WORLD.entity)
    assert set(names) == {
        *("id", "division", "org", "created_at", "created_by", "updated_at", "updated_by", "version"),
        *("compound", "room_no", "address", "size_m2", "owner", "label"),
    }
    assert len(names) == 14
    assert "at" not in set(NAMES)
