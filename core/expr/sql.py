"""The SQL back end, for SQLite and Postgres. NULL is unknown, so three-valued logic is SQL's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from core.expr import types
from core.expr.subtree import subtree_range
from core.expr.tree import Binary, Call, Choice, Exists, Expr, Items, Literal, Logic, Me, Path, Unary
from core.expr.types import DATE, DATETIME, INT, NULL, TEXT, UUID, Type

#: A piece of SQL and its type.
Typed = tuple[str, Type]


class SqlScope(Protocol):
    """Where an expression stands: the row, the caller, the clock, as SQL of one dialect."""

    @property
    def dialect_name(self) -> str: ...

    def column(self, path: tuple[str, ...]) -> Typed:
        """The value of a field of the row, or of a row its refs lead to."""
        ...

    def const(self, value: Any, type: Type) -> str: ...

    def me(self, name: str, type: Type) -> str:
        """A fact about the caller, one of types.ME."""
        ...

    def within(self, sql: str, name: str) -> str:
        """The text `sql` lies in the subtree below a fact about the caller."""
        ...

    def in_me(self, sql: str, name: str, type: Type) -> str:
        """`sql` is an element of a list of the caller's."""
        ...

    def now(self) -> str: ...

    def ask(self, expr: Call, arguments: Sequence[str]) -> str:
        """A call of one of types.ASKED, unknown when an argument is or the caller lacks the fact."""
        ...

    def among(self, path: tuple[str, ...], variable: str, condition: Callable[[SqlScope], str]) -> str:
        """Whether the condition holds for one of the rows an inverse lists; unknown if not, but unknown for one."""
        ...


def to_sql(expr: Expr, scope: SqlScope) -> str:
    """SQL of an expression over the row of the scope; ExprError when it is ill-typed."""
    return typed_sql(expr, scope)[0]


def typed_sql(expr: Expr, scope: SqlScope) -> Typed:
    return _Compiler(scope).sql(expr)


