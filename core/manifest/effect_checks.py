"""What the steps of a workflow do to the row of its entity and beyond: fields, effects, joined reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from core.expr import Type
from core.expr.tree import Expr, Literal
from core.expr.tree import Path as FieldPath
from core.expr.types import NULL
from core.fields import Field, FieldError
from core.fields.choices import Enum
from core.fields.names import fits, type_of
from core.fields.places import Point
from core.fields.sealed import is_sealed, may_be_sealed
from core.fields.text import String
from core.manifest.bookings import NUMBER_CHARS
from core.manifest.call_checks import check_call
from core.manifest.cases import APPLICANT, ASSIGNEE, PSEUDO_ROLES, CaseAction, Effect
from core.manifest.findings import did_you_mean, shown
from core.manifest.flows import KINDS
from core.manifest.model import CITIZEN_ROLES, Entity
from core.manifest.sealed_checks import check_comparisons
from core.manifest.sheet import Sheet

Path = tuple[str | int, ...]
#: Kinds of values that two reports can have in common.
_COMPARED = frozenset({"text", "uuid", "int", "bool", "date"})


def check_effects(sheet: Sheet) -> None:
    if sheet.entity is not None:
        _check_mirror(sheet.entity, sheet)
        _check_merge(sheet.entity, sheet)
    for action in sheet.workflow.actions.values():
        if sheet.entity is not None:
            _check_fields(action, sheet.entity, sheet)
        for i, spec in enumerate(sheet.document.value["actions"][action.id].get("effects", ())):
            _check_kind(spec, ("actions", action.id, "effects", i), sheet)
        for effect, path in _placed(action, sheet):
            _check_effect(effect, path, sheet)
    if sheet.entity is not None and "access.yaml" not in sheet.draft.broken:
        _check_service(sheet.entity, sheet)


def _placed(action: CaseAction, sheet: Sheet) -> Iterator[tuple[Effect, Path]]:
    """Effects with the paths of their arguments, in the order they were made."""
    specs = sheet.document.value["actions"][action.id].get("effects", ())
    paths = [
        ("actions", action.id, "effects", i, kind) for i, spec in enumerate(specs) for kind in KINDS if kind in spec
    ]
    return zip(action.effects, paths, strict=True)


def _check_kind(spec: Mapping[str, Any], path: Path, sheet: Sheet) -> None:
    kinds = [kind for kind in KINDS if kind in spec]
    if len(kinds) != 1:
        message = f"一条只能带动一件事，这里有 {len(kinds)} 件"
        sheet.error("workflow.effect-kind", sheet.place(*path), message, f"写且只写一种：{'、'.join(KINDS)}")


def _check_mirror(entity: Entity, sheet: Sheet) -> None:
    flow = sheet.workflow
    if not flow.mirror or sheet.draft.is_broken_field(entity, flow.mirror):
        return
    place, field = sheet.place("mirror"), entity.fields.get(flow.mirror)
    if isinstance(field, Enum):
        if missing := [id for id in flow.states if id not in field.values]:
            message = f"{flow.mirror} 的可选值里没有状态 {'、'.join(missing[:5])}"
            sheet.error("workflow.mirror", place, message, "在 values 里补上，或用 string 字段")
    elif not isinstance(field, String) or field.max < max(map(len, flow.states)):
        hint = did_you_mean(flow.mirror, [f.name for f in entity.fields.values() if isinstance(f, Enum | String)])
        message = f"mirror 应是列出全部状态的 enum，或够长的 string 字段，{shown(flow.mirror)} 不是"
        sheet.error("workflow.mirror", place, message, hint)


def _check_merge(entity: Entity, sheet: Sheet) -> None:
    merge = sheet.workflow.merge
    if merge is None:
        return
    same, point = entity.fields.get(merge.same), entity.fields.get(merge.point)
    found = type_of(same) if same else None
    is_comparable = same and found and found.kind in _COMPARED and not may_be_sealed(same, entity)
    if not is_comparable and not sheet.draft.is_broken_field(entity, merge.same):
        message = f"same 应是可比较的字段，{shown(merge.same)} 不是"
        hint = did_you_mean(merge.same, [f.name for f in entity.fields.values() if isinstance(f, Enum)])
        sheet.error("workflow.merge-field", sheet.place("merge", "same"), message, hint)
    is_place = isinstance(point, Point) and not is_sealed(point)
    if not is_place and not sheet.draft.is_broken_field(entity, merge.point):
        message = f"point 应是没有加密的 point 字段，{shown(merge.point)} 不是"
        hint = did_you_mean(merge.point, [f.name for f in entity.fields.values() if isinstance(f, Point)])
        sheet.error("workflow.merge-field", sheet.place("merge", "point"), message, hint)


def _check_fields(action: CaseAction, entity: Entity, sheet: Sheet) -> None:
    path = ("actions", action.id)
    for i, name in enumerate(action.fields):
        _writable(name, entity, sheet, *path, "fields", i)
    for i, name in enumerate(action.required):
        if name not in action.fields:
            message = f"{name} 必须有值，却不在这一步可填的字段里"
            place = sheet.place(*path, "required", i)
            sheet.error("workflow.required-outside", place, message, f"把 {name} 加进 fields")
    if "access.yaml" not in sheet.draft.broken:
        _check_rights(action, entity, sheet)


def _writable(name: str, entity: Entity, sheet: Sheet, *path: str | int) -> Field | None:
    """The field a step may write; None is already reported."""
    field = entity.fields.get(name)
    if field is None:
        if not sheet.draft.is_broken_field(entity, name):
            message = f"实体 {entity.key} 没有字段 {shown(name)}"
            sheet.error("workflow.field-unknown", sheet.place(*path), message, did_you_mean(name, entity.fields))
    elif not field.is_writable or name == sheet.workflow.mirror:
        message = f"{name} 由系统填写"
        sheet.error("workflow.field-unwritable", sheet.place(*path), message, "删去这一项")
        return None
    return field


def _check_rights(action: CaseAction, entity: Entity, sheet: Sheet) -> None:
    """Whoever takes the step writes with his own rights: a rule must let him."""
    fields = [entity.fields[name] for name in action.fields if name in entity.fields]
    names = [field.name for field in fields if field.is_writable and field.name != sheet.workflow.mirror]
    for role in sorted(_writers(action, sheet)):
        open_ = _opened(CITIZEN_ROLES if role == APPLICANT else {role}, entity, sheet)
        if closed := [name for name in names if name not in open_]:
            message = f"{role} 做这一步要填 {'、'.join(closed)}，access.yaml 没有准许"
            hint = f"加一条规则：role {'resident' if role == APPLICANT else role}，can: [update]，fields 含这些字段"
            sheet.error("workflow.field-closed", sheet.place("actions", action.id, "fields"), message, hint)


def _opened(roles: Set[str], entity: Entity, sheet: Sheet) -> set[str]:
    """Fields that somebody with one of the roles may write, in some row."""
    rules = (*sheet.draft.plugin.rules, *sheet.draft.world.rules)
    return {n for r in rules if r.entity == entity.key and r.role in roles and "update" in r.can for n in r.fields}


def _check_service(entity: Entity, sheet: Sheet) -> None:
    """What the engine itself writes it writes as the plugin's service role."""
    role = f"{sheet.draft.plugin.id}_service"
    closed = [(n, p) for n, p in _written(sheet) if n in entity.fields and n not in _opened({role}, entity, sheet)]
    if closed:
        names = "、".join(dict.fromkeys(name for name, _ in closed))
        message = f"系统要填 {names}，access.yaml 没有准许 {role}"
        hint = f"在 plugin.yaml 声明角色 {role}，加一条规则：role {role}，can: [read, update]，fields 含这些字段"
        sheet.error("workflow.service-closed", sheet.place(*closed[0][1]), message, hint)


