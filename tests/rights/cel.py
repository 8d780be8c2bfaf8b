"""A second reading of the expressions in access.yaml: by Python's own parser, over plain dicts.

Shares nothing with core.expr, so that a mistake there shows. Null is unknown, except beside a literal null.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
#: Digits that name a division of each level, from the smallest.
_LEVELS = (12, 9, 6, 4, 2)


@dataclass(frozen=True)
class Case:
    """What an expression looks at: the row, the caller, and the rows that refs lead to."""

    row: Mapping[str, Any]
    me: Mapping[str, Any]
    #: (entity key, field) → entity key of the target, and rows by entity key and id.
    refs: Mapping[tuple[str, str], str]
    rows: Mapping[str, Mapping[str, Mapping[str, Any]]]
    entity: str
    now: datetime
    #: (entity key, inverse) → entity key of the rows it lists, and their field that points back.
    inverses: Mapping[tuple[str, str], tuple[str, str]]
    #: Variables of `exists`: entity key and row.
    bound: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)


def holds(source: str, case: Case) -> bool:
    return _value(_tree(source), case) is True


def value(source: str, case: Case) -> Any:
    return _value(_tree(source), case)


@lru_cache
def _tree(source: str) -> ast.expr:
    parts = _QUOTED.split(source)
    for i in range(0, len(parts), 2):
        part = parts[i].replace("&&", " and ").replace("||", " or ")
        part = re.sub(r"!(?!=)", " not ", part)
        for word, python in (("true", "True"), ("false", "False"), ("null", "None")):
            part = re.sub(rf"\b{word}\b", python, part)
        parts[i] = part
    return ast.parse("".join(parts).strip(), mode="eval").body


def _value(node: ast.expr, case: Case) -> Any:
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.List(elts=items):
            return [_value(item, case) for item in items]
        case ast.BoolOp(op=op, values=parts):
            return _logic(isinstance(op, ast.And), [_value(part, case) for part in parts])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = _value(operand, case)
            return None if found is None else not found
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compare(left, op, right, case)
        case ast.Name() | ast.Attribute():
            return _path(_names(node), case)
        case ast.Call(func=ast.Attribute(value=path, attr="exists"), args=[ast.Name(id=variable), condition]):
            return _exists(_names(path), variable, condition, case)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, case)
    raise ValueError(f"the second reader does not know {ast.unparse(node)}")


def _logic(is_and: bool, values: list[Any]) -> bool | None:
    decisive = not is_and
    if decisive in values:
        return decisive
    return None if None in values else is_and


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, case: Case) -> bool | None:
    a, b = _value(left, case), _value(right, case)
    if any(isinstance(side, ast.Constant) and side.value is None for side in (left, right)):
        return (a is b) is isinstance(op, ast.Eq)
    if a is None or b is None:
        return None
    match op:
        case ast.Eq():
            return bool(a == b)
        case ast.NotEq():
            return bool(a != b)
        case ast.In():
            return a in b
        case ast.Lt():
            return bool(a < b)
        case ast.LtE():
            return bool(a <= b)
        case ast.Gt():
            return bool(a > b)
        case ast.GtE():
            return bool(a >= b)
    raise ValueError(f"the second reader does not know the comparison {type(op).__name__}")


def _names(node: ast.expr) -> list[str]:
    return [*_names(node.value), node.attr] if isinstance(node, ast.Attribute) else [node.id]  # type: ignore[attr-defined]


def _path(names: list[str], case: Case) -> Any:
    if names[0] == "me":
        return case.me.get(names[1])
    _, row = _walk(names[:-1], case)
    found = row.get(names[-1]) if row else None
    return datetime.fromisoformat(found) if isinstance(found, str) and re.match(r"\d{4}-\d\d-\d\dT", found) else found


def _walk(names: list[str], case: Case) -> tuple[str, Mapping[str, Any] | None]:
    """The row that refs lead to, from the row itself or from a variable."""
    entity, row = case.entity, case.row
    if names and names[0] in case.bound:
        (entity, row), names = case.bound[names[0]], names[1:]
    for name in names:
        entity, id = case.refs[entity, name], row.get(name)
        found = case.rows[entity].get(id or "")
        if found is None:
            return entity, None
        row = found
    return entity, row


def _exists(path: list[str], variable: str, condition: ast.expr, case: Case) -> bool | None:
    entity, row = _walk(path[:-1], case)
    other, ref = case.inverses[entity, path[-1]]
    many = [r for r in case.rows[other].values() if row is not None and r.get(ref) == row["id"]]
    answers = [_value(condition, replace(case, bound={**case.bound, variable: (other, r)})) for r in many]
    return True if True in answers else None if None in answers else False


def _takes_part(number: str, case: Case) -> bool:
    source = "staff == me.staff && since <= now() && (until == null || until > now())"
    rows = case.rows["core.case_participant"].values()
    found = [r for r in rows if r["case_no"] == number]
    return any(holds(source, replace(case, entity="core.case_participant", row=r, bound={})) for r in found)


def _in_org(org: str, case: Case) -> bool | None:
    root, unit = case.me.get("org_path"), case.rows["core.org_unit"].get(org)
    return None if root is None else unit is not None and unit["path"].startswith(root)


def _call(name: str, arguments: list[ast.expr], case: Case) -> Any:
    values = [_value(argument, case) for argument in arguments]
    if None in values:
        return None
    match name, values:
        case "now", []:
            return case.now
        case "today", []:
            return (case.now + timedelta(hours=8)).date().isoformat()
        case "under", [str(code), str(root)]:
            return under(code, root)
        case "participates", [str(number)]:
            return _takes_part(number, case)
        case "in_org", [str(org)]:
            return _in_org(org, case)
        case "startsWith", [str(text), str(head)]:
            return text.startswith(head)
        case "days_between", [first, last]:
            return (_day(last) - _day(first)).days
    raise ValueError(f"the second reader does not know {name}{tuple(values)}")


def under(code: str, root: str) -> bool:
    """The code lies in the subtree of the root; paths end with a slash."""
    if root.startswith("/"):
        return code.startswith(root)
    digits = next(n for n in reversed(_LEVELS) if set(root[n:]) <= {"0"})
    return code[:digits] == root[:digits]


def _day(instant: datetime) -> date:
    return (instant.astimezone(UTC) + timedelta(hours=8)).date()
