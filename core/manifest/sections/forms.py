"""forms/<name>.yaml: what people fill in, where it differs from what the fields say."""

from __future__ import annotations

from collections.abc import Sequence

from core.manifest.cases import Form
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.form_checks import check_form
from core.manifest.sections import Section


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Form]:
    return {document.stem: form for document in documents if (form := _form(document, draft))}


def _form(document: Document, draft: Draft) -> Form | None:
    value = document.value
    if value["form"] != document.stem:
        message = f"表单 {value['form']} 与文件名 {document.stem} 不同"
        draft.error("form.name-file", document.place("form"), message, "改成相同的名字")
        draft.break_(document)
        return None
    entity = draft.entity(value["entity"], document.place("entity"))
    if entity is None:
        draft.break_(document)
        return None
    form = Form(
        plugin_id=draft.plugin.id,
        id=value["form"],
        title=value["title"],
        entity=entity.key,
        place=document.place(),
        groups=tuple((group["title"], tuple(group["fields"])) for _, group in document.entries("groups")),
        ui=dict(document.entries("ui")),
        refine=value.get("refine", {}),
        consents=dict(document.entries("consents")),
    )
    check_form(form, entity, document, draft)
    return form


SECTION = Section(
    "forms",
    ("forms/*.yaml",),
    "form.schema.json",
    build,
    units=("groups", "ui", "consents"),
    after=("entities", "access"),
)
