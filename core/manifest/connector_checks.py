"""What messages of outside systems set off: items and actions that are there, values that fit their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tongban_sdk.problems import Problem

from core.expr import Expr, check_types
from core.expr.tree import Literal
from core.expr.types import Type
from core.fields import Field
from core.fields.names import type_of
from core.manifest.cases import SYSTEM_ROLE, Workflow
from core.manifest.connectors import Connector, Following, Opening, Operation, connectors_of
from core.manifest.effect_checks import value_fault
from core.manifest.findings import did_you_mean, error, shown
from core.manifest.message_shape import JSON, names_of
from core.manifest.model import Entity, World


def check_connectors(world: World) -> Iterator[Problem]:
    """Findings that need the items and workflows of all plugins."""
    for connector in connectors_of(world):
        for operation in connector.operations.values():
            if operation.opening is not None:
                yield from _check_opening(operation, operation.opening, world)
            if operation.following is not None:
                yield from _check_following(connector, operation, operation.following, world)


def _check_opening(operation: Operation, opening: Opening, world: World) -> Iterator[Problem]:
    for key in opening.services.values():
        if _entity(key, world) is None:
            hint = did_you_mean(key, [f"{p.id}.{id}" for p in world.plugins.values() for id in p.services])
            yield error("connector.service", operation.place, f"没有事项 {shown(key)}", hint)
    for entity in _entities(opening, world):
        yield from _check_values(operation, opening.values, entity)


def _check_following(
    connector: Connector, operation: Operation, following: Following, world: World
) -> Iterator[Problem]:
    source = connector.operations.get(following.of)
    if source is None or (source.direction == "out" and not source.number) or source.following is not None:
        known = [o.id for o in connector.operations.values() if o.opening or (o.direction == "out" and o.number)]
        message = f"of：{shown(following.of)} 不是开办件的操作，也不是带 number 的发出操作"
        yield error("connector.action", operation.place, message, did_you_mean(following.of, known))
        return
    if source.opening is None:
        if following.actions or following.values or not following.by:
            message = "发出操作的办件各不相同：这里只写 by，做哪一步写在流程的 call 里（events）"
            yield error("connector.action", operation.place, message, "删去 action、actions、values")
        return
    flows = {flow.key: flow for key in source.opening.services.values() if (flow := _flow(key, world))}
    for flow in flows.values():
        able = [action.id for action in flow.actions.values() if SYSTEM_ROLE in action.roles]
        for name in following.actions.values():
            if name not in able:
                message = f"流程 {flow.key} 没有系统能做的动作 {shown(name)}"
                hint = did_you_mean(name, able) or "在动作的 roles 里加上 system"
                yield error("connector.action", operation.place, message, hint)
    for entity in _entities(source.opening, world):
        yield from _check_values(operation, following.values, entity)


def _check_values(operation: Operation, values: Mapping[str, Expr], entity: Entity) -> Iterator[Problem]:
    names = names_of(operation.request)
    for name, value in values.items():
        field = entity.fields.get(name)
        if field is None or not field.is_writable:
            message = f"{entity.key} 没有可填的字段 {shown(name)}"
            yield error("connector.value", operation.place, message, did_you_mean(name, entity.fields))
        elif value != Literal(None) and (fault := _fault(field, value, check_types(value, names))):
            yield error("connector.value", operation.place, f"{name} {fault}", "改正 values 里的表达式")


def _fault(field: Field, value: Expr, found: Type) -> str:
    """What is handed on as it is goes into fields that take more than one value."""
    if found == JSON:
        wanted = type_of(field)
        return "" if wanted is None or wanted.kind in ("json", "list") else f"应是{wanted}，报文里没有写它的 type"
    return value_fault(field, value, found)


def _entities(opening: Opening, world: World) -> list[Entity]:
    found = (_entity(key, world) for key in opening.services.values())
    return list({entity.key: entity for entity in found if entity}.values())


def _entity(key: str, world: World) -> Entity | None:
    plugin_id, _, id = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    versions = plugin.services.get(id) if plugin else None
    return world.entity(versions[-1].entity) if versions else None


def _flow(key: str, world: World) -> Workflow | None:
    plugin_id, _, id = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    versions = plugin.services.get(id) if plugin else None
    if not versions:
        return None
    owner, _, name = versions[-1].workflow.partition(".")
    found = world.plugins.get(owner)
    return found.workflows.get(name) if found else None
