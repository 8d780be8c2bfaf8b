"""Resolvers of the mutations made from manifests: write, then read back what the caller selected and may see."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, get_named_type
from tongban_sdk.actor import Actor

from core.api.refusals import refused_write, tell_refusal
from core.fields import all_fields
from core.fields.base import Field
from core.fields.refs import Ref
from core.manifest.model import Entity
from core.read.roots import RootField


def input_name(field: Field) -> str:
    """Name of a field in inputs: a reference is given by its id."""
    return f"{field.graphql_name}Id" if isinstance(field, Ref) else field.graphql_name


_KEPT: dict[str, tuple[Entity, Mapping[str, str]]] = {}


def values_of(entity: Entity, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field name."""
    kept = _KEPT.get(entity.key)
    if kept is None or kept[0] is not entity:
        names = {input_name(f): name for name, f in all_fields(entity).items() if f.is_writable}
        kept = _KEPT[entity.key] = (entity, names)
    return {kept[1][name]: value for name, value in given.items() if name in kept[1]}


async def written_id(writer: Any, actor: Actor, root: RootField, arguments: Mapping[str, Any]) -> str:
    """Do what a root field asks; the id of the row. RequestError means that nothing was written."""
    entity = root.entity
    match root.kind:
        case "create":
            values, key = values_of(entity, arguments["input"]), arguments.get("idempotencyKey")
            return str((await writer.create(actor, entity, values, idempotency_key=key)).id)
        case "update":
            patch = values_of(entity, arguments["patch"])
            return str((await writer.update(actor, entity, arguments["id"], arguments["version"], patch)).id)
        case _:
            return str((await writer.delete(actor, entity, arguments["id"], arguments["version"])).id)


async def resolve_write(_source: Any, info: Any, **arguments: Any) -> Any:
    """Resolver of every mutation made from manifests."""
    root: RootField = info.parent_type.fields[info.field_name].extensions["root"]
    context = info.context
    try:
        id = await written_id(context.generation.writer, context.actor, root, arguments)
    except (Exception, CancelledError) as error:
        await tell_refusal(context.host, refused_write(context.actor, root, arguments.get("id"), error))
        raise
    return id if root.kind == "delete" else await _read_back(info, root.entity, id)


async def _read_back(info: Any, entity: Entity, id: str) -> Any:
    type_ = get_named_type(info.return_type)
    assert isinstance(type_, GraphQLObjectType)
    return await info.context.generation.reader.row(info, entity, type_, id)
