"""Scalars of the API and the few object types every plugin shares. Input is checked here, once, for every path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)

from core.fields.base import FieldError
from core.fields.numbers import SAFE_MAX
from core.fields.times import parse_date, parse_instant, parse_time
from core.read.picks import pick
from core.store.dialect import datetime_text

PAGE_SIZE_MAX = 100
PAGE_SIZE_DEFAULT = 20
_DECIMAL_DIGITS_MAX = 38


def _checked(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Check and keep the text: fields and filters make the canonical value themselves."""

    def coerce(value: Any) -> Any:
        try:
            parse(value)
        except FieldError as error:
            raise GraphQLError(error.message) from None
        return value

    return coerce


def _long(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > SAFE_MAX:
        raise GraphQLError("应为整数，绝对值不超过 2^53-1")
    return value


def _decimal(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    digits = text.removeprefix("-").replace(".", "", 1) if isinstance(text, str) else ""
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _DECIMAL_DIGITS_MAX
    if not is_number or not isinstance(text, str) or text.startswith((".", "-.")) or text.endswith("."):
        raise GraphQLError('应为写成文字的小数，如 "12.50"')
    return text


def _page_size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= PAGE_SIZE_MAX:
        raise GraphQLError(f"应为 1 到 {PAGE_SIZE_MAX} 的整数")
    return value


def _same(value: Any) -> Any:
    return value


def _printed(kind: type, text: Callable[[Any], str]) -> Callable[[Any], Any]:
    """Rows come as text already; values that hand-written resolvers return are printed the same way."""
    return lambda value: text(value) if isinstance(value, kind) else value


def _instant_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise GraphQLError("时间没有时区")
    return datetime_text(value)


def _scalar(
    name: str, description: str, coerce: Callable[[Any], Any], output: Callable[[Any], Any] = _same
) -> GraphQLScalarType:
    return GraphQLScalarType(
        name, description=description, coerce_output_value=output, coerce_input_value=coerce, extensions={"exact": True}
    )


LONG = _scalar("Long", "整数，绝对值不超过 2^53-1。", _long)
DECIMAL = _scalar(
    "Decimal", '精确的小数，写成文字，如 "12.50"。', _decimal, _printed(Decimal, lambda value: f"{value:f}")
)
DATE = _scalar("Date", "日期，YYYY-MM-DD。", _checked(parse_date), _printed(date, date.isoformat))
DATETIME = _scalar(
    "DateTime",
    "带时区的时间；回答一律为 UTC，到毫秒，如 2026-11-22T00:30:00.000Z。",
    _checked(parse_instant),
    _printed(datetime, _instant_text),
)
TIME = _scalar(
    "Time", "当地时刻，HH:MM:SS。", _checked(parse_time), _printed(time, lambda value: value.isoformat("seconds"))
)
JSON = _scalar("JSON", "任意 JSON 值。", _same)
PAGE_SIZE = _scalar("PageSize", f"一页的行数，1 到 {PAGE_SIZE_MAX}。", _page_size)

SCALARS: dict[str, GraphQLScalarType] = {
    "String": GraphQLString, "Int": GraphQLInt, "Float": GraphQLFloat, "Boolean": GraphQLBoolean, "ID": GraphQLID,
    "Long": LONG, "Decimal": DECIMAL, "Date": DATE, "DateTime": DATETIME, "Time": TIME, "JSON": JSON,
    "PageSize": PAGE_SIZE,
}  # fmt: skip


def _required(scalar: GraphQLScalarType, description: str) -> GraphQLField:
    return GraphQLField(GraphQLNonNull(scalar), description=description, resolve=pick)


POINT = GraphQLObjectType(
    "Point",
    {
        "lng": _required(GraphQLFloat, "经度，度。"),
        "lat": _required(GraphQLFloat, "纬度，度。"),
        "crs": _required(GraphQLString, "坐标系，回答一律为 CGCS2000。"),
    },
    description="地图上的一点。",
    extensions={"point": True},
)

PAGE_INFO = GraphQLObjectType(
    "PageInfo",
    {
        "hasNextPage": _required(GraphQLBoolean, "后面还有没有。"),
        "hasPreviousPage": _required(GraphQLBoolean, "是不是从中间开始的。"),
        "startCursor": GraphQLField(GraphQLString, description="本页第一行的游标。", resolve=pick),
        "endCursor": GraphQLField(GraphQLString, description="本页最后一行的游标，作为下一页的 after。", resolve=pick),
    },
    description="分页情况。",
)


def _structural(name: str, values: dict[str, str], description: str) -> GraphQLEnumType:
    return GraphQLEnumType(
        name,
        {key: GraphQLEnumValue(key, description=title) for key, title in values.items()},
        description=description,
        extensions={"structural": True},
    )


DIRECTION = _structural("OrderDirection", {"ASC": "从小到大，空值在前。", "DESC": "从大到小，空值在后。"}, "排序方向。")
DATE_BUCKET = _structural(
    "DateBucket",
    {"DAY": "按日。", "WEEK": "按周，周一开始。", "MONTH": "按月。", "YEAR": "按年。"},
    "按时间分组，北京时间。",
)
DIVISION_LEVEL = _structural(
    "DivisionLevel",
    {"PROVINCE": "省。", "CITY": "市。", "COUNTY": "县。", "TOWNSHIP": "乡镇、街道。", "VILLAGE": "村、社区。"},
    "按行政区划分组。",
)


def input_type(name: str, description: str, fields: dict[str, GraphQLInputField]) -> GraphQLInputObjectType:
    return GraphQLInputObjectType(name, fields, description=description)


#: Named types every composed schema holds.
SHARED: tuple[GraphQLNamedType, ...] = (
    *SCALARS.values(), POINT, PAGE_INFO, DIRECTION, DATE_BUCKET, DIVISION_LEVEL,
)  # fmt: skip
