"""One schema of manifests, the core's own fields and the plugins' Python. A toggle pays for its own types only."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import strawberry
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    introspection_types,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from tongban_sdk.host_api import GraphqlTypes

from core.api.handwritten import finish, stand_in
from core.api.plugin_types import PluginTypes, PluginTypesCache, SchemaConflictError
from core.api.python_values import host_scalars
from core.api.scalars import SHARED
from core.manifest.model import World


@dataclass(frozen=True, slots=True)
class Roots:
    """Strawberry classes whose fields the core itself puts at the roots."""

    query: type | None = None
    mutation: type | None = None
    subscription: type | None = None


class MergedSchema(GraphQLSchema):
    """A GraphQLSchema from a type map that is known already: graphql-core's own constructor walks every type."""

    def __init__(
        self,
        query: GraphQLObjectType,
        mutation: GraphQLObjectType | None,
        subscription: GraphQLObjectType | None,
        type_map: dict[str, GraphQLNamedType],
        base: GraphQLSchema,
    ) -> None:
        self.query_type = query
        self.mutation_type = mutation
        self.subscription_type = subscription
        self.type_map = type_map
        self.directives = base.directives
        self.description = base.description
        self.extensions = dict(base.extensions)
        self.ast_node = None
        self.extension_ast_nodes = ()
        # Parts are valid on their own and names are unique; a test runs validate_schema on the whole.
        self.assume_valid = True
        self._validation_errors = []
        self._sub_type_map = {}
        self._implementations_map = base._implementations_map


class HostSchema(strawberry.Schema):
    """A strawberry schema whose `_schema` also holds the types of the manifests."""

    def get_fields(self, type_definition: Any) -> list[Any]:
        # Strawberry's field extensions change a field when they are applied: every build gets its own copy.
        return [copy.copy(f) if f.extensions else f for f in type_definition.fields]

    #: Set on a subclass before it is built: types of manifests by name.
    manifest_types: ClassVar[Mapping[str, GraphQLObjectType]] = {}

    @property
    def schema_converter(self) -> GraphQLCoreConverter:
        return self._converter

    @schema_converter.setter
    def schema_converter(self, converter: GraphQLCoreConverter) -> None:
        # Strawberry's constructor makes the converter and uses it at once: this is the only moment in between.
        stand_in(converter, self.manifest_types)
        self._converter = converter

    def merged(self, parts: Mapping[str, PluginTypes]) -> HostSchema:
        """This schema with the fields and types of the manifests."""
        result = copy.copy(self)
        result._schema = _merge(self._schema, parts)
        result._schema._strawberry_schema = result  # type: ignore[attr-defined]  # strawberry reads it in every resolver
        return result


@dataclass(eq=False)
class Composer:
    """`await composer(world, types)` composes; types of manifests and of unchanged Python are reused."""

    own: Sequence[Roots] = ()
    _cache: PluginTypesCache = field(default_factory=PluginTypesCache)
    _base: tuple[tuple[Any, ...], HostSchema] | None = None

    async def __call__(self, world: World, types: Mapping[str, GraphqlTypes]) -> HostSchema:
        parts: dict[str, PluginTypes] = {}
        for plugin in world.plugins.values():
            parts[plugin.id] = await self._cache.get(plugin, parts)
            await asyncio.sleep(0)
        self._cache.keep_only(set(world.plugins))
        base = self._strawberry(types, self._reachable(world, types, parts))
        await asyncio.sleep(0)
        schema = base.merged(parts)
        forget_old_schemas()
        return schema

    @staticmethod
    def _reachable(
        world: World, types: Mapping[str, GraphqlTypes], parts: Mapping[str, PluginTypes]
    ) -> tuple[PluginTypes, ...]:
        """Types that Python of plugins may name: of the plugin itself and of those it requires."""
        ids = {other for id in types if id in world.plugins for other in (id, "core", *world.plugins[id].requires)}
        return tuple(part for id, part in parts.items() if id in ids)

    def _strawberry(self, types: Mapping[str, GraphqlTypes], reachable: tuple[PluginTypes, ...]) -> HostSchema:
        roots: list[tuple[str, Any]] = [*(("", roots) for roots in self.own), *types.items()]
        key = (reachable, *((id, r.query, r.mutation, getattr(r, "subscription", None)) for id, r in roots))
        if self._base is None or self._base[0] != key:
            objects = {t.object.name: t.object for part in reachable for t in part.entities.values()}
            self._base = (key, _strawberry_schema(roots, objects))
        return self._base[1]


