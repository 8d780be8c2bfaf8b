"""Cases that open others: children of a bundle (一件事) and effects. Services of other plugins are known at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tongban_sdk.problems import Place, Problem

from core.expr import Expr, check_types
from core.expr.tree import Path
from core.expr.types import Type
from core.fields.base import Field
from core.fields.names import EntityNames
from core.fields.refs import Ref
from core.fields.sealed import may_be_sealed
from core.fields.system import HasFields
from core.manifest.cases import Service, State, Workflow
from core.manifest.effect_checks import value_fault
from core.manifest.findings import did_you_mean, error, shown, warning
from core.manifest.flow_checks import cycles
from core.manifest.model import Entity, World
from core.manifest.sheet import Sheet


def check_children(state: State, sheet: Sheet) -> None:
    """The children of one state: names once, an order that can be kept."""
    path = ("states", state.id, "children")
    ids = [child.id for child in state.children]
    for i, child in enumerate(state.children):
        if child.id in ids[:i]:
            sheet.error(
                "workflow.child-twice", sheet.place(*path, i, "id"), f"子办件 {child.id} 写了两次", "换一个标识"
            )
        for j, name in enumerate(child.after):
            if name not in ids:
                place = sheet.place(*path, i, "after", j)
                sheet.error("workflow.child-after", place, f"没有子办件 {shown(name)}", did_you_mean(name, ids))
    for circle in cycles({child.id: set(child.after) for child in state.children}):
        way = " → ".join((*circle, circle[0]))
        place = sheet.place(*path, ids.index(circle[0]), "after")
        sheet.error("workflow.child-cycle", place, f"子办件互相等待：{way}", "去掉其中一个 after")


def check_opened(world: World) -> Iterator[Problem]:
    """Services that workflows open exist, and take what is handed to them."""
    for plugin in world.plugins.values():
        for flow in plugin.workflows.values():
            for key, values, place in _opened(flow):
                yield from _check_service(key, values, place, flow, world)


def _opened(flow: Workflow) -> Iterator[tuple[str, Mapping[str, Expr], Place]]:
    for state in flow.states.values():
        yield from ((child.service, child.values, child.place) for child in state.children)
    for action in flow.actions.values():
        for effect in action.effects:
            if effect.kind == "open":
                yield effect.args["service"], effect.args["values"], effect.place


def _check_service(
    key: str, values: Mapping[str, Expr], place: Place, flow: Workflow, world: World
) -> Iterator[Problem]:
    plugin_id, _, name = key.partition(".")
    plugin = world.plugins.get(plugin_id)
    if plugin is None:
        message = f"事项 {shown(key)} 所在的插件 {plugin_id} 不在这里，这一件会开不出来"
        yield warning("workflow.service-absent", place, message, f"装上 {plugin_id}，或改正事项")
        return
    if name not in plugin.services:
        hint = did_you_mean(name, plugin.services)
        yield error("workflow.service-unknown", place, f"没有事项 {shown(key)}", hint)
        return
    source, target = world.entity(flow.entity), _entity(plugin.services[name], world)
    if source is not None and target is not None:
        yield from _check_values(values, source, target, place, world)


def _entity(versions: tuple[Service, ...], world: World) -> Entity | None:
    return world.entity(versions[-1].entity)


def _check_values(
    values: Mapping[str, Expr], source: Entity, target: Entity, place: Place, world: World
) -> Iterator[Problem]:
    for name, value in values.items():
        field = target.fields.get(name)
        if field is None or not field.is_writable:
            message = f"{target.key} 没有可填的字段 {shown(name)}"
            yield error("workflow.child-value", place, message, did_you_mean(name, target.fields))
        elif fault := value_fault(field, value, _type(value, source, world)):
            yield error("workflow.child-value", place, f"{name} {fault}", "改正 values 里的表达式")
        elif sealed := _laid_open(value, field, source, target, world):
            message = f"{name} 的分级 {field.level} 护不住 {sealed.name}（{sealed.level}）：加密存放的到那里成了明文"
            hint = f"把 {target.key} 的 {name} 也定为 {sealed.level}，并写明 subject，或不传这一项"
            yield error("workflow.child-value", place, message, hint)


def _laid_open(value: Expr, field: Field, source: Entity, target: Entity, world: World) -> Field | None:
    """The field whose values lie sealed, and would not where they are copied to."""
    if not isinstance(value, Path):
        return None
    owner: Entity | None = source
    for name in value.names[:-1]:
        ref = owner.fields.get(name) if owner else None
        owner = world.entity(ref.to) if isinstance(ref, Ref) else None
    found = owner.fields.get(value.names[-1]) if owner else None
    if owner is None or found is None or not may_be_sealed(found, owner):
        return None
    return None if may_be_sealed(field, target) and field.level >= found.level else found


def _type(value: Expr, source: Entity, world: World) -> Type:
    def inverse(entity: HasFields, name: str) -> Entity | None:
        found = world.inverse(entity, name) if isinstance(entity, Entity) else None
        return found[0] if found else None

    return check_types(value, EntityNames(source, world.entity, inverse))
