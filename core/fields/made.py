"""Values the host makes itself: running numbers and computed fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal as Dec
from functools import lru_cache
from typing import Any, ClassVar

from core.expr import Expr, SqlScope, evaluate, parse, typed_sql
from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.numbers import SAFE_MAX, Boolean, Decimal, Integer, Money
from core.fields.text import TEXT_OPERATORS, String, text_column
from core.fields.times import Date, DateTime

_PART = re.compile(r"\{(division|date|seq):([^{}]+)\}", re.ASCII)
_DATE_FORMAT = re.compile(r"(%[Ymd])+", re.ASCII)


def check_format(text: str) -> None:
    """A format names one counter, and only known parts."""
    parts = _PART.findall(text)
    rest = _PART.sub("", text)
    if [kind for kind, _ in parts].count("seq") != 1 or not re.fullmatch(r"[A-Z0-9-]*", rest, re.ASCII):
        raise FieldError("sequence.format", "应由大写字母、数字、-、{division:6}、{date:%Y%m%d} 和一个 {seq:7} 组成")
    for kind, option in parts:
        widths = {"division": ("2", "4", "6", "9", "12"), "seq": tuple(map(str, range(1, 13)))}.get(kind)
        if option not in widths if widths else not _DATE_FORMAT.fullmatch(option):
            raise FieldError("sequence.format", f"{{{kind}:{option}}} 的写法无效")


@lru_cache(1024)
def _around_number(format: str, division: str, day: date) -> tuple[str | int, ...]:
    """What stands around the running number, and its width in its place."""
    end = 0
    pieces: list[str | int] = []
    for part in _PART.finditer(format):
        kind, option = part.groups()
        pieces.append(format[end : part.start()])
        end = part.end()
        match kind:
            case "date":
                pieces.append(day.strftime(option))
            case "seq":
                pieces.append(int(option))
            case _:
                pieces.append(division[: int(option)].ljust(int(option), "0"))
    return (*pieces, format[end:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Field):
    """A running number such as CM640522202611220000017; never used twice."""

    type: ClassVar[str] = "sequence"
    options: ClassVar[Mapping[str, Any]] = {
        "format": {
            "type": "string",
            "minLength": 1,
            "maxLength": 80,
            "title": "编号格式",
            "description": "大写字母、数字、- 和 {division:6}、{date:%Y%m%d}、{seq:7}，如 CM{date:%Y}{seq:7}",
        },
    }
    required_options: ClassVar[tuple[str, ...]] = ("format",)
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS

    format: str = ""

    @property
    def is_writable(self) -> bool:
        return False

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        raise FieldError("sequence.written", "编号由系统生成，不能填写")

    def counter(self, entity_key: str, division: str, day: date) -> str:
        """Name of the counter: everything but the running number, so that each day and place counts from 1."""
        return f"{entity_key}.{self.name}:{self._render(division, day, '{seq}')}"

    def render(self, division: str, day: date, number: int) -> str:
        return self._render(division, day, str(number))

    def _render(self, division: str, day: date, number: str) -> str:
        pieces = _around_number(self.format, division, day)
        return "".join([piece if isinstance(piece, str) else number.rjust(piece, "0") for piece in pieces])

    @property
    def shape(self) -> str:
        """One letter for each of a number: "#" = any digit."""
        widths = {"%Y": 4, "%m": 2, "%d": 2}

        def marks(match: re.Match[str]) -> str:
            kind, option = match.groups()
            return "#" * (sum(widths[part] for part in re.findall("%.", option)) if kind == "date" else int(option))

        return _PART.sub(marks, self.format)

    def may_equal(self, other: Sequence) -> bool:
        """Whether both can give the same number."""
        pairs = list(zip(self.shape, other.shape, strict=False))
        same = all(a == b or (a in "#0123456789" and b in "#0123456789" and "#" in (a, b)) for a, b in pairs)
        return len(self.shape) == len(other.shape) and same

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "readOnly": True}


RESULTS = ("string", "integer", "boolean", "decimal", "money", "date", "datetime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed(Field):
    """A value worked out from the row by an expression; stored on write, or computed in each read."""

    type: ClassVar[str] = "computed"
    options: ClassVar[Mapping[str, Any]] = {
        "as": {"enum": [*RESULTS], "title": "结果的类型"},
        "expr": {"type": "string", "minLength": 1, "maxLength": 2000, "title": "表达式"},
        "stored": {"type": "boolean", "title": "写入时算好并存下"},
        "scale": {"type": "integer", "minimum": 0, "maximum": 9, "title": "小数位数（as 为 decimal）"},
    }
    required_options: ClassVar[tuple[str, ...]] = ("as", "expr")

    as_type: str = "string"
    expr: str = ""
    stored: bool = False
    scale: int = 2

    @property
    def expression(self) -> Expr:
        return parse(self.expr)

    @property
    def result(self) -> Field:
        """The field this would be if somebody wrote it by hand."""
        return _RESULT_MAKERS[self.as_type](self)

    @property
    def result_column(self) -> Column:
        return self.result.columns()[0]

    @property
    def result_operators(self) -> tuple[str, ...]:
        return self.result.operators

    @property
    def graphql_scalar(self) -> str:
        return self.result.graphql_scalar

    @property
    def is_writable(self) -> bool:
        return False

    def columns(self) -> tuple[Column, ...]:
        return self.result.columns() if self.stored else ()

    def sql(self, scope: SqlScope) -> str:
        """The value over a row of the scope, in the form its column has or would have."""
        sql, found = typed_sql(self.expression, scope)
        column = self.result_column
        if column.kind != "decimal":
            return f"({sql})"
        if scope.dialect_name == "postgres":
            return f"CAST({sql} AS numeric(38,{column.scale}))"
        return f"({sql} * {10 ** (column.scale - found.scale)})"

    def evaluate(self, row: Mapping[str, Any], me: Mapping[str, Any], now: datetime) -> Any:
        """The canonical value; Undecided when the expression walks to a row that `row` does not hold."""
        value = evaluate(self.expression, row, me, now)
        if value is None or self.result_column.kind != "decimal":
            return value
        return Dec(value).quantize(Dec(1).scaleb(-self.result_column.scale))

    def parse(self, value: Any) -> Any:
        raise FieldError("computed.written", "该值由系统计算，不能填写")

    def json_schema(self) -> dict[str, Any]:
        return {"readOnly": True}


def _named(computed: Computed) -> dict[str, Any]:
    return {"name": computed.name, "title": computed.title, "renamed_from": computed.renamed_from}


_RESULT_MAKERS: Mapping[str, Callable[[Computed], Field]] = {
    "string": lambda c: String(**_named(c), max=4000),
    "integer": lambda c: Integer(**_named(c), min=-SAFE_MAX, max=SAFE_MAX),
    "boolean": lambda c: Boolean(**_named(c)),
    "decimal": lambda c: Decimal(**_named(c), precision=18, scale=c.scale),
    "money": lambda c: Money(**_named(c)),
    "date": lambda c: Date(**_named(c)),
    "datetime": lambda c: DateTime(**_named(c)),
}
