"""`where`: a tree of conditions to SQL. Every field it names must be readable in clear."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from graphql import GraphQLInputField, GraphQLInputObjectType
from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields.base import Field, FieldError
from core.fields.operators import OPERATORS
from core.fields.refs import Ref
from core.fields.sealed import KEYED_OPERATORS, lookup_column
from core.read.canonical import refusing
from core.read.rows import Rows
from core.read.selection import Leaf, Tree
from core.read.statement import Statement

#: Parts and levels of one filter, about three parts a condition. SQLite takes no expression deeper than 1000, and
#: an OR of as many is one of them.
PARTS_MAX = 600
LEVELS_MAX = 20


def where_sql(
    statement: Statement, rows: Rows, type_: GraphQLInputObjectType, tree: Tree, path: tuple[str, ...]
) -> str:
    """The condition of an argument; "TRUE" when nothing is asked."""
    _check_size(tree, path)
    return _where(statement, rows, type_, tree, path)


def _check_size(tree: Tree, path: tuple[str, ...]) -> None:
    parts, level, levels = 0, [tree], 0
    while level:
        parts, levels = parts + len(level), levels + 1
        if parts > PARTS_MAX or levels > LEVELS_MAX:
            raise InvalidInputError("参数的值无效", (InputProblem(path, "条件过多或嵌套过深", "where.too-large"),))
        level = [item for part in level for item in _parts(part)]


def _parts(tree: Tree) -> Iterable[Tree]:
    return tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()


def _where(statement: Statement, rows: Rows, type_: GraphQLInputObjectType, tree: Tree, path: tuple[str, ...]) -> str:
    if not isinstance(tree, dict):
        return "TRUE"
    parts = [_part(statement, rows, name, type_.fields[name], value, (*path, name)) for name, value in tree.items()]
    return join("AND", parts, "TRUE")


def join(word: str, parts: list[str], empty: str) -> str:
    if not parts:
        return empty
    return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"


def _part(
    statement: Statement, rows: Rows, name: str, field: GraphQLInputField, tree: Tree, path: tuple[str, ...]
) -> str:
    if isinstance(tree, Leaf) and tree.value is None:
        return "TRUE"
    if combine := field.extensions.get("combine"):
        return _combined(statement, rows, combine, field, tree, path)
    if ref := field.extensions.get("ref"):
        return _ref_part(statement, rows, ref, field.type, tree, path)
    target: Field = field.extensions["field"]
    assert isinstance(tree, dict)
    if target.keyed and tree and tree.keys() <= set(KEYED_OPERATORS):
        return _keyed(statement, rows, target, tree, path)
    rows.look(target)
    tests = [_test(statement, rows, target, op, leaf, path) for op, leaf in tree.items()]
    return rows.unless_closed(target, join("AND", tests, "TRUE"))


def _combined(
    statement: Statement, rows: Rows, combine: str, field: GraphQLInputField, tree: Tree, path: tuple[str, ...]
) -> str:
    if combine == "not":
        inner: Any = field.type
        # The complement: rows for which the condition does not hold, unknown included.
        return f"(NOT coalesce({_where(statement, rows, inner, tree, path)}, FALSE))"
    type_: Any = field.type
    assert isinstance(tree, list)
    parts = [_where(statement, rows, type_.of_type.of_type, item, path) for item in tree]
    return join(combine.upper(), parts, "TRUE" if combine == "and" else "FALSE")


def _ref_part(statement: Statement, rows: Rows, ref: Ref, type_: Any, tree: Tree, path: tuple[str, ...]) -> str:
    rows.look(ref)
    target = rows.target(ref)
    condition = _where(statement, target, type_, tree, path)
    found = f"EXISTS (SELECT 1 FROM {target.source} WHERE {target.joined_on(rows, ref)} AND {condition})"
    return rows.unless_closed(ref, found)


def _keyed(statement: Statement, rows: Rows, field: Field, tree: dict[str, Tree], path: tuple[str, ...]) -> str:
    """Equality by the keyed hash: the one thing about a sealed or masked value that may be asked."""
    column = lookup_column(field)
    if column is None or any(isinstance(leaf, Leaf) and leaf.value is None for leaf in tree.values()):
        raise rows.denied(field)
    rows.look_up(field)
    tests = []
    for name, leaf in tree.items():
        assert isinstance(leaf, Leaf)
        make = refusing(_lookups(statement, rows, field, name), (*path, name))
        mark = statement.value(leaf, column, make, many=True)
        tests.append(statement.dialect.in_list(rows.scope.name(column.name), mark, column))
    return rows.unless_hidden(field, join("AND", tests, "TRUE"))


def _lookups(statement: Statement, rows: Rows, field: Field, name: str) -> Callable[[Any], list[str]]:
    [param] = OPERATORS[name].params(field)
    is_guess = not rows.sees(field)

    def make(value: Any) -> list[str]:
        made = param.make(value)
        if is_guess and param.many and len(made) > 1:
            # Many at once would tell what a mask hides in a few questions.
            raise FieldError("where.one-by-one", "打码的值一次只能查一个")
        return statement.lookups(rows.entity, field, made if param.many else [made])

    return make


def _test(statement: Statement, rows: Rows, field: Field, name: str, leaf: Tree, path: tuple[str, ...]) -> str:
    assert isinstance(leaf, Leaf)
    sqls = rows.scope.field(field)
    if name == "isNull":
        return "TRUE" if leaf.value is None else _is_null(rows, field, is_null=bool(leaf.value))
    if leaf.value is None:
        return _is_null(rows, field, is_null=name == "eq") if name in ("eq", "ne") else "FALSE"
    # A value sealed in a column of its own leaves null here: it matches nothing.
    operator = OPERATORS[name]
    params = operator.params(field)
    places = [
        statement.value(leaf, param.column, refusing(param.make, (*path, name)), many=param.many) for param in params
    ]
    return f"({operator.sql(statement.dialect, [param.column for param in params], sqls, places)})"


def _is_null(rows: Rows, field: Field, *, is_null: bool) -> str:
    """Whether there is no value, plain or sealed."""
    word, test = ("AND", "IS NULL") if is_null else ("OR", "IS NOT NULL")
    return join(word, [f"{name} {test}" for name in rows.lying(field)], "")
