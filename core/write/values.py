"""Input to canonical rows, canonical rows to columns and to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.fields.base import Field, FieldError
from core.fields.refs import Ref
from core.manifest.model import Entity
from core.store.dialect import Dialect, datetime_text
from core.store.tables import table_of
from core.write.shape import shape_of

#: Canonical values by field name; a ref is the id, a point is (lng7, lat7).
Row = dict[str, Any]


def parse_input(entity: Entity, values: Mapping[str, Any], *, is_new: bool, root: str) -> Row:
    """Canonical values of an input. InvalidInputError lists everything wrong with it at once."""
    shape = shape_of(entity)
    problems: list[InputProblem] = []
    row: Row = dict(shape.defaults) if is_new else {}
    for name, value in values.items():
        field = shape.writable.get(name)
        if field is None:
            problems.append(InputProblem((root, name), "没有这个可填写的字段", "input.unknown-field"))
            continue
        try:
            row[name] = (shape.defaults.get(name) if is_new else None) if value is None else field.parse(value)
        except FieldError as error:
            problems.append(InputProblem((root, input_name(field)), error.message, error.id))
            # Wrong, but not missing.
            row[name] = ...
    for field in shape.required:
        if (is_new or field.name in values) and row.get(field.name) is None:
            problems.append(InputProblem((root, input_name(field)), f"{field.title}是必填项", "input.required"))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)
    return row


def input_name(field: Field) -> str:
    """The name in GraphQL inputs."""
    return f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name


def to_columns(entity: Entity, row: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all columns; `row` holds every stored field."""
    values: dict[str, Any] = {}
    for field, names in shape_of(entity).stored:
        _put(values, field, names, row[field.name])
    return values


def changed_columns(entity: Entity, before: Row, after: Row) -> dict[str, Any]:
    """Values of the columns that differ."""
    values: dict[str, Any] = {}
    for field, names in shape_of(entity).stored:
        if before[field.name] != after[field.name]:
            _put(values, field, names, after[field.name])
    return values


def _put(values: dict[str, Any], field: Field, names: tuple[str, ...], value: Any) -> None:
    if len(names) == 1:
        values[names[0]] = value
    else:
        values.update(zip(names, (None,) * len(names) if value is None else field.split(value), strict=True))


def from_columns(dialect: Dialect, entity: Entity, raw: Mapping[str, Any]) -> Row:
    """A row of the database by field name."""
    columns = table_of(entity).by_name
    row: Row = {}
    for field, names in shape_of(entity).stored:
        parts = tuple(dialect.load(columns[name], raw[name]) for name in names)
        row[field.name] = parts[0] if len(parts) == 1 else (None if None in parts else parts)
    return row


_PRINTED_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


def to_json(value: Any) -> Any:
    """A canonical value as the API prints it."""
    if type(value) in _PRINTED_AS_THEY_ARE:
        return value
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
