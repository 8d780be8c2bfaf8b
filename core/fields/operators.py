"""Comparison operators of `where`, as data: the shape of the argument, the parameters it binds, the SQL.

A planner asks `params(field)` once per plan, adds a placeholder for each and calls `sql`; at bind time `Param.make`
turns the argument into the canonical value, or raises FieldError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any, ClassVar, Literal, Protocol

from core.fields.base import Field, FieldError
from core.fields.column import Column, Kind
from core.fields.made import Computed
from core.fields.numbers import SAFE_MAX, Boolean, Decimal, Integer
from core.fields.places import division_range, parse_crs, parse_position
from core.fields.refs import parse_uuid
from core.fields.structured import List
from core.fields.text import text_of
from core.fields.times import parse_date, parse_instant, parse_time

#: Shape of the GraphQL argument: a value of the field's own type, a list of them, Boolean, String,
#: {west, south, east, north, crs} or {lng, lat, crs, radiusM}.
Shape = Literal["value", "list", "boolean", "text", "box", "circle"]

LIST_MAX_ITEMS = 200
RADIUS_MAX_M = 50_000
METRES_PER_DEGREE = 111_319.49


class SqlDialect(Protocol):
    """The part of a dialect that operators use."""

    name: ClassVar[str]

    def in_list(self, sql: str, placeholder: str, column: Column) -> str: ...


@dataclass(frozen=True, slots=True)
class Param:
    """One bound parameter of an operator."""

    column: Column
    #: Argument (JSON) to canonical value.
    make: Callable[[Any], Any]
    many: bool = False


SqlMaker = Callable[[SqlDialect, Sequence[Column], Sequence[str], Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Operator:
    """`sql` takes the dialect, the columns of `params`, the field's SQL (two for a point) and the placeholders."""

    shape: Shape
    params: Callable[[Field], tuple[Param, ...]]
    sql: SqlMaker


def filter_columns(field: Field) -> tuple[Column, ...]:
    """The columns that operators compare: of a computed field those of its result; of a list its elements."""
    match field:
        case Computed():
            return field.result.columns()
        case List():
            return (field.item_column,)
        case _:
            return field.columns()


def operators_of(field: Field) -> tuple[str, ...]:
    return field.result.operators if isinstance(field, Computed) else field.operators


def value_maker(column: Column) -> Callable[[Any], Any]:
    """A filter may hold any value of the kind: one that no row can have just finds nothing."""
    if column.kind == "decimal":
        return Decimal(name="", title="", precision=18, scale=column.scale).parse
    return _MAKERS[column.kind]


_MAKERS: Mapping[Kind, Callable[[Any], Any]] = {
    "text": text_of,
    "uuid": parse_uuid,
    "int": Integer(name="", title="", min=-SAFE_MAX, max=SAFE_MAX).parse,
    "bool": Boolean(name="", title="").parse,
    "date": parse_date,
    "datetime": parse_instant,
    "time": parse_time,
}


def _one(field: Field) -> tuple[Param, ...]:
    column = filter_columns(field)[0]
    return (Param(column, value_maker(column)),)


def _text(field: Field) -> tuple[Param, ...]:
    return (Param(filter_columns(field)[0], text_of),)


def _prefix(field: Field) -> tuple[Param, ...]:
    """First and past-the-last of the texts that begin so: a range, so that an index answers."""
    column = filter_columns(field)[0]
    return Param(column, text_of), Param(column, lambda value: _after(text_of(value)))


def _after(prefix: str) -> str:
    """The least text beyond all that begin with `prefix`, in the order of code points (and of UTF-8)."""
    head = prefix.rstrip("\U0010ffff")
    if not head:
        # Nothing lies beyond: no text has so many of the last character.
        return "\U0010ffff" * (len(prefix) + 100)
    last = ord(head[-1])
    # Surrogates are no characters, and no database holds NUL.
    return head[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)


def _flag(field: Field) -> tuple[Param, ...]:
    return (Param(Column(field.name, "bool"), Boolean(name="", title="").parse),)


def _many(field: Field) -> tuple[Param, ...]:
    column = filter_columns(field)[0]
    make = value_maker(column)

    def values(items: Any) -> list[Any]:
        if not isinstance(items, list) or len(items) > LIST_MAX_ITEMS:
            raise FieldError("where.list", f"应为列表，至多 {LIST_MAX_ITEMS} 个")
        return [make(item) for item in items]

    return (Param(column, values, many=True),)


def _under(field: Field) -> tuple[Param, ...]:
    column = filter_columns(field)[0]

    def bound(index: int) -> Callable[[Any], str]:
        return lambda value: division_range(_code(value))[index]

    return Param(column, bound(0)), Param(column, bound(1))


def _code(value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) not in (12, 15):
        raise FieldError("where.under", "应为 12 位区划代码或 15 位网格代码")
    return value


def _box(field: Field) -> tuple[Param, ...]:
    def edge(corner: tuple[str, str], index: int) -> Callable[[Any], int]:
        return lambda box: parse_position(box[corner[0]], box[corner[1]], parse_crs(box.get("crs")))[index]

    low, high = ("west", "south"), ("east", "north")
    int_column = Column(field.name, "int")
    return tuple(Param(int_column, edge(corner, i)) for i in (0, 1) for corner in (low, high))


