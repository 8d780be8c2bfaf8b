"""Static types of expressions, and which operators and functions take which."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal as Choices

from core.expr.tree import Binary, Call, Choice, Exists, Expr, ExprError, Items, Literal, Logic, Me, Path, Unary

#: Kinds of columns (core.fields.column), and two that no column has.
Kind = Choices["text", "uuid", "int", "bool", "decimal", "date", "datetime", "time", "json", "list", "null"]

SCALE_MAX = 9
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TITLES: Mapping[str, str] = {
    "text": "文字", "uuid": "标识", "int": "整数", "bool": "是否", "decimal": "小数", "date": "日期",
    "datetime": "时间", "time": "时刻", "json": "JSON", "list": "列表", "null": "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    kind: Kind
    #: Decimals only.
    scale: int = 0
    #: Kind of the elements; lists only.
    item: Kind | None = None

    def __str__(self) -> str:
        return _TITLES[self.kind]


TEXT, UUID, INT, BOOL = Type("text"), Type("uuid"), Type("int"), Type("bool")
DATE, DATETIME, NULL = Type("date"), Type("datetime"), Type("null")
TEXTS = Type("list", item="text")

#: What `me` knows; what a caller lacks is null, so it never matches a row.
ME: Mapping[str, Type] = {
    "id": TEXT, "person": UUID, "roles": TEXTS, "org": UUID, "org_path": TEXT, "division": TEXT, "grids": TEXTS,
    "staff": UUID, "legal_entity": UUID, "real_name": Type("int"), "agent": UUID, "scopes": TEXTS,
}  # fmt: skip

_ORDERED = frozenset({"text", "int", "decimal", "date", "datetime", "time"})
_NUMBERS = frozenset({"int", "decimal"})
#: No variable of a macro may be called so.
_WORDS = frozenset({"me", "true", "false", "null", "in"})
_DAYS = frozenset({"date", "datetime"})
_SCALARS = _ORDERED | {"uuid", "bool"}


def check_types(expr: Expr, names: Mapping[str, Type]) -> Type:
    """The type of an expression; `names` knows fields and dotted paths ("house.compound.name")."""
    match expr:
        case Literal():
            return literal_type(expr)
        case Path(names=path):
            found = names.get(".".join(path))
            if found is None:
                raise ExprError(f"没有字段 {'.'.join(path)}", expr.offset)
            return found
        case Me():
            return me_type(expr)
        case Items(items=items):
            return items_type(expr, [check_types(item, names) for item in items])
        case Unary(operand=operand):
            return unary_type(expr, check_types(operand, names))
        case Binary(left=left, right=right):
            return binary_type(expr, check_types(left, names), check_types(right, names))
        case Logic(parts=parts):
            return logic_type(expr, [check_types(part, names) for part in parts])
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return choice_type(expr, *(check_types(part, names) for part in (condition, then, otherwise)))
        case Call(arguments=arguments):
            return call_type(expr, [check_types(argument, names) for argument in arguments])
        case Exists():
            return exists_type(expr, check_types(expr.condition, _inner_names(expr, names)))


class Names(Mapping[str, Type], ABC):
    """Names that also lead to the rows which point here."""

    @abstractmethod
    def inverse(self, path: tuple[str, ...]) -> Mapping[str, Type] | None:
        """Names of the rows an inverse field lists; None = there is no such inverse."""


class _Bound(Names):
    """Names inside a macro: those outside, and the variable's under its own name."""

    def __init__(self, outer: Names, variable: str, inner: Mapping[str, Type]) -> None:
        self._outer, self._variable, self._inner = outer, variable, inner

    def __getitem__(self, name: str) -> Type:
        head, _, rest = name.partition(".")
        return self._inner[rest] if head == self._variable else self._outer[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._outer
        yield from (f"{self._variable}.{name}" for name in self._inner)

    def __len__(self) -> int:
        return len(self._outer) + len(self._inner)

    def inverse(self, path: tuple[str, ...]) -> Mapping[str, Type] | None:
        if path[0] != self._variable:
            return self._outer.inverse(path)
        return self._inner.inverse(path[1:]) if isinstance(self._inner, Names) and len(path) > 1 else None


def _inner_names(expr: Exists, names: Mapping[str, Type]) -> Mapping[str, Type]:
    inner = names.inverse(expr.path) if isinstance(names, Names) else None
    if not isinstance(names, Names) or inner is None:
        raise ExprError(f"没有反向字段 {'.'.join(expr.path)}", expr.offset)
    taken = {name.partition(".")[0] for name in names}
    if expr.variable in taken or expr.variable in _WORDS or names.inverse((expr.variable,)) is not None:
        raise ExprError(f"exists 的变量 {expr.variable} 与已有的名字相同，换一个", expr.offset)
    return _Bound(names, expr.variable, inner)


def exists_type(expr: Exists, condition: Type) -> Type:
    if condition.kind != "bool":
        raise ExprError(f"exists 的条件应为是否，这里是{condition}", expr.condition.offset)
    return BOOL


def literal_type(expr: Literal) -> Type:
    match expr.value:
        case None:
            return NULL
        case bool():
            return BOOL
        case int():
            return INT
        case str():
            return TEXT
        case datetime():
            return DATETIME
        case date():
            return DATE
        case Decimal():
            scale = -int(expr.value.as_tuple().exponent)
            if scale > SCALE_MAX:
                raise ExprError(f"至多 {SCALE_MAX} 位小数", expr.offset)
            return Type("decimal", scale)


def me_type(expr: Me) -> Type:
    if expr.name not in ME:
        raise ExprError(f"没有 me.{expr.name}；可用：{'、'.join('me.' + name for name in ME)}", expr.offset)
    return ME[expr.name]


def items_type(expr: Items, types: Sequence[Type]) -> Type:
    if not types:
        raise ExprError("列表不能是空的", expr.offset)
    first = types[0]
    if any(t.kind != first.kind for t in types) or first.kind not in _SCALARS - {"decimal"}:
        raise ExprError("列表的元素应为同一类型的值，不含 null 和小数", expr.offset)
    return Type("list", item=first.kind)


def unary_type(expr: Unary, operand: Type) -> Type:
    wanted = {"bool"} if expr.operator == "!" else _NUMBERS
    if operand.kind not in wanted:
        raise ExprError(f"“{expr.operator}” 不能用于{operand}", expr.offset)
    return operand


def logic_type(expr: Logic, types: Sequence[Type]) -> Type:
    for part, found in zip(expr.parts, types, strict=True):
        if found.kind != "bool":
            raise ExprError(f"“{expr.operator}” 的两边应为是否，这里是{found}", part.offset)
    return BOOL


def choice_type(expr: Choice, condition: Type, then: Type, otherwise: Type) -> Type:
    if condition.kind != "bool":
        raise ExprError(f"“?” 之前应为是否，这里是{condition}", expr.condition.offset)
    if then == otherwise or otherwise == NULL:
        found = then
    elif then == NULL:
        found = otherwise
    else:
        raise ExprError(f"“?:” 的两个结果应为同一类型，这里是{then}和{otherwise}", expr.offset)
    if found.kind not in _SCALARS:
        raise ExprError(f"“?:” 的结果不能是{found}", expr.offset)
    return found


def binary_type(expr: Binary, left: Type, right: Type) -> Type:
    kinds = {left.kind, right.kind}
    match expr.operator:
        case "==" | "!=":
            ok = NULL in (left, right) or (_same(expr, left, right) and kinds <= _SCALARS)
            result = BOOL
        case "<" | "<=" | ">" | ">=":
            ok, result = _same(expr, left, right) and kinds <= _ORDERED, BOOL
        case "in":
            ok, result = right.kind == "list" and _is_item(expr, left, right), BOOL
        case "+" if kinds == {"text"}:
            return TEXT
        case "+" | "-" | "*":
            ok, result = kinds <= _NUMBERS, _number(expr, left, right)
        case _:
            # Quotients of decimals have no last digit; say what you mean with whole numbers.
            ok, result = kinds == {"int"}, INT
    if not ok:
        raise ExprError(f"“{expr.operator}” 不能用于{left}与{right}", expr.offset)
    return result


def _same(expr: Binary, left: Type, right: Type) -> bool:
    if {left.kind, right.kind} == {"text", "uuid"}:
        for part in (expr.left, expr.right):
            if isinstance(part, Literal):
                check_uuid(part)
        return expr.operator in ("==", "!=")
    return left.kind == right.kind or {left.kind, right.kind} <= _NUMBERS


def check_uuid(expr: Literal) -> None:
    if not _UUID.fullmatch(str(expr.value)):
        raise ExprError("标识应写成小写的 UUID", expr.offset)


def _is_item(expr: Binary, left: Type, right: Type) -> bool:
    if left.kind == "uuid" and isinstance(expr.right, Items) and right.item == "text":
        return all(_same(Binary("==", expr.left, item), left, TEXT) for item in expr.right.items)
    # SQL scopes know a list column only as JSON; the check of the manifest has seen its elements.
    return left.kind == right.item or (right.item is None and left.kind in ("text", "int"))


def _number(expr: Binary, left: Type, right: Type) -> Type:
    if "decimal" not in (left.kind, right.kind):
        return INT
    scale = left.scale + right.scale if expr.operator == "*" else max(left.scale, right.scale)
    if scale > SCALE_MAX:
        raise ExprError(f"结果超过 {SCALE_MAX} 位小数", expr.offset)
    return Type("decimal", scale)


#: Function → the kinds each argument may have, and the result.
FUNCTIONS: Mapping[str, tuple[tuple[frozenset[str], ...], Type]] = {
    "size": ((frozenset({"text", "list"}),), INT),
    "startsWith": ((frozenset({"text"}), frozenset({"text"})), BOOL),
    "endsWith": ((frozenset({"text"}), frozenset({"text"})), BOOL),
    "contains": ((frozenset({"text"}), frozenset({"text"})), BOOL),
    "under": ((frozenset({"text"}), frozenset({"text"})), BOOL),
    "days_between": ((_DAYS, _DAYS), INT),
    "years_between": ((_DAYS, _DAYS), INT),
    "string": ((frozenset({"int"}),), TEXT),
    "date": ((frozenset({"datetime"}),), DATE),
    "today": ((), DATE),
    "now": ((), DATETIME),
    "in_org": ((frozenset({"uuid"}),), BOOL),
    "participates": ((frozenset({"text"}),), BOOL),
    "consented": ((frozenset({"uuid"}), frozenset({"text"})), BOOL),
}

#: Functions that ask tables, so Python cannot answer; each with the fact of the caller it hangs on.
ASKED: Mapping[str, str] = {"in_org": "org_path", "participates": "staff", "consented": ""}


def call_type(expr: Call, types: Sequence[Type]) -> Type:
    if expr.function not in FUNCTIONS:
        raise ExprError(f"没有函数 {expr.function}；可用：{'、'.join(FUNCTIONS)}", expr.offset)
    wanted, result = FUNCTIONS[expr.function]
    if len(types) != len(wanted):
        raise ExprError(f"{expr.function} 需要 {len(wanted)} 个参数，这里有 {len(types)} 个", expr.offset)
    for argument, found, kinds in zip(expr.arguments, types, wanted, strict=True):
        # Lists of the caller and written lists stand only on the right of `in`.
        if found.kind not in kinds or (found.kind == "list" and not isinstance(argument, Path)):
            raise ExprError(f"{expr.function} 的参数不能是{found}", argument.offset)
    if expr.function == "under":
        _check_scope(expr.arguments[1])
    if expr.function == "consented" and not isinstance(expr.arguments[1], Literal):
        raise ExprError("consented 的第二个参数应写明目的，如 'eldercare.visit'", expr.arguments[1].offset)
    return result


def _check_scope(scope: Expr) -> None:
    """The range of a subtree is worked out before the statement runs, so its root must be known without the row."""
    if scope in (Me("division"), Me("org_path")):
        return
    if isinstance(scope, Literal) and re.fullmatch(r"[1-9][0-9]{11}([0-9]{3})?|/([^/]+/)*", str(scope.value)):
        return
    raise ExprError("under 的第二个参数应为 me.division、me.org_path 或写明的区划代码、以 / 结尾的路径", scope.offset)