_COMPARE = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class _Compiler:
    def __init__(self, scope: SqlScope) -> None:
        self.scope = scope
        self.is_postgres = scope.dialect_name == "postgres"

    def sql(self, expr: Expr) -> Typed:
        match expr:
            case Literal(value=value):
                found = types.literal_type(expr)
                return self.literal(value, found), found
            case Path(names=path):
                return self.scope.column(path)
            case Me(name=name):
                found = types.me_type(expr)
                return ("" if found.kind == "list" else self.scope.me(name, found)), found
            case Unary():
                return self.unary(expr)
            case Logic(operator=sign, parts=parts):
                sqls = [self.sql(part) for part in parts]
                found = types.logic_type(expr, [t for _, t in sqls])
                return "(" + (" OR " if sign == "||" else " AND ").join(s for s, _ in sqls) + ")", found
            case Choice():
                return self.choice(expr)
            case Binary():
                return self.binary(expr)
            case Call():
                return self.call(expr)
            case Exists():
                return self.exists(expr)
            case Items(items=items):
                sqls = [self.sql(item) for item in items]
                return f"({', '.join(s for s, _ in sqls)})", types.items_type(expr, [t for _, t in sqls])

    def literal(self, value: Any, found: Type) -> str:
        match value:
            case None:
                return "NULL"
            case bool():
                return "TRUE" if value else "FALSE"
            case int():
                return str(value) if -(2**31) < value < 2**31 else self.scope.const(value, found)
        return self.scope.const(value, found)

    def unary(self, expr: Unary) -> Typed:
        sql, found = self.sql(expr.operand)
        found = types.unary_type(expr, found)
        if expr.operator == "!":
            return f"(NOT {sql})", found
        return self.fit(f"0 - {self.wide(sql)}", found), found

    def choice(self, expr: Choice) -> Typed:
        (condition, a), (then, b), (otherwise, c) = (
            self.sql(part) for part in (expr.condition, expr.then, expr.otherwise)
        )
        found = types.choice_type(expr, a, b, c)
        # CASE x WHEN: the condition stands once, and an unknown one falls through to NULL.
        return f"(CASE {condition} WHEN TRUE THEN {then} WHEN FALSE THEN {otherwise} END)", found

    def binary(self, expr: Binary) -> Typed:
        (left, a), (right, b) = self.operands(expr)
        found = types.binary_type(expr, a, b)
        match expr.operator:
            case "in":
                return self.is_in(expr.right, left, a, right), found
            case "==" | "!=" if NULL in (a, b):
                word = "IS NULL" if expr.operator == "==" else "IS NOT NULL"
                return f"({left if b == NULL else right} {word})", found
            case sign if sign in _COMPARE:
                left, right = self.comparable(expr.operator, (left, a), (right, b))
                return f"({left} {_COMPARE[sign]} {right})", found
            case "+" if found == TEXT:
                return f"({left} || {right})", found
            case _:
                return self.arithmetic(expr, (left, a), (right, b), found), found

    def operands(self, expr: Binary) -> tuple[Typed, Typed]:
        """A text written beside a uuid is a uuid: the other side is looked at first."""
        if isinstance(expr.left, Literal):
            right = self.sql(expr.right)
            return self.beside(expr.left, right[1]), right
        left = self.sql(expr.left)
        return left, self.beside(expr.right, left[1])

    def beside(self, expr: Expr, other: Type) -> Typed:
        match expr:
            case Literal(value=str()) if other == UUID:
                types.check_uuid(expr)
                return self.scope.const(expr.value, UUID), UUID
            case Items(items=items) if other == UUID:
                sqls = [self.beside(item, other) for item in items]
                return f"({', '.join(s for s, _ in sqls)})", types.items_type(expr, [t for _, t in sqls])
        return self.sql(expr)

    def is_in(self, items: Expr, left: str, found: Type, right: str) -> str:
        match items:
            case Items():
                return f"({left} IN {right})"
            case Me(name=name):
                return f"({self.scope.in_me(left, name, found)})"
        if self.is_postgres:
            return f"({right} <> '[]' AND {right} @> to_jsonb({left}))"
        # A null list has no rows, which would read as false.
        return f"(CASE WHEN {right} IS NOT NULL THEN {left} IN (SELECT value FROM json_each({right})) END)"

    def comparable(self, sign: str, left: Typed, right: Typed) -> tuple[str, str]:
        kinds = {left[1].kind, right[1].kind}
        if kinds == {"text", "uuid"} and self.is_postgres:
            return f"CAST({left[0]} AS text)", f"CAST({right[0]} AS text)"
        if "decimal" in kinds:
            scale = max(left[1].scale, right[1].scale)
            return self.rescaled(left, scale), self.rescaled(right, scale)
        if kinds == {"text"} and self.is_postgres and sign not in ("==", "!="):
            return f'{left[0]} COLLATE "C"', f'{right[0]} COLLATE "C"'
        return left[0], right[0]

    def rescaled(self, value: Typed, scale: int) -> str:
        """SQLite holds decimals as whole numbers of the last digit: bring both sides to one digit."""
        sql, found = value
        if self.is_postgres or found.scale == scale:
            return sql
        return f"({sql} * {10 ** (scale - found.scale)})"

    def arithmetic(self, expr: Binary, left: Typed, right: Typed, found: Type) -> str:
        sign = expr.operator
        a, b = (left[0], right[0]) if sign == "*" else (self.rescaled(v, found.scale) for v in (left, right))
        if sign in ("/", "%"):
            b = f"NULLIF({b}, 0)"
            if self.is_postgres:
                return self.fit(f"{'div' if sign == '/' else 'mod'}({self.wide(a)}, {self.wide(b)})", found)
        return self.fit(f"{self.wide(a)} {sign} {self.wide(b)}", found)

    def wide(self, sql: str) -> str:
        """Postgres fails on overflow, so it calculates in numeric; SQLite turns to floating point, which `fit` sees."""
        return f"CAST({sql} AS numeric)" if self.is_postgres else f"({sql})"

    def fit(self, sql: str, found: Type) -> str:
        """Null unless the number fits 64 bits. OFFSET and LIMIT keep planners from writing the inner text out twice."""
        if not self.is_postgres:
            return f"(SELECT v FROM (SELECT {sql} AS v LIMIT 1) WHERE typeof(v) = 'integer')"
        result = "CAST(v AS bigint)" if found == INT else "v"
        shift = f" * 1{'0' * found.scale}" if found.scale else ""
        bounds = "BETWEEN -9223372036854775808 AND 9223372036854775807"
        return f"(SELECT {result} FROM (SELECT {sql} AS v OFFSET 0) AS n WHERE v{shift} {bounds})"

    def call(self, expr: Call) -> Typed:
        if expr.function in ("now", "today"):
            found = types.call_type(expr, [NULL] * len(expr.arguments))
            return (self.scope.now() if expr.function == "now" else self.day((self.scope.now(), DATETIME))), found
        if expr.function == "under":
            return self.under(expr)
        arguments = [self.sql(argument) for argument in expr.arguments]
        found = types.call_type(expr, [t for _, t in arguments])
        if expr.function in types.ASKED:
            return self.scope.ask(expr, [sql for sql, _ in arguments]), found
        return _FUNCTIONS[expr.function](self, arguments), found

    def exists(self, expr: Exists) -> Typed:
        def condition(scope: SqlScope) -> str:
            sql, found = typed_sql(expr.condition, scope)
            types.exists_type(expr, found)
            return sql

        return self.scope.among(expr.path, expr.variable, condition), types.BOOL

    def under(self, expr: Call) -> Typed:
        # The root is no value of the statement, only the ends of its subtree are.
        values = [self.sql(argument) for argument in expr.arguments[:1]]
        found = types.call_type(expr, [t for _, t in values] + [TEXT] * len(expr.arguments[1:]))
        root = expr.arguments[1]
        if isinstance(root, Me):
            return self.scope.within(values[0][0], root.name), found
        assert isinstance(root, Literal)
        first, last = (self.scope.const(end, TEXT) for end in subtree_range(str(root.value)))
        collate = ' COLLATE "C"' if self.is_postgres else ""
        return f"({values[0][0]}{collate} BETWEEN {first} AND {last})", found

    def day(self, value: Typed) -> str:
        sql, found = value
        if found == DATE:
            return sql
        return (
            f"CAST({sql} AT TIME ZONE INTERVAL '8 hours' AS date)" if self.is_postgres else f"date({sql}, '+8 hours')"
        )

    def days(self, values: Sequence[Typed]) -> str:
        first, last = (self.day(value) for value in values)
        if self.is_postgres:
            return f"CAST({last} - {first} AS bigint)"
        return f"CAST(julianday({last}) - julianday({first}) AS INTEGER)"

    def years(self, values: Sequence[Typed]) -> str:
        """Dates read as numbers (20261122): full years are the difference without its last four digits."""
        first, last = (self.day(value) for value in values)
        if self.is_postgres:
            a, b = (f"CAST(to_char({day}, 'YYYYMMDD') AS bigint)" for day in (first, last))
        else:
            a, b = (f"CAST(strftime('%Y%m%d', {day}) AS INTEGER)" for day in (first, last))
        return f"(({b} - {a}) / 10000)"

    def size(self, values: Sequence[Typed]) -> str:
        sql, found = values[0]
        if found == TEXT:
            return f"CAST(char_length({sql}) AS bigint)" if self.is_postgres else f"length({sql})"
        return f"CAST(jsonb_array_length({sql}) AS bigint)" if self.is_postgres else f"json_array_length({sql})"

    def find(self, values: Sequence[Typed]) -> str:
        return f"({'strpos' if self.is_postgres else 'instr'}({values[0][0]}, {values[1][0]}) > 0)"

    def ends(self, values: Sequence[Typed], *, at_start: bool) -> str:
        text, part = values[0][0], values[1][0]
        if self.is_postgres:
            return f"starts_with({text}, {part})" if at_start else f"(right({text}, char_length({part})) = {part})"
        start = "1" if at_start else f"length({text}) - length({part}) + 1"
        long_enough = f"length({part}) <= length({text}) AND "
        return f"({long_enough}substr({text}, {start}, length({part})) = {part})"


_FUNCTIONS: Mapping[str, Callable[[_Compiler, Sequence[Typed]], str]] = {
    "size": _Compiler.size,
    "startsWith": lambda c, values: c.ends(values, at_start=True),
    "endsWith": lambda c, values: c.ends(values, at_start=False),
    "contains": _Compiler.find,
    "days_between": _Compiler.days,
    "years_between": _Compiler.years,
    "string": lambda c, values: f"CAST({values[0][0]} AS {'text' if c.is_postgres else 'TEXT'})",
    "date": lambda c, values: c.day(values[0]),
}
