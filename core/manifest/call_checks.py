"""The effect `call`: what a step sends to an outside system, and what of its workflow follows."""

from __future__ import annotations

from collections.abc import Iterator

from core.expr import Expr
from core.expr.tree import Literal, nodes
from core.expr.tree import Path as FieldPath
from core.fields.names import fits, type_of
from core.manifest.cases import SYSTEM_ROLE, Effect
from core.manifest.connectors import Connector, Operation
from core.manifest.findings import did_you_mean, shown
from core.manifest.message_shape import JSON, names_of
from core.manifest.model import Entity
from core.manifest.sheet import Sheet

Path = tuple[str | int, ...]


def check_call(effect: Effect, path: Path, sheet: Sheet) -> None:
    found = _operation(effect, path, sheet)
    if found is None:
        return
    connector, operation = found
    _check_names(effect, operation, path, sheet)
    if sheet.entity is not None:
        for name, value in effect.args["values"].items():
            _check_level(value, connector, (*path, "values", name), sheet)
        _check_answer(effect, operation, sheet.entity, path, sheet)
    for name, where in followups(effect):
        action = sheet.workflow.actions.get(name)
        if action is None or SYSTEM_ROLE not in action.roles:
            known = [a.id for a in sheet.workflow.actions.values() if SYSTEM_ROLE in a.roles]
            message = f"没有系统能做的动作 {shown(name)}"
            hint = did_you_mean(name, known) or "在动作的 roles 里加上 system"
            sheet.error("workflow.call-action", sheet.place(*path, *where), message, hint)


def followups(effect: Effect) -> Iterator[tuple[str, Path]]:
    """Actions that the engine takes when something comes back, and where they stand."""
    for key in ("on_answer", "on_failure"):
        if name := effect.args[key]:
            yield name, (key,)
    yield from ((name, ("events", value)) for value, name in effect.args["events"].items())


def _operation(effect: Effect, path: Path, sheet: Sheet) -> tuple[Connector, Operation] | None:
    """None is already reported, or its own file has problems."""
    key, draft = str(effect.args["connector"]), sheet.draft
    plugin_id, _, id = key.partition(".")
    is_own = plugin_id == draft.plugin.id
    plugin = draft.plugin if is_own else draft.world.plugins.get(plugin_id)
    known = plugin.connectors if plugin else {}
    if id not in known:
        if not (is_own and any(name.startswith("connectors") for name in draft.broken)):
            hint = did_you_mean(id, known) or "写在 connectors.yaml 里；别的插件的要先列入 requires"
            sheet.error("workflow.call-unknown", sheet.place(*path, "connector"), f"没有连接器 {shown(key)}", hint)
        return None
    sent = {o.id: o for o in known[id].operations.values() if o.direction == "out"}
    operation = sent.get(effect.args["operation"])
    if operation is None:
        message = f"{key} 没有发出的操作 {shown(effect.args['operation'])}"
        hint = did_you_mean(effect.args["operation"], sent)
        sheet.error("workflow.call-unknown", sheet.place(*path, "operation"), message, hint)
        return None
    return known[id], operation


def _check_names(effect: Effect, operation: Operation, path: Path, sheet: Sheet) -> None:
    names, given = names_of(operation.request), effect.args["values"]
    top = {name: found for name, found in names.items() if "." not in name}
    for name in given:
        found = sheet.at.types.get((*path, "values", name))
        if name not in top:
            message = f"{operation.title}的请求里没有 {shown(name)}"
            sheet.error("workflow.call-value", sheet.place(*path, "values", name), message, did_you_mean(name, top))
        elif found is not None and top[name] != JSON and not fits(found, top[name]):
            message = f"{name} 应是{top[name]}，这里得到{found}"
            sheet.error("workflow.call-value", sheet.place(*path, "values", name), message, "改正表达式")
        else:
            _check_choice(name, given[name], operation, (*path, "values", name), sheet)
    if missing := [name for name in operation.request.get("required", ()) if name not in given]:
        message = f"{operation.title}还要 {'、'.join(missing)}"
        sheet.error("workflow.call-value", sheet.place(*path), message, "在 values 里写上")


def _check_choice(name: str, value: Expr, operation: Operation, path: Path, sheet: Sheet) -> None:
    """A word written out is known now to be refused at every step."""
    options = operation.request["properties"][name].get("enum")
    if options is not None and isinstance(value, Literal) and value.value is not None and value.value not in options:
        message = f"{name} 不能是 {shown(value.value)}"
        hint = did_you_mean(str(value.value), map(str, options))
        sheet.error("workflow.call-value", sheet.place(*path), message, hint)


def _check_level(value: Expr, connector: Connector, path: Path, sheet: Sheet) -> None:
    assert sheet.entity is not None
    for node in nodes(value):
        field = sheet.draft.field_at(sheet.entity, ".".join(node.names)) if isinstance(node, FieldPath) else None
        if field is not None and field.level > connector.level_max:
            message = f"{field.title}的分级 {field.level} 高于 {connector.key} 的上限 {connector.level_max}，不能发出去"
            sheet.error("workflow.call-level", sheet.place(*path), message, "换一个字段；L4 从不发出")


def _check_answer(effect: Effect, operation: Operation, entity: Entity, path: Path, sheet: Sheet) -> None:
    names = names_of(operation.response)
    for name, source in effect.args["answer"].items():
        field, found, place = entity.fields.get(name), names.get(source), sheet.place(*path, "answer", name)
        if field is None or not field.is_writable or name == sheet.workflow.mirror:
            if not sheet.draft.is_broken_field(entity, name):
                message = f"{entity.key} 没有可填的字段 {shown(name)}"
                sheet.error("workflow.call-answer", place, message, did_you_mean(name, entity.fields))
        elif found is None:
            message = f"{operation.title}的答复里没有 {shown(source)}"
            sheet.error("workflow.call-answer", place, message, did_you_mean(source, names))
        elif found != JSON and (wanted := type_of(field)) is not None and not fits(found, wanted):
            message = f"{field.title}应是{wanted}，{source} 是{found}"
            sheet.error("workflow.call-answer", place, message, "换一个字段，或改连接器的 response")