def _circle(field: Field) -> tuple[Param, ...]:
    """Centre, radius (metres to 1e-7 degrees of latitude), and how much a degree of longitude shrinks here (× 1e6)."""

    def centre(index: int) -> Callable[[Any], int]:
        return lambda c: parse_position(c["lng"], c["lat"], parse_crs(c.get("crs")))[index]

    def shrink(circle: Any) -> int:
        return round(cos(centre(1)(circle) / 1e7 * pi / 180) * 1e6)

    def radius(circle: Any) -> int:
        metres = circle["radiusM"]
        if isinstance(metres, bool) or not isinstance(metres, int | float) or not 0 < metres <= RADIUS_MAX_M:
            raise FieldError("where.radius", f"半径应大于 0、不超过 {RADIUS_MAX_M} 米")
        return round(metres / METRES_PER_DEGREE * 1e7)

    def half_width(circle: Any) -> int:
        return radius(circle) * 1_000_000 // max(shrink(circle), 1) + 1

    makers: tuple[Callable[[Any], int], ...] = (
        *(centre(0), centre(1), radius, shrink),
        lambda c: centre(1)(c) - radius(c),
        lambda c: centre(1)(c) + radius(c),
        lambda c: centre(0)(c) - half_width(c),
        lambda c: centre(0)(c) + half_width(c),
    )
    return tuple(Param(Column(field.name, "int"), make) for make in makers)


def squared_distance(dialect: SqlDialect, sql: Sequence[str], marks: Sequence[str]) -> str:
    """Of a point (two columns) from the centre of a circle whose marks are those of `near`: only to compare and order.

    Flat: exact enough (< 0.5 %) for 50 km, and needs no trigonometry of the database.
    """
    lng, lat, _, shrink, *_ = (_cast(dialect, mark) for mark in marks)
    x, y = f"(({sql[0]} - {lng}) * {shrink} / 1000000.0)", f"(({sql[1]} - {lat}) * 1.0)"
    return f"({x} * {x} + {y} * {y})"


def _circle_sql(dialect: SqlDialect, columns: Sequence[Column], sql: Sequence[str], marks: Sequence[str]) -> str:
    """The square around the circle stands beside it for the index."""
    radius, south, north, west, east = (_cast(dialect, marks[i]) for i in (2, 4, 5, 6, 7))
    near = f"{squared_distance(dialect, sql, marks)} <= {radius} * 1.0 * {radius}"
    square = f"{sql[0]} BETWEEN {west} AND {east} AND {sql[1]} BETWEEN {south} AND {north}"
    return f"({square} AND {near})"


def _cast(dialect: SqlDialect, mark: str) -> str:
    return f"CAST({mark} AS bigint)" if dialect.name == "postgres" else mark


def _compare(sign: str) -> SqlMaker:
    return lambda dialect, columns, sql, marks: f"{sql[0]} {sign} {marks[0]}"


def _has_sql(dialect: SqlDialect, columns: Sequence[Column], sql: Sequence[str], marks: Sequence[str]) -> str:
    """`sql[0]` is the JSON list."""
    if dialect.name == "postgres":
        kind = "bigint" if columns[0].kind == "int" else "text"
        return f"{sql[0]} @> to_jsonb(CAST({marks[0]} AS {kind}))"
    return f"{marks[0]} IN (SELECT value FROM json_each({sql[0]}))"


def _contains_sql(dialect: SqlDialect, columns: Sequence[Column], sql: Sequence[str], marks: Sequence[str]) -> str:
    return f"{'strpos' if dialect.name == 'postgres' else 'instr'}({sql[0]}, {marks[0]}) > 0"


def _starts_sql(dialect: SqlDialect, columns: Sequence[Column], sql: Sequence[str], marks: Sequence[str]) -> str:
    text = f'({sql[0]}) COLLATE "C"' if dialect.name == "postgres" else sql[0]
    return f"({text} >= {marks[0]} AND {text} < {marks[1]})"


OPERATORS: Mapping[str, Operator] = {
    "eq": Operator("value", _one, _compare("=")),
    "ne": Operator("value", _one, _compare("<>")),
    "lt": Operator("value", _one, _compare("<")),
    "lte": Operator("value", _one, _compare("<=")),
    "gt": Operator("value", _one, _compare(">")),
    "gte": Operator("value", _one, _compare(">=")),
    "in": Operator("list", _many, lambda d, c, sql, m: d.in_list(sql[0], m[0], c[0])),
    "notIn": Operator("list", _many, lambda d, c, sql, m: f"NOT ({d.in_list(sql[0], m[0], c[0])})"),
    "isNull": Operator("boolean", _flag, lambda d, c, sql, m: f"({sql[0]} IS NULL) = {m[0]}"),
    "contains": Operator("text", _text, _contains_sql),
    "startsWith": Operator("text", _prefix, _starts_sql),
    "under": Operator("text", _under, lambda d, c, sql, m: f"{sql[0]} BETWEEN {m[0]} AND {m[1]}"),
    "has": Operator("value", _one, _has_sql),
    "within": Operator(
        "box",
        _box,
        lambda d, c, sql, m: f"({sql[0]} BETWEEN {m[0]} AND {m[1]} AND {sql[1]} BETWEEN {m[2]} AND {m[3]})",
    ),
    "near": Operator("circle", _circle, _circle_sql),
}
