"""Values of variables as graphql-core coerces them, without walking its types at every request.

Made once per variable of a document. Whatever is not plainly right is left to graphql-core, which also words the error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    Undefined,
)


class NotPlain(Exception):
    """Ask graphql-core."""


Coerce = Callable[[Any], Any]
#: Built-in scalars whose value of exactly this type is taken as it is. A bool is no int here.
_BUILT_IN: Mapping[str, type] = {"ID": str, "String": str, "Boolean": bool}


def coercion(type_: GraphQLInputType) -> Coerce:
    """What `coerce_input_value` does with a value of this type; NotPlain where it should be asked itself."""
    if isinstance(type_, GraphQLNonNull):
        return _required(coercion(type_.of_type))
    if isinstance(type_, GraphQLList):
        return _nullable(_list(coercion(type_.of_type)))
    if isinstance(type_, GraphQLInputObjectType):
        return _nullable(_object(type_))
    if isinstance(type_, GraphQLEnumType):
        return _nullable(_enum({name: value.value for name, value in type_.values.items()}))
    return _nullable(_scalar(type_))


def _required(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            raise NotPlain
        return inner(value)

    return coerce


def _nullable(inner: Coerce) -> Coerce:
    return lambda value: None if value is None else inner(value)


def _scalar(type_: GraphQLScalarType) -> Coerce:
    plain, ask = _BUILT_IN.get(type_.name), type_.coerce_input_value

    def coerce(value: Any) -> Any:
        if plain is not None and type(value) is plain:
            return value
        try:
            return ask(value)
        except Exception:
            raise NotPlain from None

    return coerce


def _enum(values: Mapping[str, Any]) -> Coerce:
    def coerce(value: Any) -> Any:
        if type(value) is not str or value not in values:
            raise NotPlain
        return values[value]

    return coerce


def _list(item: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if type(value) is not list:
            raise NotPlain
        return [item(element) for element in value]

    return coerce


def _object(type_: GraphQLInputObjectType) -> Coerce:
    """Fields are looked at with the first value: input types may hold themselves."""
    fields: list[tuple[str, Coerce, bool]] = []
    is_ordinary = type_.out_type is GraphQLInputObjectType.out_type and not type_.is_one_of

    def coerce(value: Any) -> Any:
        if type(value) is not dict or not is_ordinary:
            raise NotPlain
        if not fields:
            fields.extend(_fields(type_))
        made = {}
        for name, inner, must in fields:
            if name in value:
                made[name] = inner(value[name])
            elif must:
                raise NotPlain
        if len(made) != len(value):
            raise NotPlain
        return made

    return coerce


def _fields(type_: GraphQLInputObjectType) -> list[tuple[str, Coerce, bool]]:
    """Name, coercion, and whether a value without it is for graphql-core: required, or with a default."""
    return [
        (
            name,
            coercion(field.type) if field.out_name in (None, name) else _ask,
            isinstance(field.type, GraphQLNonNull) or _has_default(field),
        )
        for name, field in type_.fields.items()
    ]


def _has_default(field: Any) -> bool:
    return field.default is not None or field.default_value is not Undefined


def _ask(_: Any) -> Any:
    raise NotPlain
