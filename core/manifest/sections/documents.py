"""documents.yaml or documents/*.yaml: certificates the host writes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tongban_sdk.problems import Place

from core.fields.names import type_of
from core.fields.refs import File, Ref
from core.manifest.definitions import full_key, limit_of
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Entity
from core.manifest.outputs import DOCUMENT_FACTS, DocumentTemplate
from core.manifest.placeholders import has_stray_brace, placeholders
from core.manifest.sections import Section

#: Kinds of values that can be printed; a ref is printed by a field of the row it leads to.
_PRINTED = frozenset({"text", "int", "decimal", "bool", "date", "datetime", "time"})


def build(documents: Sequence[Document], draft: Draft) -> dict[str, DocumentTemplate]:
    templates: dict[str, DocumentTemplate] = {}
    for document in documents:
        for id, spec in document.entries("documents"):
            place = document.key_place("documents", id)
            if id in templates:
                message = f"文书 {id} 已在 {templates[id].place.file} 声明"
                draft.error("document.duplicate", place, message, "换一个名字")
            templates[id] = _template(id, spec, place, document, draft)
    return templates


def _template(id: str, spec: Mapping[str, Any], place: Place, document: Document, draft: Draft) -> DocumentTemplate:
    entity = draft.entity(spec["entity"], document.place("documents", id, "entity"))
    if entity is not None:
        for i, text in enumerate(spec["paragraphs"]):
            _check_text(text, entity, document.place("documents", id, "paragraphs", i), draft)
        _check_file(id, spec, entity, document, draft)
    return DocumentTemplate(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        entity=entity.key if entity else full_key(spec["entity"], draft.plugin.id),
        paragraphs=tuple(spec["paragraphs"]),
        place=place,
        file_field=spec.get("file_field", ""),
        licence=spec.get("licence", ""),
        valid_for=limit_of(spec.get("valid_for")),
    )


def _check_text(text: str, entity: Entity, place: Place, draft: Draft) -> None:
    if has_stray_brace(text):
        draft.error("document.placeholder", place, "花括号没有成对", "写成 {applicant.name}")
    for name in placeholders(text):
        if name not in DOCUMENT_FACTS and not draft.is_excused(entity, name):
            _check_field(name, entity, place, draft)


def _check_field(name: str, entity: Entity, place: Place, draft: Draft) -> None:
    field = draft.field_at(entity, name)
    found = type_of(field) if field else None
    if field is None:
        hint = did_you_mean(name, [*DOCUMENT_FACTS, *entity.fields])
        draft.error("document.placeholder", place, f"{entity.key} 没有 {{{shown(name)}}}", hint)
    elif found is None or found.kind not in _PRINTED:
        message = f"{{{name}}}（{field.type}）不能写在纸上"
        hint = f"写到对方的字段，如 {name}.name" if isinstance(field, Ref) else "换一个文字、数字或日期字段"
        draft.error("document.placeholder", place, message, hint)
    elif field.level > draft.plugin.data_level_max:
        message = f"{{{name}}} 的分级 {field.level} 高于本插件的上限 {draft.plugin.data_level_max}"
        draft.error("document.level", place, message, "换一个字段，或在 plugin.yaml 提高 data_level_max")


def _check_file(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    name = spec.get("file_field", "")
    if name and not isinstance(entity.fields.get(name), File) and not draft.is_broken_field(entity, name):
        files = [f.name for f in entity.fields.values() if isinstance(f, File)]
        message, hint = f"file_field 应是 file 字段，{shown(name)} 不是", did_you_mean(name, files)
        draft.error(
            "document.file-field",
            document.place("documents", id, "file_field"),
            message,
            hint or "给实体加一个 file 字段",
        )
    if not name and "licence" not in spec:
        place = document.key_place("documents", id)
        draft.error("document.kept-nowhere", place, f"文书 {id} 出具后没有地方存", "写上 file_field 或 licence")


SECTION = Section(
    "documents",
    ("documents.yaml", "documents/*.yaml"),
    "documents.schema.json",
    build,
    units=("documents",),
    after=("plugin", "entities"),
)
