"""What a form must hold: fields that are there and open, rules that are small and fast, prefill that fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.fields import Field, FieldError, all_fields
from core.fields.refs import Ref
from core.fields.system import Id
from core.manifest.cases import Form
from core.manifest.document import Document, Path
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.form_fields import missing_fields, opened_fields, writable_fields
from core.manifest.model import Entity
from core.manifest.patterns import pattern_fault

#: Beyond it a rule is a program: nobody can say what it asks for.
RULE_DEPTH_MAX = 6
RULE_PARTS_MAX = 300
#: What a prefill source names: a row of this entity that belongs to the caller.
SOURCES: Mapping[str, str] = {
    "person": "core.person",
    "household": "core.household",
    "legal_entity": "core.legal_entity",
}
#: What a licence says of itself, and the types of fields that take it: `licence.<type>.<fact>`.
LICENCE_FACTS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"string", "text"}),
    "unit": frozenset({"string", "text"}),
    "uscc": frozenset({"string", "uscc"}),
    "issued_on": frozenset({"date"}),
    "valid_to": frozenset({"date"}),
}
_MANY = ("allOf", "anyOf")
_ONE = ("not", "if", "then", "else")
_TEXTS = frozenset({"string", "text"})


def check_form(form: Form, entity: Entity, document: Document, draft: Draft) -> None:
    names = [name for _, fields in form.groups for name in fields]
    _check_fields(entity, document, draft)
    if _check_rule(form.refine, ("refine",), names, document, draft):
        _check_values(form.refine, ("refine",), entity, document, draft)
    for name, hints in form.ui.items():
        if name not in names:
            draft.error(
                "form.field-unknown",
                document.key_place("ui", name),
                f"表单里没有字段 {shown(name)}",
                did_you_mean(name, names),
            )
            continue
        rule = hints.get("showIf", {})
        if _check_rule(rule, ("ui", name, "showIf"), names, document, draft):
            _check_order(name, rule, names, document, draft)
            _check_values(rule, ("ui", name, "showIf"), entity, document, draft)
        if rule and name in missing_fields(entity, ()):
            message = f"{name} 必填，又不总是显示：不显示时交不上"
            draft.error(
                "form.show-if-required",
                document.place("ui", name, "showIf"),
                message,
                "去掉字段的 required，在 refine 里要求",
            )
        if name in entity.fields and "prefill" in hints:
            _check_prefill(entity.fields[name], hints["prefill"], entity, document, draft)
    if missing := [n for n in missing_fields(entity, names) if not draft.is_broken_field(entity, n)]:
        message = f"必填的字段没有列进表单：{'、'.join(missing)}，这样谁也交不上"
        draft.error("form.required-missing", document.place("groups"), message, "加进 groups，或给字段写 default")


def _check_fields(entity: Entity, document: Document, draft: Draft) -> None:
    known = writable_fields(entity)
    opened = opened_fields(entity, draft.plugin.rules)
    # What nobody files the host may open itself.
    opened = opened or opened_fields(entity, draft.plugin.rules, {f"{draft.plugin.id}_service"})
    seen: set[str] = set()
    for i, group in document.entries("groups"):
        for j, name in enumerate(group["fields"]):
            place = document.place("groups", i, "fields", j)
            if draft.is_broken_field(entity, name):
                continue
            if name not in known:
                what = "由系统填写，不能列进表单" if name in all_fields(entity) else "不存在"
                message = f"字段 {shown(name)} {what}"
                draft.error("form.field-unknown", place, message, did_you_mean(name, known))
            elif name in seen:
                draft.error("form.field-twice", place, f"字段 {name} 写了两次", "只留一处")
            elif name not in opened and "access.yaml" not in draft.broken:
                message = f"没有一条规则让人填写 {entity.key} 的 {name}"
                draft.error(
                    "form.field-closed", place, message, "在 access.yaml 里给申请人写 can: [create]，fields 含它"
                )
            seen.add(name)


def _check_rule(rule: Mapping[str, Any], path: Path, names: list[str], document: Document, draft: Draft) -> bool:
    """A rule that is small, names fields of the form, and has patterns every client runs in linear time."""
    before = len(draft.problems)
    for count, (at, part) in enumerate(parts(rule, path)):
        if count >= RULE_PARTS_MAX or len(at) - len(path) > 2 * RULE_DEPTH_MAX:
            message = f"规则太大：至多 {RULE_DEPTH_MAX} 层、{RULE_PARTS_MAX} 个部分"
            draft.error("form.rule-too-big", document.place(*path), message, "拆成几条简单的，或在流程里检查")
            return False
        if "pattern" in part and (fault := pattern_fault(part["pattern"])):
            place = document.place(*at, "pattern")
            draft.error("form.pattern", place, f"正则表达式 {shown(part['pattern'])} 不能用：{fault[1]}", "换一种写法")
    for name in sorted(mentioned(rule) - {*names}):
        draft.error(
            "form.field-unknown", document.place(*path), f"表单里没有字段 {shown(name)}", did_you_mean(name, names)
        )
    return len(draft.problems) == before


def parts(rule: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """A rule and all rules in it, with their paths."""
    yield path, rule
    for key in (*_ONE, "items", "contains"):
        if key in rule:
            yield from parts(rule[key], (*path, key))
    for key in _MANY:
        for i, part in enumerate(rule.get(key, ())):
            yield from parts(part, (*path, key, i))
    for name, part in rule.get("properties", {}).items():
        yield from parts(part, (*path, "properties", name))


def _over_data(rule: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """A rule over the form's whole data and those rules in it that are over the same."""
    yield path, rule
    for key in _ONE:
        if key in rule:
            yield from _over_data(rule[key], (*path, key))
    for key in _MANY:
        for i, part in enumerate(rule.get(key, ())):
            yield from _over_data(part, (*path, key, i))


