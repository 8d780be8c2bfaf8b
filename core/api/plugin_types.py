"""Everything the manifest of one plugin adds to the API, built once per manifest and shared by all generations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    get_named_type,
)

from core.access.files import FILE
from core.api.mutations import resolve_write
from core.api.types import EntityTypes
from core.fields.refs import Ref
from core.manifest.model import Entity, Plugin
from core.read.roots import RootField, RootKind


class SchemaConflictError(ValueError):
    """Two parts of the world want the same name in the API; the operator must rename one."""

    def __init__(self, name: str, plugin_ids: tuple[str, ...]) -> None:
        super().__init__(f"接口中的名字 {name} 重复：{'、'.join(id or 'core' for id in plugin_ids)}")
        self.name = name
        self.plugin_ids = plugin_ids


@dataclass(frozen=True, eq=False)
class PluginTypes:
    """Types and root fields of one plugin. Refers to plugins before it, never to one after."""

    plugin_id: str
    entities: Mapping[str, EntityTypes]
    #: Own named types and the shared ones they use, by name.
    named: Mapping[str, GraphQLNamedType]
    query: Mapping[str, GraphQLField]
    mutation: Mapping[str, GraphQLField]


@dataclass(eq=False)
class PluginTypesCache:
    """Reuses the types of a plugin while its manifest and those it refers to are the same."""

    _kept: dict[str, tuple[tuple[Any, ...], PluginTypes]] = field(default_factory=dict)

    async def get(self, plugin: Plugin, before: Mapping[str, PluginTypes]) -> PluginTypes:
        needed = {ref.to.partition(".")[0] for _, ref in _refs(plugin)} - {plugin.id}
        known = {id: before[id] for id in sorted(needed) if id in before}
        key = (plugin.hash, *((id, types) for id, types in known.items()))
        kept = self._kept.get(plugin.id)
        if kept is None or kept[0] != key:
            kept = self._kept[plugin.id] = (key, await _build(plugin, known))
        return kept[1]

    def keep_only(self, plugin_ids: set[str]) -> None:
        """Forget the plugins that are gone, so that their types can be collected."""
        for id in set(self._kept) - plugin_ids:
            del self._kept[id]


def _refs(plugin: Plugin) -> Iterator[tuple[Entity, Ref]]:
    for entity in plugin.entities.values():
        for f in entity.fields.values():
            if isinstance(f, Ref):
                yield entity, f


async def _build(plugin: Plugin, before: Mapping[str, PluginTypes]) -> PluginTypes:
    """Yields to the loop after each entity: a large plugin must not stall running requests."""
    own: dict[str, EntityTypes] = {}
    others = {key: types for part in before.values() for key, types in part.entities.items()}

    def types_of(key: str) -> EntityTypes | None:
        return own.get(key) or others.get(key)

    for entity in plugin.entities.values():
        inverses = tuple((other, ref) for other, ref in _refs(plugin) if ref.inverse and ref.to == entity.key)
        own[entity.key] = EntityTypes(entity, types_of, inverses)
        await asyncio.sleep(0)
    named: dict[str, GraphQLNamedType] = {}
    query: dict[str, GraphQLField] = {}
    mutation: dict[str, GraphQLField] = {}
    for types in own.values():
        for named_type in types.named():
            _add(named, named_type.name, named_type, plugin.id)
            for child in _children(named_type):
                named.setdefault(child.name, child)
        for name, definition in _query_fields(types):
            _add(query, name, definition, plugin.id)
        mutation |= dict(_mutation_fields(types))
        await asyncio.sleep(0)
    return PluginTypes(plugin.id, own, named, query, mutation)


def _add(target: dict[str, Any], name: str, value: Any, plugin_id: str) -> None:
    if target.setdefault(name, value) is not value:
        raise SchemaConflictError(name, (plugin_id, plugin_id))


def _children(named_type: GraphQLNamedType) -> Iterator[GraphQLNamedType]:
    """Named types one step away. Asking also makes the lazy fields, here and not in somebody's request."""
    if isinstance(named_type, GraphQLObjectType):
        for f in named_type.fields.values():
            yield get_named_type(f.type)
            yield from (get_named_type(argument.type) for argument in f.args.values())
    elif isinstance(named_type, GraphQLInputObjectType):
        for i in named_type.fields.values():
            yield get_named_type(i.type)


def _root(kind: RootKind, types: EntityTypes, type_: Any, args: Any, resolve: Any, description: str) -> GraphQLField:
    root = RootField(kind, types.entity)
    return GraphQLField(type_, args=args, resolve=resolve, description=description, extensions={"root": root})


async def _resolve_read(_source: Any, info: Any, **_arguments: Any) -> Any:
    root = info.parent_type.fields[info.field_name].extensions["root"]
    return await info.context.generation.reader.resolve(info, root, _arguments)


def _query_fields(types: EntityTypes) -> Iterator[tuple[str, GraphQLField]]:
    entity = types.entity
    id_argument = {"id": GraphQLArgument(GraphQLNonNull(GraphQLID), description="标识。")}
    yield (
        entity.query_name,
        _root("get", types, types.object, id_argument, _resolve_read, f"按标识查{entity.title}；看不到或没有则为空。"),
    )
    yield (
        entity.list_name,
        _root("list", types, types.connection, types.list_arguments(), _resolve_read, f"列出{entity.title}。"),
    )
    stats_arguments = {
        "groupBy": GraphQLArgument(
            GraphQLList(GraphQLNonNull(types.inputs.group_by)), description="按什么分组；不填则全部为一组。"
        ),
        "where": GraphQLArgument(types.inputs.where, description="筛选条件。"),
        "protected": GraphQLArgument(
            GraphQLBoolean, description="true：按统计权限，不看每一行，小组合并、取整；没有查看权限时总是这样。"
        ),
    }
    groups = GraphQLList(GraphQLNonNull(types.stats))
    yield (
        f"{entity.query_name}Stats",
        _root("stats", types, groups, stats_arguments, _resolve_read, f"统计{entity.title}，至多一千组。"),
    )


def _mutation_fields(types: EntityTypes) -> Iterator[tuple[str, GraphQLField]]:
    entity, inputs = types.entity, types.inputs
    if entity.key == FILE:
        # Only the door that has read a content may say which it is: the digest alone would open another's file.
        return
    id_and_version = {
        "id": GraphQLArgument(GraphQLNonNull(GraphQLID), description="标识。"),
        "version": GraphQLArgument(GraphQLNonNull(GraphQLInt), description="修改前的版本；已被别人改过则拒绝。"),
    }
    if inputs.create:
        arguments = {
            "input": GraphQLArgument(GraphQLNonNull(inputs.create), description="各字段的值。"),
            "idempotencyKey": GraphQLArgument(GraphQLString, description="重复提交时用同一个值，只会新建一次。"),
        }
        description = f"新建{entity.title}；看不到新建的行时回答为空。"
        yield f"create{entity.type_name}", _root("create", types, types.object, arguments, resolve_write, description)
    if inputs.patch:
        arguments = {
            **id_and_version,
            "patch": GraphQLArgument(GraphQLNonNull(inputs.patch), description="要改的字段；填 null 表示清空。"),
        }
        description = f"修改{entity.title}。"
        yield f"update{entity.type_name}", _root("update", types, types.object, arguments, resolve_write, description)
    description = f"删除{entity.title}；回答它的标识。"
    yield f"delete{entity.type_name}", _root("delete", types, GraphQLID, id_and_version, resolve_write, description)
