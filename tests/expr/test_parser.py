from __future__ import annotations

import pytest

from core.expr import ExprError, parse, paths
from core.expr.tree import Binary, Literal, Logic, Me, Path, children


def test_tree_of_a_rule() -> None:
    assert parse("house.compound.property_org == me.org && state != 'done'") == Logic(
        "&&",
        (
            Binary("==", Path(("house", "compound", "property_org")), Me("org")),
            Binary("!=", Path(("state",)), Literal("done")),
        ),
    )


def test_functions_and_methods_are_one() -> None:
    assert parse("name.startsWith('马')") == parse("startsWith(name, '马')")


def test_trees_hash_and_keep_kinds_apart() -> None:
    assert len({parse("1"), parse("true"), parse("1.0"), parse(" 1")}) == 3


def test_precedence_is_that_of_cel() -> None:
    assert parse("a || b && !c == d + e * f") == parse("a || (b && ((!c) == (d + (e * f))))")


def test_paths() -> None:
    assert paths(parse("a.b == me.org ? size(c) > 1 : d in [e, 1]")) == {("a", "b"), ("c",), ("d",), ("e",)}
    assert children(Literal(1)) == ()


@pytest.mark.parametrize(
    ("source", "message", "offset"),
    [
        ("", "表达式是空的", 0),
        ("a ==", "表达式没有写完", 4),
        ("a and b", "这里不该出现 'and'：“并且”写作 &&", 2),
        ("a or b", "这里不该出现 'or'：“或者”写作 ||", 2),
        ("a # b", "不认识的字符 '#'", 2),
        ("a = b", "不认识的字符 '='；写成 ==", 2),
        ("a == “b”", "不认识的字符 '“'；写成 \"", 5),
        ("f(a).b", "“.b” 只能跟在字段名之后", 5),
        ("'\\q'", "不认识的转义 \\q", 0),
        ("'\\u0000'", "文字含有空字符或不完整的字符", 0),
        ("'\\ud800'", "文字含有空字符或不完整的字符", 0),
        ("date('2026-02-30')", "应为日期，如 date('2026-11-22')", 0),
        ("timestamp('2026-02-03T00:00:00')", "应为带时区的时间，如 timestamp('2026-11-22T08:00:00+08:00')", 0),
        ("a == 9223372036854775808", "数太大，超出 64 位整数", 5),
        ("+1", "正号多余", 0),
        ("!" * 31 + "a", "表达式的嵌套超过 30 层", 1),
        ("a + " * 600 + "a", "表达式超过 2000 个字符", 2000),
    ],
)
def test_errors_say_what_and_where(source: str, message: str, offset: int) -> None:
    with pytest.raises(ExprError) as caught:
        parse(source)
    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_parentheses_cost_no_stack_and_long_chains_no_depth() -> None:
    assert parse("(" * 900 + "a" + ")" * 900) == Path(("a",))
    assert parse(" && ".join(["a"] * 300)) == Logic("&&", (Path(("a",)),) * 300)
