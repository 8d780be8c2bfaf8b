"""The core's own root fields: what runs here, switching it, and the change feed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import Enum
from typing import Any, cast

import strawberry
from tongban_sdk import Actor

from core.access.visibility import Visibility
from core.api.changes import ChangeEvent, ChangeFeed, Interest
from core.api.compose import Roots
from core.identity.required import require_role
from core.plugins.status import Chosen, NodeStatus, PluginStatus

#: Roles that may see and switch plugins.
OPERATORS = frozenset({"system_admin"})


@strawberry.enum(description="插件的开关。")
class PluginState(Enum):
    ON = strawberry.enum_value("on", description="正常使用。")
    DRAINING = strawberry.enum_value("draining", description="不再接受新申请，办完在办事项。")
    OFF = strawberry.enum_value("off", description="停用；数据保留。")


@strawberry.type(description="插件在一个区划内的开关。")
class DivisionState:
    division: str = strawberry.field(description="12 位区划代码。")
    state: PluginState = strawberry.field(description="开关。")


@strawberry.type(description="一个插件的情况；有节点隔离了它，就算隔离。")
class HostPlugin:
    id: strawberry.ID = strawberry.field(description="插件标识。")
    title: str = strawberry.field(description="名称。")
    version: str = strawberry.field(description="版本。")
    state: str = strawberry.field(description="on、draining、off、invalid、waiting、quarantined 或 failed。")
    reason: str = strawberry.field(description="不正常的原因；正常时为空。")
    source: str = strawberry.field(description="来源：in-tree、configured 或 installed。")
    divisions: list[DivisionState] = strawberry.field(description="与全局不同的区划。")


@strawberry.type(description="一个正在运行的进程，以它最近一次报告为准。")
class HostNode:
    id: strawberry.ID = strawberry.field(description="节点标识。")
    generation: int = strawberry.field(description="代号：每次切换加一。")
    manifest_hash: str = strawberry.field(description="所运行清单的摘要。")
    schema_hash: str = strawberry.field(description="所提供接口的摘要。")
    seen_at: datetime = strawberry.field(description="最近一次报告的时间（UTC）。")


@strawberry.type(description="一行数据的变更；只含标识，内容按自己的权限另行读取。")
class EntityChange:
    plugin: str = strawberry.field(description="插件标识。")
    entity: str = strawberry.field(description="实体名。")
    id: strawberry.ID = strawberry.field(description="行的标识。")
    action: str = strawberry.field(description="create、update 或 delete。")
    version: int = strawberry.field(description="变更后的版本。")


async def _plugins(info: strawberry.Info) -> list[HostPlugin]:
    _check_operator(info.context.actor)
    return [_plugin(status) for status in (await info.context.host.registry.overview(info.context.generation)).values()]


async def _nodes(info: strawberry.Info) -> list[HostNode]:
    _check_operator(info.context.actor)
    return [_node(status) for status in await info.context.host.registry.nodes()]


async def _converged(info: strawberry.Info) -> bool:
    _check_operator(info.context.actor)
    return bool(await info.context.host.registry.has_converged())


async def _set_plugin_state(
    info: strawberry.Info, plugin: str, state: PluginState, division: str | None = None
) -> HostPlugin:
    actor = info.context.actor
    _check_operator(actor)
    chosen = cast(Chosen, state.value)
    return _plugin(await info.context.host.registry.set_state(plugin, chosen, division, actor))


@strawberry.type
class Query:
    plugins: list[HostPlugin] = strawberry.field(resolver=_plugins, description="所有插件及其状态；限系统管理员。")
    nodes: list[HostNode] = strawberry.field(
        resolver=_nodes, description="所有节点；代号和摘要都相同才算切换完成。限系统管理员。"
    )
    converged: bool = strawberry.field(resolver=_converged, description="所有节点是否已运行同一代；限系统管理员。")


@strawberry.type
class Mutation:
    set_plugin_state: HostPlugin = strawberry.mutation(
        resolver=_set_plugin_state, description="开关一个插件，全局或只在一个区划；限系统管理员。"
    )


def console_roots(feed: ChangeFeed) -> Roots:
    """The core's root fields, with the subscription bound to a feed."""

    async def changes(
        info: strawberry.Info, plugin: str | None = None, entity: str | None = None, id: strawberry.ID | None = None
    ) -> AsyncGenerator[EntityChange, None]:
        interest = Interest(plugin or "", entity or "", (id or "").lower())
        async for event in feed.subscribe(interest, lambda event: _sees(info.context, event)):
            yield _change(event)

    @strawberry.type
    class Subscription:
        entity_changed = strawberry.subscription(
            resolver=changes, description="有权读取的行发生变更时通知；参数越多范围越小。"
        )

    return Roots(Query, Mutation, Subscription)


def _change(event: ChangeEvent) -> EntityChange:
    return EntityChange(
        plugin=event.plugin,
        entity=event.entity,
        id=strawberry.ID(event.id),
        action=event.action,
        version=event.version,
    )


async def _sees(context: Any, event: ChangeEvent) -> bool:
    """The rules of the generation the socket was opened under; a toggle closes it."""
    generation = context.generation
    entity = generation.world.entity(event.key)
    if entity is None:
        return False
    return await Visibility.of(generation, context.database).sees_row(context.actor, entity, event.id)


def _check_operator(actor: Actor) -> None:
    require_role(actor, OPERATORS, "只有系统管理员可以查看和切换插件")


def _plugin(status: PluginStatus) -> HostPlugin:
    return HostPlugin(
        id=strawberry.ID(status.plugin_id),
        title=status.title,
        version=status.version,
        state=status.state,
        reason=status.reason,
        source=status.source,
        divisions=[DivisionState(division=d, state=PluginState(s)) for d, s in status.divisions.items()],
    )


def _node(status: NodeStatus) -> HostNode:
    return HostNode(
        id=strawberry.ID(status.node_id),
        generation=status.generation,
        manifest_hash=status.manifest_hash,
        schema_hash=status.schema_hash,
        seen_at=status.seen_at,
    )
