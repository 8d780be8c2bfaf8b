"""Fields every entity has, and the list of all fields of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from core.fields.base import Field, FieldError
from core.fields.column import Column, Kind
from core.fields.numbers import Integer
from core.fields.places import Division
from core.fields.refs import UUID_SCHEMA, parse_uuid
from core.fields.text import COMPARISONS, String
from core.fields.times import DateTime


class HasFields(Protocol):
    """What this room needs to know of an entity."""

    @property
    def fields(self) -> Mapping[str, Field]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Id(Field):
    """The id of a row (UUID version 7), made by the host."""

    type: ClassVar[str] = "id"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "notIn", "isNull")
    scalar: ClassVar[str] = "ID"
    kind: ClassVar[Kind] = "uuid"

    @property
    def is_writable(self) -> bool:
        return False

    def columns(self) -> tuple[Column, ...]:
        return (Column(self.name, "uuid", null=not self.required, primary=self.name == "id"),)

    def parse(self, value: Any) -> str:
        return parse_uuid(value)

    def json_schema(self) -> dict[str, Any]:
        return UUID_SCHEMA | {"readOnly": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp(DateTime):
    """An instant the host writes."""

    @property
    def is_writable(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(String):
    """The id of the actor who wrote."""

    @property
    def is_writable(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(Integer):
    """Counts the changes of a row, from 1."""

    operators: ClassVar[tuple[str, ...]] = COMPARISONS

    @property
    def is_writable(self) -> bool:
        return False

    def parse(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= self.max:
            raise FieldError("version.range", "应为正整数")
        return value


#: `deleted_at` is no field: it is never exposed, and every read asks that it be null.
SYSTEM_FIELDS: Mapping[str, Field] = {
    f.name: f
    for f in (
        Id(name="id", title="标识", required=True, level="L1"),
        Division(name="division", title="区划", level="L2"),
        Id(name="org", title="单位", level="L2"),
        Stamp(name="created_at", title="创建时间", required=True, level="L2"),
        Account(name="created_by", title="创建人", level="L2"),
        Stamp(name="updated_at", title="修改时间", required=True, level="L2"),
        Account(name="updated_by", title="修改人", level="L2"),
        Version(name="version", title="版本", required=True, level="L1"),
    )
}
DELETED_AT = Column("deleted_at", "datetime")


def all_fields(entity: HasFields) -> dict[str, Field]:
    """System fields, then declared ones."""
    return {**SYSTEM_FIELDS, **entity.fields}
