"""Resolvers of the mutations made from manifests: write, then read back what the caller selected and may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.fields import all_fields
from core.fields.base import Field
from core.fields.refs import Ref
from core.manifest.model import Entity
from graphql import GraphQLObjectType, get_named_type


def input_name(field: Field) -> str:
    """Name of a field in inputs: a reference is given by its id."""
    return f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name


def values_of(entity: Entity, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field name."""
    names = {input_name(field): name for name, field in all_fields(entity).items()}
    return {names[name]: value for name, value in given.items()}


async def resolve_create(
    _source: Any, info: Any, *, input: Mapping[str, Any], idempotencyKey: str | None = None
) -> Any:
    entity = _entity(info)
    context = info.context
    written = await context.generation.writer.create(
        context.actor, entity, values_of(entity, input), idempotency_key=idempotencyKey
    )
    return await _read_back(info, entity, written.id)


async def resolve_update(_source: Any, info: Any, *, id: str, version: int, patch: Mapping[str, Any]) -> Any:
    entity = _entity(info)
    context = info.context
    await context.generation.writer.update(context.actor, entity, id, version, values_of(entity, patch))
    return await _read_back(info, entity, id)


async def resolve_delete(_source: Any, info: Any, *, id: str, version: int) -> str:
    context = info.context
    await context.generation.writer.delete(context.actor, _entity(info), id, version)
    return id


def _entity(info: Any) -> Entity:
    entity: Entity = info.parent_type.fields[info.field_name].extensions["root"].entity
    return entity


async def _read_back(info: Any, entity: Entity, id: str) -> Any:
    type_ = get_named_type(info.return_type)
    assert isinstance(type_, GraphQLObjectType)
    return await info.context.generation.reader.row(info, entity, type_, id)
