"""Hand-written strawberry types that return rows of manifests: the resolver names the row, the reader reads it.

A plugin declares a strawberry type with the name of the manifest's type and a field `id`. It stands for that type;
whatever else the client selects is read by the planner, under the rights of the caller.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition

from core.api.python_values import read_arguments
from core.manifest.model import Entity


def stand_in(converter: GraphQLCoreConverter, manifest_types: Mapping[str, GraphQLObjectType]) -> None:
    """Make the converter answer with a manifest's type where a class of that name stands for it."""
    convert = converter.from_object

    def from_object(object_type: StrawberryObjectDefinition) -> GraphQLObjectType:
        name = converter.config.name_converter.from_type(object_type)
        return manifest_types.get(name) or convert(object_type)

    converter.from_object = from_object  # type: ignore[method-assign]  # the converter has no seam for known types


def finish(schema: GraphQLSchema) -> None:
    """Wrap hand-written fields that take Python values or return rows. Once per schema: its types are its own."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and "strawberry-definition" in type_.extensions:
            for field in type_.fields.values():
                read_arguments(field)
                named = get_named_type(field.type)
                if isinstance(named, GraphQLObjectType) and "entity" in named.extensions:
                    _wrap(field, named)


def _wrap(field: GraphQLField, type_: GraphQLObjectType) -> None:
    resolve = field.resolve
    assert resolve is not None
    entity: Entity = type_.extensions["entity"]

    async def read(source: Any, info: Any, **arguments: Any) -> Any:
        found = resolve(source, info, **arguments)
        if inspect.isawaitable(found):
            found = await found
        if isinstance(found, list | tuple):
            rows = await asyncio.gather(*(_row(info, entity, type_, item) for item in found))
            # A row the caller may not see is not there.
            return [row for row in rows if row is not None]
        return None if found is None else await _row(info, entity, type_, found)

    field.resolve = read


async def _row(info: Any, entity: Entity, type_: GraphQLObjectType, named: Any) -> Any:
    id = str(getattr(named, "id", named))
    return await info.context.generation.reader.row(info, entity, type_, id)
