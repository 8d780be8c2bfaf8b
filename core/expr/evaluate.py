"""The Python back end. Unknown is None: null in, null out, as in SQL; only `== null` and `!= null` look at it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

from core.expr.clock import china_day
from core.expr.subtree import subtree_range
from core.expr.tree import Binary, Call, Choice, Exists, Expr, Items, Literal, Logic, Me, Path, Unary, Undecided
from core.expr.types import ASKED

INT64 = range(-(2**63), 2**63)
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class _Scope:
    row: Mapping[str, Any]
    me: Mapping[str, Any]
    now: datetime


def evaluate(expr: Expr, row: Mapping[str, Any], me: Mapping[str, Any], now: datetime) -> Any:
    """The value of a well-typed expression; None is unknown.

    `row` holds canonical values by field name, of walked refs under the dotted path; Undecided when one is missing.
    """
    return _value(expr, _Scope(row, me, now))


def _value(expr: Expr, scope: _Scope) -> Any:
    match expr:
        case Literal(value=value):
            return value
        case Path(names=path):
            return _path(path, scope.row)
        case Me(name=name):
            return scope.me.get(name)
        case Unary(operator=sign, operand=operand):
            return _unary(sign, _value(operand, scope))
        case Logic(operator=sign, parts=parts):
            return _logic(sign == "||", parts, scope)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            found = _value(condition, scope)
            return None if found is None else _value(then if found else otherwise, scope)
        case Binary():
            return _binary(expr, scope)
        case Call(function=name, arguments=arguments):
            return _call(name, arguments, scope)
        case Items(items=items):
            return [_value(item, scope) for item in items]
        case Exists(path=path):
            raise Undecided(".".join(path))


def _path(path: tuple[str, ...], row: Mapping[str, Any]) -> Any:
    name = ".".join(path)
    if name in row:
        return row[name]
    if len(path) > 1 and row.get(path[0], ...) is None:
        return None
    raise Undecided(name)


def _unary(sign: str, value: Any) -> Any:
    if value is None:
        return None
    return not value if sign == "!" else _fit(-value)


def _logic(absorbing: bool, parts: tuple[Expr, ...], scope: _Scope) -> Any:
    """Kleene: one absorbing part decides, whatever the others are; else one unknown part leaves it unknown."""
    result: Any = not absorbing
    undecided: Undecided | None = None
    for part in parts:
        try:
            value = _value(part, scope)
        except Undecided as error:
            undecided = error
            continue
        if value is absorbing:
            return absorbing
        result = None if value is None else result
    if undecided is not None:
        raise undecided
    return result


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def _binary(expr: Binary, scope: _Scope) -> Any:
    sign, left, right = expr.operator, _value(expr.left, scope), _value(expr.right, scope)
    if sign in ("==", "!=") and Literal(None) in (expr.left, expr.right):
        return (left is right) == (sign == "==")
    if sign == "in":
        return _is_in(left, right)
    if left is None or right is None:
        return None
    if sign in _COMPARE:
        return _COMPARE[sign](left, right)
    return left + right if isinstance(left, str) else _arithmetic(sign, left, right)


def _is_in(item: Any, items: Any) -> bool | None:
    """Nothing is in an empty list, not even an unknown value."""
    if items is None or (item is None and items):
        return None
    if item in items:
        return True
    return None if None in items else False


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    match sign:
        case "/" | "%" if right == 0:
            return None
        case "/":
            quotient = abs(left) // abs(right)
            return _fit(quotient if (left < 0) == (right < 0) else -quotient)
        case "%":
            rest = abs(left) % abs(right)
            return rest if left >= 0 else -rest
    if isinstance(left, int) and isinstance(right, int):
        return _fit({"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](left, right))
    steps = {"+": _EXACT.add, "-": _EXACT.subtract, "*": _EXACT.multiply}
    return _fit(steps[sign](Decimal(left), Decimal(right)))


def _fit(value: Any) -> Any:
    """Numbers live in 64 bits (decimals: their digits do), as in SQLite; beyond that they are unknown."""
    whole = int("".join(map(str, value.as_tuple().digits))) if isinstance(value, Decimal) else value
    return value if whole in INT64 else None


def _call(name: str, arguments: tuple[Expr, ...], scope: _Scope) -> Any:
    if name == "now":
        return scope.now
    if name == "today":
        return _day(scope.now)
    values = [_value(argument, scope) for argument in arguments]
    if None in values:
        return None
    return _FUNCTIONS[name](*values) if name in _FUNCTIONS else _asked(name, scope)


def _asked(name: str, scope: _Scope) -> Any:
    """What only tables know; of a caller who lacks the fact it hangs on, it is unknown."""
    fact = ASKED[name]
    if fact and scope.me.get(fact) is None:
        return None
    raise Undecided(name)


def _day(value: date) -> date:
    return china_day(value) if isinstance(value, datetime) else value


def _under(value: str, root: str) -> bool:
    low, high = subtree_range(root)
    return low <= value <= high


def _years(first: date, last: date) -> int:
    a, b = _day(first), _day(last)
    months = (b.year * 10_000 + b.month * 100 + b.day) - (a.year * 10_000 + a.month * 100 + a.day)
    return int(Decimal(months) / 10_000)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "startsWith": lambda text, head: text.startswith(head),
    "endsWith": lambda text, tail: text.endswith(tail),
    "contains": lambda text, part: part in text,
    "under": _under,
    "days_between": lambda first, last: (_day(last) - _day(first)).days,
    "years_between": _years,
    "string": str,
    "date": _day,
}
