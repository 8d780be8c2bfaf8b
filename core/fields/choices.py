"""One of a list: an enum lists its values in the field, a code takes them from a code set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as option
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.text import COMPARISONS, check_length, text_column, text_of

CODE_MAX_CHARS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum(Field):
    """A choice between a few values; `values` is id → title."""

    type: ClassVar[str] = "enum"
    options: ClassVar[Mapping[str, Any]] = {
        "values": {
            "type": "object",
            "title": "可选值：标识 → 名称",
            "minProperties": 1,
            "maxProperties": 200,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,40}$"},
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 60},
        },
    }
    required_options: ClassVar[tuple[str, ...]] = ("values",)
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "notIn", "isNull")
    #: GraphQL builds an enum type per field.
    scalar: ClassVar[str] = ""
    widget: ClassVar[str] = "select"

    values: Mapping[str, str] = option(default_factory=dict)

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise FieldError("enum.unknown", f"应为以下之一：{'、'.join(self.values)}")
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Field):
    """A code of a code set. The world binds `codes` (code → parent) once all code sets are read."""

    type: ClassVar[str] = "code"
    options: ClassVar[Mapping[str, Any]] = {"set": {"type": "string", "title": "代码集的标识"}}
    required_options: ClassVar[tuple[str, ...]] = ("set",)
    operators: ClassVar[tuple[str, ...]] = (*COMPARISONS, "startsWith")
    widget: ClassVar[str] = "code"

    code_set: str = ""
    codes: Mapping[str, str | None] | None = None

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        return parse_code(value, self.code_set, self.codes)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": CODE_MAX_CHARS}


def parse_code(value: Any, code_set: str, codes: Mapping[str, str | None] | None) -> str:
    code = text_of(value)
    check_length(code, 1, CODE_MAX_CHARS)
    if codes is not None and code not in codes:
        raise FieldError("code.unknown", f"不在代码集 {code_set} 中")
    return code
