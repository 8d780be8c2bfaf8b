"""Whom an entity is about, and what that asks of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tongban_sdk.problems import Place

from core.fields import FIELD_TYPES
from core.fields.made import Sequence
from core.fields.masks import is_sensitive
from core.fields.refs import Ref
from core.fields.text import String
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Entity

PERSON = "core.person"
#: Types that tell where somebody is, when the row is about somebody.
_PLACES = frozenset({"point", "polygon"})
#: What titles of personal data say. It only makes the author write the level down.
_WORDS = ("姓名", "住址", "地址", "病", "诊断", "过敏", "体检", "血型", "银行", "账户", "卡号", "身份证")
_TEXTS = frozenset({"string", "text"})


def personal_kind(spec: Mapping[str, Any], document: Document) -> str:
    """What makes a declared field personal data, in words; "" = nothing does."""
    if FIELD_TYPES[spec["type"]].personal:
        return f"类型 {spec['type']}"
    if "mask" in spec:
        return f"脱敏方式 {spec['mask']}"
    if document.value.get("subject", "none") == "none":
        return ""
    if spec["type"] in _PLACES:
        return "某人的位置"
    word = next((w for w in _WORDS if spec["type"] in _TEXTS and w in spec.get("title", "")), "")
    return f"某人的{word}" if word else ""


def check_person(entity: Entity, document: Document, draft: Draft) -> None:
    is_list = not isinstance(document.value.get("subject", ""), str)
    for index, way in enumerate(entity.subjects):
        place = document.place("subject", index) if is_list else document.place("subject")
        _check_subject(way, entity, place, draft)
    _check_all_named(entity, document, draft)
    _check_case(entity, document, draft)
    _check_needs_subject(entity, document, draft)


def _check_subject(way: str, entity: Entity, place: Place, draft: Draft) -> None:
    if way in ("self", "none"):
        if len(entity.subjects) > 1:
            draft.error("entity.subject", place, f"{way} 只能单独写", "一组里只写指向 core.person 的引用字段")
        elif way == "self" and entity.key != PERSON:
            message = f"只有 {PERSON} 本身是人，{entity.key} 不是"
            draft.error("entity.subject", place, message, "写指向 core.person 的引用字段")
        return
    path = way.split(".")
    at: Entity | None = entity
    for name in path:
        field = at.fields.get(name) if at else None
        if at is not None and draft.is_broken_field(at, name):
            return
        at = draft.entity_of(field.to) if isinstance(field, Ref) else None
    if at is None or at.key != PERSON:
        refs = [f.name for f in entity.fields.values() if isinstance(f, Ref) and f.to == PERSON]
        message = f"subject {shown(way)} 不是通向 {PERSON} 的引用"
        draft.error("entity.subject", place, message, did_you_mean(path[0], refs) or "没有这样的引用就写 none")


def _check_all_named(entity: Entity, document: Document, draft: Draft) -> None:
    """A row that names a person concerns that person."""
    named = {path[0] for path in entity.subject_paths}
    if not named or named == {"id"}:
        return
    missing = [f.name for f in entity.fields.values() if isinstance(f, Ref) and f.to == PERSON and f.name not in named]
    if missing:
        message = f"{entity.key} 还指向别的人（{'、'.join(missing)}），subject 里没有写"
        hint = f"写成 subject: [{', '.join([*entity.subjects, *missing])}]"
        draft.warning("entity.subject-left-out", document.place("subject"), message, hint)


def _check_case(entity: Entity, document: Document, draft: Draft) -> None:
    if not entity.case or draft.is_broken_field(entity, entity.case):
        return
    if not isinstance(entity.fields.get(entity.case), Sequence | String):
        names = [f.name for f in entity.fields.values() if isinstance(f, Sequence | String)]
        message = f"case 应是存放办件编号的 sequence 或 string 字段，{shown(entity.case)} 不是"
        draft.error("entity.case", document.place("case"), message, did_you_mean(entity.case, names))


def _check_needs_subject(entity: Entity, document: Document, draft: Draft) -> None:
    """Without a person there is nobody whose age and consent could count."""
    if entity.subject_paths:
        return
    for field in entity.fields.values():
        purpose = draft.plugin.purposes.get(field.purpose)
        if purpose is not None and purpose.basis == "consent":
            message = f"{field.name} 的目的 {purpose.id} 以个人同意为依据，但本实体没有写明是谁的数据"
            hint = "写上 subject；不涉及个人就换一个依据"
            draft.error("entity.consent-subject", document.key_place("fields", field.name), message, hint)
    personal = [field.name for field in entity.fields.values() if is_sensitive(field)]
    if personal and not entity.subjects:
        message = f"{entity.key} 有个人信息（{'、'.join(personal[:5])}），没有写明是谁的"
        hint = "写上 subject: <指向 core.person 的引用>；确实不对应登记的人就写 subject: none"
        draft.warning("entity.subject-missing", document.place(), message, hint)
