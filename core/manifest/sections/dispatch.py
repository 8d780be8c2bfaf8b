"""dispatch/<name>.yaml: whom a task goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.manifest.cases import Candidate, Dispatch, DispatchRule
from core.manifest.definitions import Origin, full_key, limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import Checked
from core.manifest.sections import Section


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
        fallback=tuple(_candidate(spec) for _, spec in document.entries("fallback")),
        accept_within=limit_of(value.get("accept_within")),
    )


def _rule(i: int, spec: Mapping[str, Any], at: Origin) -> DispatchRule:
    when = at.condition(spec["when"], "rules", i, "when") if "when" in spec else None
    return DispatchRule(when, _candidate(spec["to"]), tuple(spec.get("order", ("load",))), spec.get("title", ""))


def _candidate(spec: Mapping[str, str]) -> Candidate:
    return Candidate(spec["role"], spec.get("org", ""), spec.get("grid", ""), spec.get("staff", ""))


SECTION = Section(
    "dispatch",
    ("dispatch/*.yaml",),
    "dispatch.schema.json",
    build,
    units=("rules", "fallback"),
    after=("plugin", "entities"),
)
