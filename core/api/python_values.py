"""Python's own types in hand-written fields: one DateTime in the API, and a resolver that says `datetime` gets one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
    get_named_type,
)
from strawberry.scalars import JSON as StrawberryJSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition
from tongban_sdk import InputProblem, InvalidInputError

from core.api.scalars import DATE, DATETIME, DECIMAL, JSON, TIME
from core.fields.base import FieldError
from core.fields.text import text_of
from core.fields.times import parse_date, parse_instant, parse_time

#: Python type → the host's scalar.
_SCALARS: Mapping[object, GraphQLScalarType] = {
    datetime: DATETIME, date: DATE, time: TIME, Decimal: DECIMAL, StrawberryJSON: JSON,
}  # fmt: skip
#: The host's scalars check text and keep it; this makes Python of it. Texts: such as no database refuses.
_READERS: Mapping[Any, Callable[[Any], Any]] = {
    DATETIME: parse_instant, DATE: parse_date, TIME: parse_time, DECIMAL: Decimal, GraphQLString: text_of,
    GraphQLID: text_of,
}  # fmt: skip


def host_scalars() -> StrawberryConfig:
    """What strawberry is told, so that its own scalars of the same names never appear."""
    return StrawberryConfig(scalar_map={kind: _definition(scalar) for kind, scalar in _SCALARS.items()})


def _definition(scalar: GraphQLScalarType) -> ScalarDefinition:
    return ScalarDefinition(
        name=scalar.name, description=scalar.description, specified_by_url=None, serialize=None, parse_value=None,
        parse_literal=None, implementation=scalar, origin=scalar,
    )  # fmt: skip


def read_arguments(field: GraphQLField) -> None:
    """Let a field that takes such scalars, inside inputs too, find Python values in its arguments."""
    if not any(_holds_scalar(argument.type) for argument in field.args.values()):
        return
    types = {argument.out_name or name: argument.type for name, argument in field.args.items()}

    def reading(resolve: Any) -> Any:
        def call(source: Any, info: Any, **arguments: Any) -> Any:
            return resolve(source, info, **_read(types, arguments))

        return call

    field.resolve = field.resolve and reading(field.resolve)
    field.subscribe = field.subscribe and reading(field.subscribe)


def _read(types: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    found, problems = {}, []
    for name, value in arguments.items():
        try:
            found[name] = _value(types[name], value)
        except FieldError as error:
            problems.append(InputProblem((name,), error.message, error.id))
    if problems:
        raise InvalidInputError("填写的内容有误", problems)
    return found


def _holds_scalar(type_: Any, above: frozenset[str] = frozenset()) -> bool:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType) and named.name not in above:
        return any(_holds_scalar(field.type, above | {named.name}) for field in named.fields.values())
    return named in _READERS


def _value(type_: Any, value: Any) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return _value(type_.of_type, value)
    if value is None:
        return None
    if isinstance(type_, GraphQLList):
        return [_value(type_.of_type, item) for item in value]
    if isinstance(type_, GraphQLInputObjectType):
        types = {field.out_name or name: field.type for name, field in type_.fields.items()}
        return {name: _value(types[name], inner) for name, inner in value.items()}
    return _READERS[type_](value) if type_ in _READERS else value
