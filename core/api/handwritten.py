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
from core.api.refusals import audit_of, code_of, tell_refusal
from core.audit import Entry
from core.audit.audit import unavailable
from core.audit.call import CALL, Call
from core.manifest.model import Entity


def stand_in(converter: GraphQLCoreConverter, manifest_types: Mapping[str, GraphQLObjectType]) -> None:
    """Make the converter answer with a manifest's type where a class of that name stands for it."""
    convert = converter.from_object

    def from_object(object_type: StrawberryObjectDefinition) -> GraphQLObjectType:
        name = converter.config.name_converter.from_type(object_type)
        return manifest_types.get(name) or convert(object_type)

    converter.from_object = from_object  # type: ignore[method-assign]  # the converter has no seam for known types


def finish(schema: GraphQLSchema) -> None:
    """Wrap hand-written fields that take Python values or return rows, and every mutation with its audit line. Once per
    schema: its types are its own."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and "strawberry-definition" in type_.extensions:
            for field in type_.fields.values():
                read_arguments(field)
                named = get_named_type(field.type)
                if isinstance(named, GraphQLObjectType) and "entity" in named.extensions:
                    _wrap(field, named)
    if schema.mutation_type is not None:
        for name, field in schema.mutation_type.fields.items():
            definition = field.extensions.get("strawberry-definition")
            field.resolve = AuditedMutation(getattr(definition, "python_name", name), field.resolve)


def _wrap(field: GraphQLField, type_: GraphQLObjectType) -> None:
    resolve = field.resolve
    assert resolve is not None
    entity: Entity = type_.extensions["entity"]

    async def read(source: Any, info: Any, **arguments: Any) -> Any:
        found = resolve(source, info, **arguments)
        if inspect.isawaitable(found):
            found = await found
        if isinstance(found, list | tuple):
            return await info.context.generation.reader.rows(info, entity, type_, [_id(item) for item in found])
        return None if found is None else await info.context.generation.reader.row(info, entity, type_, _id(found))

    field.resolve = read


def _id(named: Any) -> str:
    return str(getattr(named, "id", named))


class AuditedMutation:
    """A resolver that leaves one audit line: its own, or the one written here. The guard of plugins goes inside."""

    def __init__(self, action: str, resolve: Any) -> None:
        self.action, self.resolve = action, resolve

    async def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        call = Call(self.action)
        token = CALL.set(call)
        try:
            return await self._run(call, source, info, arguments)
        finally:
            CALL.reset(token)

    async def _run(self, call: Call, source: Any, info: Any, arguments: Mapping[str, Any]) -> Any:
        host, actor = info.context.host, info.context.actor
        audit = audit_of(host)
        if audit is not None and await audit.check():
            # What it does cannot be taken back once the line turns out not to be writable.
            raise unavailable()
        try:
            found = self.resolve(source, info, **arguments)
            if inspect.isawaitable(found):
                found = await found
        except (Exception, asyncio.CancelledError) as error:
            if not call.has_failure:
                await tell_refusal(host, Entry(actor, self.action, result=code_of(error)))
            raise
        if audit is not None and not call.has_success:
            await audit.record(Entry(actor, self.action))
        return found