def _written(sheet: Sheet) -> Iterator[tuple[str, Path]]:
    """Fields of the row that the engine fills in, with what makes it do so."""
    if sheet.workflow.mirror:
        yield sheet.workflow.mirror, ("mirror",)
    for action in sheet.workflow.actions.values():
        for effect, path in _placed(action, sheet):
            if effect.kind == "set":
                yield effect.args["field"], (*path, "field")
            if effect.kind == "call":
                yield from ((name, (*path, "answer", name)) for name in effect.args["answer"])
            if effect.kind == "document" and (paper := sheet.draft.plugin.documents.get(_short(effect, sheet))):
                yield paper.file_field, path


def _short(effect: Effect, sheet: Sheet) -> str:
    return str(effect.args["template"]).removeprefix(f"{sheet.draft.plugin.id}.")


def _writers(action: CaseAction, sheet: Sheet) -> set[str]:
    """Roles that fill in the fields of a step; whoever has the task stands for the roles it can come to."""
    roles = {role for role in action.roles if role not in PSEUDO_ROLES or role == APPLICANT}
    if ASSIGNEE in action.roles:
        for name in action.from_:
            if state := sheet.workflow.states.get(name):
                roles.update(state.roles, *(part.roles for part in state.parts))
                roles |= _dispatched([state.dispatch, *(part.dispatch for part in state.parts)], sheet)
    return roles & {*sheet.draft.roles, APPLICANT}


def _dispatched(names: list[str], sheet: Sheet) -> set[str]:
    tables = [table for name in names if (table := sheet.draft.plugin.dispatch.get(name))]
    return {c.role for table in tables for c in (*(rule.to for rule in table.rules), *table.fallback)}