def mentioned(rule: Mapping[str, Any]) -> set[str]:
    """Fields of the form that a rule over its whole data speaks about."""
    return {name for _, part in _over_data(rule) for name in (*part.get("properties", ()), *part.get("required", ()))}


def _check_values(rule: Mapping[str, Any], path: Path, entity: Entity, document: Document, draft: Draft) -> None:
    """A value the field never has would be waited for in vain."""
    for at, part in _over_data(rule, path):
        for name, own in part.get("properties", {}).items():
            wanted: list[tuple[Path, Any]] = [(("enum", i), value) for i, value in enumerate(own.get("enum", ()))]
            wanted += [(("const",), own["const"])] if "const" in own else []
            for step, value in wanted:
                if fault := _fault(all_fields(entity).get(name), value):
                    place = document.place(*at, "properties", name, *step)
                    message = f"{name} 不会是 {shown(value)}：{fault}"
                    draft.error("form.value-refused", place, message, "写该字段能有的值")


def _fault(field: Field | None, value: Any) -> str:
    try:
        if field is not None and value is not None:
            field.parse(value)
    except FieldError as error:
        return error.message
    return ""


def _check_order(name: str, rule: Mapping[str, Any], names: list[str], document: Document, draft: Draft) -> None:
    """What is shown hangs on what stands above: no circles, and one look from top to bottom decides."""
    later = sorted(other for other in mentioned(rule) if names.index(other) >= names.index(name))
    if later:
        message = f"{name} 显示与否取决于排在后面的 {'、'.join(later)}"
        draft.error("form.show-if-forward", document.place("ui", name, "showIf"), message, "把它们移到前面")


def _check_prefill(field: Field, prefill: str, entity: Entity, document: Document, draft: Draft) -> None:
    place = document.place("ui", field.name, "prefill")
    if prefill == "mine":
        target = draft.entity_of(field.to) if isinstance(field, Ref) else None
        if target is None or [len(path) for path in target.subject_paths[:1]] != [1]:
            message = f"{field.name} 不能预填 mine：它不是引用，或所引用的实体没有写明属于谁"
            draft.error("form.prefill-unknown", place, message, "给被引用的实体写 subject，或换一个来源")
        return
    head, _, name = prefill.partition(".")
    if head == "licence":
        _check_licence(field, prefill, name.rpartition(".")[2], document, draft)
        return
    owner = entity if head == "earlier" else draft.entity_of(SOURCES[head])
    source = all_fields(owner).get(name) if owner else None
    if owner is None or source is None or not _fits(source, field, owner):
        message = f"预填来源 {shown(prefill)} 不存在，或与 {field.name}（{field.type}）不是一类"
        draft.error("form.prefill-unknown", place, message, did_you_mean(name, all_fields(owner)) if owner else "")
    elif source.level > field.level:
        message = f"预填来源 {prefill} 是 {source.level}，{field.name} 只是 {field.level}：值抄过来就降了级"
        draft.error("form.prefill-level", place, message, f"把 {field.name} 的分级提到 {source.level}")


def _check_licence(field: Field, prefill: str, fact: str, document: Document, draft: Draft) -> None:
    place = document.place("ui", field.name, "prefill")
    if field.type not in LICENCE_FACTS[fact]:
        message = f"预填来源 {shown(prefill)} 与 {field.name}（{field.type}）不是一类"
        hint = f"用 {'、'.join(sorted(LICENCE_FACTS[fact]))} 字段"
        draft.error("form.prefill-unknown", place, message, hint)
    elif field.level == "L1":
        message = f"预填来源 {prefill} 是 L2，{field.name} 只是 L1：值抄过来就降了级"
        draft.error("form.prefill-level", place, message, f"把 {field.name} 的分级提到 L2")


def _fits(source: Field, field: Field, owner: Entity) -> bool:
    if isinstance(field, Ref):
        return (isinstance(source, Id) and field.to == owner.key) or (isinstance(source, Ref) and source.to == field.to)
    return source.type == field.type or {source.type, field.type} <= _TEXTS
