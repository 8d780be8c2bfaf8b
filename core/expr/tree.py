"""The tree of an expression: frozen, comparable, hashable. Offsets take no part in equality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as option
from datetime import date, datetime
from decimal import Decimal


class ExprError(ValueError):
    """An expression that cannot be used; `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message}（第 {offset + 1} 个字符）")
        self.message = message
        self.offset = offset


class Undecided(Exception):
    """Python lacks a value that only the database has; nothing is known about the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    offset: int = option(default=0, compare=False)
    depth: int = option(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: bool | int | Decimal | str | date | datetime | None
    #: Keeps true apart from 1 and 1 from 1.0, which Python calls equal.
    kind: str = option(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", repr(type(self.value)) + str(self.value))


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A field of the row, or of a row its refs lead to."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Me(Node):
    """A fact about the caller."""

    name: str


@dataclass(frozen=True, slots=True)
class Items(Node):
    """A list; only on the right of `in`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`&&` or `||` of two or more parts, kept flat so that long rules stay shallow."""

    operator: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice(Node):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Exists(Node):
    """Whether one of the rows that point here (`path` ends with an inverse) fulfils the condition; CEL's macro."""

    path: tuple[str, ...]
    variable: str
    condition: Expr


Expr = Literal | Path | Me | Items | Unary | Binary | Logic | Choice | Call | Exists


def both(*parts: Expr | None) -> Expr | None:
    """All parts at once; None is a part that always holds. Parts that are conjunctions themselves are laid flat."""
    given = [part for part in parts if part is not None]
    flat = tuple(
        inner
        for part in given
        for inner in (part.parts if isinstance(part, Logic) and part.operator == "&&" else (part,))
    )
    return flat[0] if len(flat) == 1 else Logic("&&", flat) if flat else None


def children(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case Items(items=parts) | Logic(parts=parts) | Call(arguments=parts):
            return parts
        case Unary(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Exists(condition=condition):
            return (condition,)
        case _:
            return ()


def paths(expr: Expr) -> frozenset[tuple[str, ...]]:
    """All field paths of the row an expression reads; what the rows in a macro are asked for is not among them."""
    own = frozenset({expr.names}) if isinstance(expr, Path) else frozenset()
    found = own.union(*(paths(child) for child in children(expr)))
    if not isinstance(expr, Exists):
        return found
    walked = {expr.path[:-1]} if len(expr.path) > 1 else set()
    return frozenset(path for path in found | walked if path[0] != expr.variable)


def nodes(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it."""
    yield expr
    for child in children(expr):
        yield from nodes(child)
