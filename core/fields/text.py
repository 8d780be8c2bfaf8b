"""Text fields. Text is kept as typed: NFC would rewrite the compatibility ideographs found in personal names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jsonschema_rs

from core.fields.base import Field, FieldError
from core.fields.column import Column

COMPARISONS = ("eq", "ne", "in", "notIn", "lt", "lte", "gt", "gte", "isNull")
TEXT_OPERATORS = (*COMPARISONS, "contains", "startsWith")
#: Searched by `re`: going over characters one by one was 6 % of filing a form.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_BREAKS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def text_of(value: Any) -> str:
    """A text that every database, JSON and UTF-8 can hold."""
    if not isinstance(value, str):
        raise FieldError("text.type", "应为文字")
    if "\0" in value:
        raise FieldError("text.nul", "含有空字符（NUL）")
    if _SURROGATE.search(value):
        raise FieldError("text.surrogate", "含有不完整的字符编码")
    return value


def check_length(value: str, min_chars: int, max_chars: int) -> None:
    if not value:
        raise FieldError("text.empty", "不能是空文字；没有值时请省略或填 null")
    if len(value) < min_chars:
        raise FieldError("text.too-short", f"至少 {min_chars} 个字，现有 {len(value)} 个")
    if len(value) > max_chars:
        raise FieldError("text.too-long", f"至多 {max_chars} 个字，现有 {len(value)} 个")


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> jsonschema_rs.Validator:
    # Linear-time matching: a manifest cannot make the host hang.
    return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Field):
    """One line of text."""

    type: ClassVar[str] = "string"
    options: ClassVar[Mapping[str, Any]] = {
        "min": {"type": "integer", "minimum": 1, "title": "最少字数"},
        "max": {"type": "integer", "minimum": 1, "maximum": 4000, "title": "最多字数"},
        "pattern": {"type": "string", "maxLength": 500, "title": "正则表达式（JSON Schema 的写法，线性时间）"},
    }
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS

    min: int = 1
    max: int = 200
    pattern: str = ""

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        text = text_of(value)
        if _CONTROL.search(text):
            raise FieldError("string.control", "含有换行或控制字符")
        check_length(text, self.min, self.max)
        if self.pattern and not _pattern(self.pattern).is_valid(text):
            raise FieldError("string.pattern", "不符合规定的格式")
        return text

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "minLength": self.min, "maxLength": self.max}
        return schema | ({"pattern": self.pattern} if self.pattern else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    """Text of several lines."""

    type: ClassVar[str] = "text"
    options: ClassVar[Mapping[str, Any]] = {
        "max": {"type": "integer", "minimum": 1, "maximum": 100_000, "title": "最多字数"},
    }
    operators: ClassVar[tuple[str, ...]] = ("contains", "startsWith", "isNull")
    widget: ClassVar[str] = "textarea"

    max: int = 4000

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        text = text_of(value)
        if _CONTROL_BUT_BREAKS.search(text):
            raise FieldError("text.control", "含有控制字符")
        check_length(text, 1, self.max)
        return text

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.max}


def text_column(field: Field) -> Column:
    return Column(
        field.name, "text", null=not field.required, default=field.default, renamed_from=field.renamed_from or None
    )
