"""demo/<name>.yaml: how to make synthetic rows; core/demo gives the words their meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.fields import all_fields
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.sections import Section


def build(documents: Sequence[Document], draft: Draft) -> tuple[Mapping[str, Any], ...]:
    for document in documents:
        for position, block in enumerate(document.value["rows"]):
            _check_block(position, block, document, draft)
    return tuple(document.value for document in documents)


def _check_block(position: int, block: Mapping[str, Any], document: Document, draft: Draft) -> None:
    key = "entity" if "entity" in block else "existing"
    path = ("rows", position)
    entity = draft.entity(block[key], document.place(*path, key))
    if entity is None:
        return
    for name in block.get("fields", {}):
        if name not in (known := all_fields(entity)) and not draft.is_broken_field(entity, name):
            place = document.key_place(*path, "fields", name)
            message = f"实体 {entity.key} 没有字段 {shown(name)}"
            draft.error("demo.field-unknown", place, message, did_you_mean(name, known))


SECTION = Section("demo", ("demo/*.yaml",), "demo.schema.json", build, after=("entities",))
