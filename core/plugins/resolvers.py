"""Puts the guard around resolvers that plugins wrote by hand, so that one that blocks or loops is interrupted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from tongban_sdk.errors import UnavailableError

from core.plugins.errors import PluginError
from core.plugins.hooks import Part

#: A whole resolver; the request has its own deadline above it.
LIMIT_S = 5.0
STRETCH_S = 0.25

Resolve = Callable[..., Any]


def guard_resolvers(schema: GraphQLSchema, parts: Mapping[str, Part]) -> None:
    """Wrap every resolver whose class comes from a plugin's own package."""
    if not parts:
        return
    owners = {_package(plugin): part for part in parts.values() for plugin in part.manager.get_plugins()}
    roots = (schema.query_type, schema.mutation_type)
    for type_ in schema.type_map.values():
        # Types of manifests are the host's own; there are thousands, and their fields are not worth a look.
        if isinstance(type_, GraphQLObjectType) and (type_ in roots or "strawberry-definition" in type_.extensions):
            for field in type_.fields.values():
                if "strawberry-definition" not in field.extensions:
                    continue
                part = owners.get(_origin(field))
                # What the API itself put around a resolver (its audit line) stays around the guard.
                holder = field.resolve if hasattr(field.resolve, "resolve") else field
                if part is not None and holder.resolve is not None and not hasattr(holder.resolve, "__guarded__"):
                    holder.resolve = _guard(part, type_.name, holder.resolve)


def _package(plugin: Any) -> str:
    return _top(str(getattr(plugin, "__module__", None) or getattr(plugin, "__name__", "")))


def _top(module: str) -> str:
    """`plugins.x.schema` belongs to `plugins.x`, `reading_room.schema` to `reading_room`."""
    words = module.split(".")
    return ".".join(words[:2]) if words[0] == "plugins" else words[0]


def _origin(field: GraphQLField) -> str:
    definition = (field.extensions or {}).get("strawberry-definition")
    origin = getattr(definition, "origin", None)
    return _top(origin.__module__) if origin is not None else ""


def _guard(part: Part, type_name: str, resolve: Resolve) -> Resolve:
    async def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        hook = f"{type_name}.{info.field_name}"

        async def call() -> Any:
            result = resolve(source, info, **arguments)
            return await result if inspect.isawaitable(result) else result

        try:
            return await part.run(hook, call, LIMIT_S, STRETCH_S)
        except PluginError as error:
            raise UnavailableError("这项功能暂时不可用，请稍后再试", retry_after_s=30) from error

    guarded.__guarded__ = True  # type: ignore[attr-defined]  # a mark on a function
    return guarded
