"""Paths of trees: every row knows its way from the root, so that a subtree is one range of an index."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.fields.base import Field, FieldError
from core.fields.column import Column
from core.fields.text import TEXT_OPERATORS, text_column

#: Beyond it an index of either database could refuse the row.
PATH_MAX_CHARS = 1000
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path(Field):
    """ "/640522/mz/jz/": the segments of all rows above and of this one. The host writes it, and moves subtrees."""

    type: ClassVar[str] = "path"
    options: ClassVar[Mapping[str, Any]] = {
        "parent": {"type": "string", "title": "上级字段", "description": "指向同一实体的引用字段；为空就是根"},
        "segment": {
            "type": "string",
            "title": "路径段字段",
            "description": "必填的 string 字段，如编码；只用字母、数字、_ 和 -",
        },
    }
    required_options: ClassVar[tuple[str, ...]] = ("parent", "segment")
    operators: ClassVar[tuple[str, ...]] = TEXT_OPERATORS

    parent: str = ""
    segment: str = ""

    @property
    def is_writable(self) -> bool:
        return False

    def columns(self) -> tuple[Column, ...]:
        return (text_column(self),)

    def parse(self, value: Any) -> str:
        raise FieldError("path.written", "路径由系统按上级生成，不能填写")

    def under(self, above: str | None, segment: str) -> str:
        """The path of a row below the path `above`; None is no row above."""
        if not _SEGMENT.fullmatch(segment):
            raise FieldError("path.segment", "只能用字母、数字、_ 和 -，至多 64 个字")
        path = f"{above or '/'}{segment}/"
        if len(path) > PATH_MAX_CHARS:
            raise FieldError("path.too-long", f"层级太深：路径至多 {PATH_MAX_CHARS} 个字")
        return path

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "readOnly": True}
