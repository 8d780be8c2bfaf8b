"""Conditions that only have to say which rows hold, never which do not.

There a comparison with a walked path may become EXISTS, which Postgres can turn into a join begun at the other end;
a scalar subselect would be run for every row.
"""

from __future__ import annotations

from dataclasses import replace

from core.access.asks import ASKS
from core.access.scope import EntityScope
from core.expr import Expr, paths, to_sql
from core.expr.tree import Binary, Call, Exists, Items, Literal, Logic, Me, Path


def rows_sql(expr: Expr, scope: EntityScope) -> str:
    """SQL that is true for the same rows as the expression; false and unknown may trade places."""
    if isinstance(expr, Logic):
        word = " OR " if expr.operator == "||" else " AND "
        return "(" + word.join(rows_sql(part, scope) for part in expr.parts) + ")"
    if isinstance(expr, Exists):
        return scope.some(expr.path, expr.variable, lambda inner: rows_sql(expr.condition, inner))
    walked = paths(expr)
    steps = {path[0] for path in walked}
    if len(steps) == 1 and steps.isdisjoint(scope.bound) and min(map(len, walked)) > 1 and _is_strict(expr):
        return scope.exists(steps.pop(), lambda inner: rows_sql(_moved(expr), inner))
    if isinstance(expr, Call) and expr.function in ASKS:
        return ASKS[expr.function](scope, expr, [to_sql(argument, scope) for argument in expr.arguments])
    return to_sql(expr, scope)


def _is_strict(expr: Expr) -> bool:
    """Never true when a path is unknown: then a row that is not there changes nothing."""
    match expr:
        case Literal(value=value):
            return value is not None
        case Path() | Me():
            return True
        case Binary(left=left, right=right):
            return _is_strict(left) and _is_strict(right)
        case Call(arguments=parts) | Items(items=parts):
            return all(map(_is_strict, parts))
        case _:
            return False


def _moved(expr: Expr) -> Expr:
    """The expression as the next row of its paths sees it."""
    match expr:
        case Path(names=(_, *rest)):
            return replace(expr, names=tuple(rest))
        case Binary(left=left, right=right):
            return replace(expr, left=_moved(left), right=_moved(right))
        case Call(arguments=parts):
            return replace(expr, arguments=tuple(map(_moved, parts)))
        case Items(items=parts):
            return replace(expr, items=tuple(map(_moved, parts)))
        case _:
            return expr
