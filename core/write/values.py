"""Input to canonical rows, canonical rows to columns and to JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields import all_fields
from core.fields.base import Field, FieldError
from core.fields.made import Computed
from core.fields.refs import Ref
from core.manifest.model import Entity
from core.store.dialect import Dialect, datetime_text
from core.store.tables import table_of

#: Canonical values by field name; a ref is the id, a point is (lng7, lat7).
Row = dict[str, Any]
#: System fields an input may give.
GIVEN_SYSTEM = ("division", "org")


def parse_input(entity: Entity, values: Mapping[str, Any], *, is_new: bool, root: str) -> Row:
    """Canonical values of an input. InvalidInputError lists everything wrong with it at once."""
    problems: list[InputProblem] = []
    row: Row = {}
    known = all_fields(entity)
    for name, value in values.items():
        field = known.get(name)
        if field is None or not (field.is_writable and (name in entity.fields or name in GIVEN_SYSTEM)):
            problems.append(InputProblem((root, name), "没有这个可填写的字段", "input.unknown-field"))
            continue
        try:
            row[name] = None if value is None else field.parse(value)
        except FieldError as error:
            problems.append(InputProblem((root, _input_name(field)), error.message, error.id))
    wrong = {problem.path[1] for problem in problems}
    for field in entity.fields.values():
        is_asked = is_new or field.name in values
        if is_new and row.get(field.name) is None and field.default is not None:
            row[field.name] = field.default
        name = _input_name(field)
        is_missing = field.required and field.is_writable and is_asked and row.get(field.name) is None
        if is_missing and name not in wrong:
            problems.append(InputProblem((root, name), f"{field.title}是必填项", "input.required"))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)
    return row


def _input_name(field: Field) -> str:
    return f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name


def stored_fields(entity: Entity) -> list[Field]:
    """Fields with columns, system fields first."""
    return [f for f in all_fields(entity).values() if not isinstance(f, Computed) or f.stored]


def to_columns(fields: Sequence[Field], row: Mapping[str, Any]) -> dict[str, Any]:
    """Column values of the given fields."""
    values: dict[str, Any] = {}
    for field in fields:
        columns, value = field.columns(), row.get(field.name)
        if len(columns) == 1:
            values[columns[0].name] = value
        else:
            parts = (None,) * len(columns) if value is None else field.split(value)
            values |= {column.name: part for column, part in zip(columns, parts, strict=True)}
    return values


def from_columns(dialect: Dialect, entity: Entity, raw: Mapping[str, Any]) -> Row:
    """A row of the database by field name."""
    table = table_of(entity)
    row: Row = {}
    for field in stored_fields(entity):
        parts = tuple(dialect.load(table.by_name[c.name], raw[c.name]) for c in field.columns())
        row[field.name] = parts[0] if len(parts) == 1 else (None if None in parts else parts)
    return row


def to_json(value: Any) -> Any:
    """A canonical value as the API prints it."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return datetime_text(value)
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds")
        case (int(), int()) if isinstance(value, tuple):
            return {"lng": value[0] / 10**7, "lat": value[1] / 10**7, "crs": "CGCS2000"}
        case tuple():
            return list(value)
        case _:
            return value
