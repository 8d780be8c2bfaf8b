"""Values with parts: a list of scalars, or free JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from core.fields.base import Field, FieldError
from core.fields.choices import CODE_MAX_CHARS, Enum, parse_code
from core.fields.column import Column
from core.fields.numbers import SAFE_MAX
from core.fields.text import String, text_of

JSON_MAX_BYTES = 64 * 1024
JSON_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Field):
    """A list of texts, integers, codes or enum values; no nulls, no doubles."""

    type: ClassVar[str] = "list"
    options: ClassVar[Mapping[str, Any]] = {
        "of": {"enum": ["string", "integer", "code", "enum"], "title": "元素的类型"},
        "set": {"type": "string", "title": "代码集的标识（of 为 code）"},
        "values": Enum.options["values"] | {"title": "可选值（of 为 enum）"},
        "max_items": {"type": "integer", "minimum": 1, "maximum": 1000, "title": "最多个数"},
    }
    required_options: ClassVar[tuple[str, ...]] = ("of",)
    operators: ClassVar[tuple[str, ...]] = ("has", "isNull")
    #: GraphQL builds a list type of the element's scalar.
    scalar: ClassVar[str] = ""
    widget: ClassVar[str] = "tags"

    of: str = "string"
    code_set: str = ""
    codes: Mapping[str, str | None] | None = None
    values: Mapping[str, str] | None = None
    max_items: int = 100

    @property
    def item_scalar(self) -> str:
        return {"string": "String", "integer": "Int", "code": "String"}.get(self.of, "")

    @property
    def item_column(self) -> Column:
        return Column(self.name, "int" if self.of == "integer" else "text")

    def columns(self) -> tuple[Column, ...]:
        null = not self.required
        return (Column(self.name, "json", null=null, default=self.default, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> list[str | int]:
        if not isinstance(value, list):
            raise FieldError("list.type", "应为列表")
        if len(value) > self.max_items:
            raise FieldError("list.too-long", f"至多 {self.max_items} 个")
        items = [self.parse_item(item) for item in value]
        if len(set(items)) < len(items):
            raise FieldError("list.doubles", "不能有重复的值")
        return items

    def parse_item(self, value: Any) -> str | int:
        return _ITEM_PARSERS[self.of](self, value)

    def json_schema(self) -> dict[str, Any]:
        items: dict[str, dict[str, Any]] = {
            "string": {"type": "string", "minLength": 1, "maxLength": 200},
            "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
            "code": {"type": "string", "minLength": 1, "maxLength": CODE_MAX_CHARS},
            "enum": {"enum": list(self.values or ())},
        }
        return {"type": "array", "items": items[self.of], "maxItems": self.max_items, "uniqueItems": True}


def _parse_integer(field: List, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise FieldError("list.item", "每个元素应为 32 位整数")
    return value


def _parse_enum(field: List, value: Any) -> str:
    if not isinstance(value, str) or value not in (field.values or {}):
        raise FieldError("list.item", f"每个元素应为以下之一：{'、'.join(field.values or ())}")
    return value


_LINE = String(name="", title="")
_ITEM_PARSERS: Mapping[str, Callable[[List, Any], str | int]] = {
    "string": lambda field, value: _LINE.parse(value),
    "integer": _parse_integer,
    "code": lambda field, value: parse_code(value, field.code_set, field.codes),
    "enum": _parse_enum,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Json(Field):
    """Free JSON, at most 64 KB; for what no other type describes."""

    type: ClassVar[str] = "json"
    operators: ClassVar[tuple[str, ...]] = ("isNull",)
    scalar: ClassVar[str] = "JSON"
    widget: ClassVar[str] = "json"

    def columns(self) -> tuple[Column, ...]:
        null = not self.required
        return (Column(self.name, "json", null=null, default=self.default, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> Any:
        _check_json(value, 0)
        if len(orjson.dumps(value)) > JSON_MAX_BYTES:
            raise FieldError("json.too-long", f"至多 {JSON_MAX_BYTES // 1024} KB")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {}


def _check_json(value: Any, depth: int) -> None:
    if depth > JSON_MAX_DEPTH:
        raise FieldError("json.depth", f"至多 {JSON_MAX_DEPTH} 层")
    match value:
        case str():
            text_of(value)
        case None | bool():
            return
        # Only what every client reads back as the same number; NaN compares false.
        case int() | float() if -SAFE_MAX <= value <= SAFE_MAX:
            return
        case list():
            for item in value:
                _check_json(item, depth + 1)
        case dict():
            for key, item in value.items():
                text_of(key)
                _check_json(item, depth + 1)
        case _:
            raise FieldError("json.value", "含有 JSON 不能准确表达的值")
