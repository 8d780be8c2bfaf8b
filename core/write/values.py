"""Input to canonical rows, canonical rows to columns and to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tongban_sdk.errors import InputProblem, InvalidInputError

from core.crypto import Vault
from core.fields.base import Field, FieldError
from core.fields.refs import Ref
from core.fields.sealed import is_sealed_text
from core.manifest.model import Entity
from core.store.dialect import Dialect
from core.store.tables import table_of
from core.write.rest import Rest, opened
from core.write.shape import Stored, shape_of

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


def to_columns(rest: Rest, row: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all columns as they go to rest; `row` holds every stored field."""
    values: dict[str, Any] = {}
    for stored in shape_of(rest.entity).stored:
        _put(values, rest, stored, row[stored.field.name])
    return values


def changed_columns(rest: Rest, before: Row, after: Row, *, sealing: bool = False) -> dict[str, Any]:
    """Values of the columns that differ; with `sealing`, of all that rows about children hold sealed."""
    values: dict[str, Any] = {}
    for stored in shape_of(rest.entity).stored:
        name = stored.field.name
        if before[name] != after[name] or (sealing and stored.is_for_children):
            _put(values, rest, stored, after[name])
    return values


def _put(values: dict[str, Any], rest: Rest, stored: Stored, value: Any) -> None:
    names = stored.names
    if not stored.is_plain:
        values.update(rest.columns(stored, value))
    elif len(names) == 1:
        values[names[0]] = value
    else:
        values.update(zip(names, (None,) * len(names) if value is None else stored.field.split(value), strict=True))


def from_columns(dialect: Dialect, entity: Entity, raw: Mapping[str, Any], vault: Vault | None = None) -> Row:
    """A row of the database by field name. What cannot be opened is `Unreadable`, and stays as it is when written."""
    columns = table_of(entity).by_name
    row: Row = {}
    for stored in shape_of(entity).stored:
        sealed = None if stored.is_plain else raw[stored.sealed]
        if is_sealed_text(sealed):
            row[stored.field.name] = opened(vault, entity, stored.field, str(raw["id"]), sealed)
        else:
            parts = tuple(dialect.load(columns[name], raw[name]) for name in stored.names)
            row[stored.field.name] = parts[0] if len(parts) == 1 else (None if None in parts else parts)
    return row
