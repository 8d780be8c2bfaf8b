"""Fields that point at rows: of an entity, or of the file register."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
UUID_SCHEMA: dict[str, Any] = {"type": "string", "format": "uuid"}


def parse_uuid(value: Any) -> str:
    text = value.lower() if isinstance(value, str) and value.isascii() else ""
    if not _UUID.fullmatch(text):
        raise FieldError("ref.format", "应为标识（UUID）")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref(Field):
    """A row of another entity; the column is `<name>_id`."""

    type: ClassVar[str] = "ref"
    options: ClassVar[Mapping[str, Any]] = {
        "to": {"type": "string", "pattern": r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$", "title": "指向的实体"},
        "inverse": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,40}$", "title": "对方实体上的反向字段名"},
        "on_delete": {"enum": ["restrict", "set_null"], "title": "对方删除时：拒绝或置空"},
    }
    required_options: ClassVar[tuple[str, ...]] = ("to",)
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "notIn", "isNull")
    scalar: ClassVar[str] = "ID"
    widget: ClassVar[str] = "ref"

    #: Full key, "community.house".
    to: str = ""
    inverse: str = ""
    on_delete: str = "restrict"

    @property
    def column_name(self) -> str:
        return f"{self.name}_id"

    def columns(self) -> tuple[Column, ...]:
        renamed_from = f"{self.renamed_from}_id" if self.renamed_from else None
        return (Column(self.column_name, "uuid", null=not self.required, renamed_from=renamed_from),)

    def parse(self, value: Any) -> str:
        return parse_uuid(value)

    def json_schema(self) -> dict[str, Any]:
        return dict(UUID_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Field):
    """An uploaded file: the id of its row in core.file."""

    type: ClassVar[str] = "file"
    options: ClassVar[Mapping[str, Any]] = {
        "accept": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[a-z]+/[a-z0-9.+-]+$"},
            "minItems": 1,
            "title": "接受的文件类型",
        },
        "max_bytes": {"type": "integer", "minimum": 1, "title": "最大字节数"},
    }
    operators: ClassVar[tuple[str, ...]] = ("eq", "isNull")
    scalar: ClassVar[str] = "ID"
    widget: ClassVar[str] = "file"

    accept: tuple[str, ...] = ()
    max_bytes: int | None = None

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.name, "uuid", null=not self.required, renamed_from=self.renamed_from),)

    def parse(self, value: Any) -> str:
        return parse_uuid(value)

    def json_schema(self) -> dict[str, Any]:
        return dict(UUID_SCHEMA)