def _strawberry_schema(roots: list[tuple[str, Any]], objects: Mapping[str, GraphQLObjectType]) -> HostSchema:
    classes = {
        name: _joined(name, [(id, cls) for id, r in roots if (cls := getattr(r, name.lower(), None))])
        for name in ("Query", "Mutation", "Subscription")
    }
    # Strawberry wants a query; this field disappears as soon as anything real is there.
    query = classes["Query"] or strawberry.type(type("Query", (), {"__annotations__": {"version": str}, "version": ""}))
    kind = type("HostSchema", (HostSchema,), {"manifest_types": objects})
    schema: HostSchema = kind(
        query=query, mutation=classes["Mutation"], subscription=classes["Subscription"], config=host_scalars()
    )
    finish(schema._schema)
    return schema


def _joined(name: str, classes: list[tuple[str, type]]) -> type | None:
    """One root class out of several; no field may come from two."""
    owner: dict[str, str] = {}
    for id, cls in classes:
        for f in cls.__strawberry_definition__.fields:  # type: ignore[attr-defined]  # a strawberry class
            if f.name in owner:
                raise SchemaConflictError(f.name, (owner[f.name], id))
            owner[f.name] = id
    return strawberry.type(type(name, tuple(cls for _, cls in classes), {})) if classes else None


def _merge(base: GraphQLSchema, parts: Mapping[str, PluginTypes]) -> MergedSchema:
    type_map: dict[str, GraphQLNamedType] = {}
    owner: dict[str, str] = {}
    hidden = {"Query", "Mutation", "Subscription"}
    shared = {t.name: t for t in (*SHARED, *introspection_types.values())}
    named = {name: t for name, t in base.type_map.items() if name not in hidden}
    for id, types in (("", shared), ("", named), *((id, part.named) for id, part in parts.items())):
        for name, type_ in types.items():
            if type_map.setdefault(name, type_) is not type_:
                raise SchemaConflictError(name, (owner[name], id))
            owner.setdefault(name, id)
    query = _merged_root("Query", base.query_type, {id: part.query for id, part in parts.items()})
    mutation = _merged_root("Mutation", base.mutation_type, {id: part.mutation for id, part in parts.items()})
    for root in (query, mutation, base.subscription_type):
        if root is not None:
            type_map[root.name] = root
    assert query is not None
    return MergedSchema(query, mutation, base.subscription_type, type_map, base)


def _merged_root(
    name: str, base: GraphQLObjectType | None, parts: Mapping[str, Mapping[str, GraphQLField]]
) -> GraphQLObjectType | None:
    fields = dict(base.fields) if base else {}
    owner = dict.fromkeys(fields, "")
    for id, part in parts.items():
        for key, definition in part.items():
            if key in fields:
                raise SchemaConflictError(key, (owner[key], id))
            fields[key], owner[key] = definition, id
    if not fields:
        return None
    extensions = dict(base.extensions) if base else {}
    root = GraphQLObjectType(name, fields, description=base.description if base else None, extensions=extensions)
    # What the property makes of them, without a look at every letter of thousands of names: they are valid already.
    root.__dict__["fields"] = fields
    return root


def forget_old_schemas() -> None:
    """Strawberry keeps schemas in caches of its class; without this an old generation would never be collected."""
    strawberry.Schema.get_type_by_name.cache_clear()
    strawberry.Schema.get_directive_by_name.cache_clear()
