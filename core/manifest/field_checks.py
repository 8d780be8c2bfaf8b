"""What a field's declaration must hold beyond its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.fields import FieldError
from core.fields.made import check_format
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.patterns import pattern_fault
from core.manifest.person_checks import personal_kind
from core.manifest.reserved import RESERVED

#: What a list needs for each kind of element.
_LIST_NEEDS = {"code": "set", "enum": "values"}


def check_declaration(name: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> bool:
    """Report everything wrong with one field; True when nothing is."""
    before = len(draft.problems)
    if name in RESERVED:
        place = document.key_place("fields", name)
        draft.error("entity.name-reserved", place, f"字段名 {name} 是保留的名字", "换一个名字")
    _check_level(name, spec, document, draft)
    _check_options(name, spec, document, draft)
    return len(draft.problems) == before


def _check_level(name: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    place = document.key_place("fields", name)
    level = spec.get("level", "L2")
    if "level" not in spec and (kind := personal_kind(spec, document)):
        message = f"{name} 是个人信息（{kind}），没有写明分级"
        draft.error(
            "entity.level-missing", place, message, "写上 level：L3 个人信息、L4 敏感个人信息，确非个人信息写 L2"
        )
    if level > draft.plugin.data_level_max:
        message = f"{name} 的分级 {level} 高于插件的上限 {draft.plugin.data_level_max}"
        hint = "降低分级，或在 plugin.yaml 提高 data_level_max"
        draft.error("entity.level-too-high", document.place("fields", name, "level"), message, hint)
    purpose = spec.get("purpose")
    if purpose is None and level in ("L3", "L4"):
        message = f"{name} 是个人信息（{level}），没有写明目的"
        draft.error("entity.purpose-missing", place, message, "写上 purpose，并在 plugin.yaml 的 purposes 里说明")
    if purpose is not None and purpose not in draft.plugin.purposes and "plugin.yaml" not in draft.broken:
        hint = did_you_mean(purpose, draft.plugin.purposes) or "在 plugin.yaml 的 purposes 里声明"
        draft.error(
            "entity.purpose-unknown", document.place("fields", name, "purpose"), f"没有目的 {shown(purpose)}", hint
        )


def _check_options(name: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    place = document.key_place("fields", name)
    for low, high in (("min", "max"), ("scale", "precision")):
        if low in spec and high in spec and spec[low] > spec[high]:
            message = f"{name} 的 {low} {spec[low]} 大于 {high} {spec[high]}"
            draft.error("entity.field-range", document.place("fields", name, low), message, "改正其中一个")
    need = _LIST_NEEDS.get(spec.get("of", ""))
    if need and need not in spec:
        draft.error("manifest.key-missing", place, f"{name} 缺少 {need}", f"of 为 {spec['of']} 时要写 {need}")
    if fault := pattern_fault(spec["pattern"]) if "pattern" in spec else None:
        _report_pattern(fault, name, document, draft)
    if spec["type"] == "sequence":
        try:
            check_format(spec["format"])
        except FieldError as err:
            place = document.place("fields", name, "format")
            draft.error("entity.sequence-format", place, f"{name} 的编号格式无效", err.message)


def _report_pattern(fault: tuple[str, str], name: str, document: Document, draft: Draft) -> None:
    kind, hint = fault
    place = document.place("fields", name, "pattern")
    match kind:
        case "unicode":
            draft.error("entity.pattern-unicode", place, f"{name} 的正则表达式用了 \\p", hint)
        case "backtracking":
            draft.error("entity.pattern-backtracking", place, f"{name} 的正则表达式可能陷入回溯", hint)
        case _:
            draft.error("entity.pattern-invalid", place, f"{name} 的正则表达式不能用", hint)
