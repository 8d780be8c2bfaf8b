"""dispatch/<name>.yaml: whom a task goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.fields import Field
from core.fields.places import Grid
from core.fields.refs import Ref
from core.manifest.cases import Candidate, Dispatch, DispatchRule
from core.manifest.definitions import full_key, limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import Checked
from core.manifest.findings import shown
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

ORG_UNIT, STAFF = "core.org_unit", "core.staff"
#: What the field at the end of each path of a candidate must be.
_ENDS: Mapping[str, tuple[Callable[[Field], bool], str]] = {
    "org": (lambda f: f.name == "org" or (isinstance(f, Ref) and f.to == ORG_UNIT), f"通向 {ORG_UNIT} 的引用"),
    "grid": (lambda f: isinstance(f, Grid), "网格编码（grid 字段）"),
    "staff": (lambda f: isinstance(f, Ref) and f.to == STAFF, f"通向 {STAFF} 的引用"),
}


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Dispatch]:
    return {found.id: found for document in documents if (found := _dispatch(document, draft))}


def _dispatch(document: Document, draft: Draft) -> Dispatch | None:
    value = document.value
    if value["dispatch"] != document.stem:
        message = f"派单表 {value['dispatch']} 与文件名 {document.stem} 不同"
        draft.error("dispatch.name-file", document.place("dispatch"), message, "改成相同的名字")
        draft.break_(document)
        return None
    entity = draft.entity(value["entity"], document.place("entity"))
    at = Checked(document, entity, draft)
    return Dispatch(
        plugin_id=draft.plugin.id,
        id=value["dispatch"],
        title=value["title"],
        entity=entity.key if entity else full_key(value["entity"], draft.plugin.id),
        place=document.place(),
        rules=tuple(_rule(i, spec, at) for i, spec in document.entries("rules")),
        fallback=tuple(_candidate(spec, ("fallback", i), at) for i, spec in document.entries("fallback")),
        accept_within=limit_of(value.get("accept_within")),
    )


def _rule(i: int, spec: Mapping[str, Any], at: Checked) -> DispatchRule:
    when = at.condition(spec["when"], "rules", i, "when") if "when" in spec else None
    to = _candidate(spec["to"], ("rules", i, "to"), at)
    return DispatchRule(when, to, tuple(spec.get("order", ("load",))), spec.get("title", ""))


def _candidate(spec: Mapping[str, str], path: tuple[str | int, ...], at: Checked) -> Candidate:
    check_staff_role(spec["role"], at.place(*path, "role"), at.draft)
    for key, (is_end, title) in _ENDS.items():
        if key not in spec or at.entity is None or at.draft.is_excused(at.entity, spec[key]):
            continue
        field = at.draft.field_at(at.entity, spec[key])
        if field is None or not is_end(field):
            ends = [name for name, f in at.entity.fields.items() if is_end(f)]
            message = f"{key} 应是{title}，{shown(spec[key])} 不是"
            hint = f"可用：{'、'.join(ends)}" if ends else "写成 引用.字段"
            at.draft.error("dispatch.path", at.place(*path, key), message, hint)
    return Candidate(spec["role"], spec.get("org", ""), spec.get("grid", ""), spec.get("staff", ""))


SECTION = Section(
    "dispatch",
    ("dispatch/*.yaml",),
    "dispatch.schema.json",
    build,
    units=("rules", "fallback"),
    after=("plugin", "entities"),
)
