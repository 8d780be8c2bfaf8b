"""What the declaration of a path must hold: a way up inside the same entity, and a name for each step."""

from __future__ import annotations

from core.fields.refs import Ref
from core.fields.text import String
from core.fields.tree import Path
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean
from core.manifest.model import Entity


def check_path(path: Path, entity: Entity, document: Document, draft: Draft) -> None:
    if not draft.is_broken_field(entity, path.parent):
        _check_parent(path, entity, document, draft)
    segment = entity.fields.get(path.segment)
    if not (isinstance(segment, String) and segment.required) and not draft.is_broken_field(entity, path.segment):
        texts = [f.name for f in entity.fields.values() if isinstance(f, String) and f.required]
        place = document.place("fields", path.name, "segment")
        message = f"{path.name} 的 segment 应是必填的 string 字段"
        draft.error("entity.path-fields", place, message, did_you_mean(path.segment, texts) or "写编码字段的名字")


def _check_parent(path: Path, entity: Entity, document: Document, draft: Draft) -> None:
    place = document.place("fields", path.name, "parent")
    parent = entity.fields.get(path.parent)
    if not isinstance(parent, Ref) or parent.to != entity.key:
        refs = [f.name for f in entity.fields.values() if isinstance(f, Ref) and f.to == entity.key]
        message = f"{path.name} 的 parent 应是指向本实体的引用字段"
        draft.error("entity.path-fields", place, message, did_you_mean(path.parent, refs) or "写上级字段的名字")
    elif parent.required or parent.on_delete != "restrict":
        message = f"{path.name} 的上级字段 {parent.name} 不能必填（根没有上级），也不能在删除时置空"
        draft.error("entity.path-fields", place, message, "去掉 required 和 on_delete")