def _check_effect(effect: Effect, path: Path, sheet: Sheet) -> None:
    args, place = effect.args, sheet.place(*path)
    match effect.kind:
        case "message":
            _template(args["template"], "messages", "消息", path, sheet)
        case "document":
            template = _template(args["template"], "documents", "文书", path, sheet)
            if template is not None and sheet.entity is not None and template.entity != sheet.entity.key:
                message = f"文书 {args['template']} 写的是 {template.entity}，流程办的是 {sheet.entity.key}"
                sheet.error("workflow.document-entity", place, message, "换一个文书，或改文书的 entity")
        case "hook":
            if not sheet.draft.plugin.entry:
                message = f"要调用 {args['name']}，插件却没有代码"
                sheet.error("workflow.hook-entry", place, message, "在 plugin.yaml 写上 entry，或删去这一条")
        case "task":
            for i, role in enumerate(args["roles"]):
                sheet.role(role, sheet.place(*path, "roles", i))
        case "set":
            _check_set(args, path, sheet)
        case "slot":
            _check_slot(args, path, sheet)
        case "call":
            check_call(effect, path, sheet)
        case "payment":
            fee = _template(args["fee"], "fees", "收费", (*path, "fee"), sheet)
            if fee is not None and sheet.entity is not None and fee.entity != sheet.entity.key:
                message = f"收费 {args['fee']} 按 {fee.entity} 算，流程办的是 {sheet.entity.key}"
                sheet.error("workflow.payment-entity", place, message, "换一项收费，或改收费的 entity")


def _check_slot(args: Mapping[str, Any], path: Path, sheet: Sheet) -> None:
    """The row says which booking is meant, by its number."""
    draft, entity = sheet.draft, sheet.entity
    if not draft.plugin.bookings and not any(f.startswith(("bookings.", "bookings/")) for f in draft.broken):
        message = f"插件 {draft.plugin.id} 没有声明预约"
        sheet.error("workflow.slot-unoffered", sheet.place(*path), message, "写在 bookings.yaml 里，或删去这一条")
    if entity is None or draft.is_broken_field(entity, args["field"]):
        return
    field = entity.fields.get(args["field"])
    if not isinstance(field, String) or field.max < NUMBER_CHARS:
        message = f"field 应是放得下预约号（{NUMBER_CHARS} 个字符）的 string 字段，{shown(args['field'])} 不是"
        hint = did_you_mean(args["field"], [f.name for f in entity.fields.values() if isinstance(f, String)])
        sheet.error("workflow.slot-field", sheet.place(*path, "field"), message, hint)


def _template(key: str, part: str, title: str, path: Path, sheet: Sheet) -> Any:
    """The template a key names; None is already reported, or its own file has problems."""
    plugin_id, _, name = key.partition(".")
    draft = sheet.draft
    is_own = plugin_id == draft.plugin.id
    plugin = draft.plugin if is_own else draft.world.plugins.get(plugin_id)
    known: Mapping[str, Any] = getattr(plugin, part) if plugin else {}
    if name not in known and not (is_own and any(f.startswith((f"{part}.", f"{part}/")) for f in draft.broken)):
        hint = did_you_mean(name, known) or f"写在 {part}.yaml 里；别的插件的要先列入 requires"
        sheet.error("workflow.template-unknown", sheet.place(*path), f"没有{title} {shown(key)}", hint)
    return known.get(name)


def _check_set(args: Mapping[str, Any], path: Path, sheet: Sheet) -> None:
    if sheet.entity is None:
        return
    field = _writable(args["field"], sheet.entity, sheet, *path, "field")
    found = sheet.at.types.get((*path, "value"))
    if isinstance(args["value"], FieldPath):
        # The database copies it, so it must be plain there.
        check_comparisons(args["value"], sheet.entity, sheet.place(*path, "value"), sheet.draft)
    if field is not None and found is not None and (fault := value_fault(field, args["value"], found)):
        sheet.error("workflow.value-type", sheet.place(*path, "value"), f"{field.name} {fault}", "改正表达式")


def value_fault(field: Field, value: Expr, found: Type) -> str:
    """Why a field cannot take what an expression gives; "" = it can."""
    if found == NULL:
        return "必填，不能置空" if field.required else ""
    wanted = type_of(field)
    is_text_id = wanted is not None and wanted.kind == "uuid" and found.kind == "text" and isinstance(value, Literal)
    if wanted is None or not (fits(found, wanted) or is_text_id):
        return f"应是{wanted or field.title}，这里得到{found}"
    if isinstance(value, Literal) and isinstance(value.value, str):
        try:
            field.parse(value.value)
        except FieldError as err:
            return err.message
    return ""
