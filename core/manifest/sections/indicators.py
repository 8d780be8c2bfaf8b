"""indicators.yaml or indicators/*.yaml: numbers a department answers for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.expr import Expr, paths
from core.fields import all_fields
from core.fields.names import type_of
from core.manifest.case_record import CASE_RECORD, CASES, RECORD_NAMES
from core.manifest.definitions import full_key
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_condition
from core.manifest.findings import did_you_mean, shown
from core.manifest.model import Entity
from core.manifest.outputs import Indicator
from core.manifest.person_checks import PERSON
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

_NUMBERS = frozenset({"int", "decimal"})
#: Columns a group can be named by.
_GROUPED = frozenset({"text", "uuid", "int", "bool", "date"})


def build(documents: Sequence[Document], draft: Draft) -> dict[str, Indicator]:
    indicators: dict[str, Indicator] = {}
    for document in documents:
        for id, spec in document.entries("indicators"):
            place = document.key_place("indicators", id)
            if id in indicators:
                message = f"指标 {id} 已在 {indicators[id].place.file} 声明"
                draft.error("indicator.duplicate", place, message, "换一个名字")
            indicators[id] = _indicator(id, spec, document, draft)
    return indicators


def _indicator(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> Indicator:
    over = spec["over"]
    entity = CASE_RECORD if over == CASES else draft.entity(over, document.place("indicators", id, "over"))
    _check_shape(id, spec, document, draft)
    _check_alarm(id, spec, document, draft)
    if entity is not None:
        _check_number(id, spec, entity, document, draft)
        _check_group(id, spec, entity, document, draft)
    return Indicator(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        over=over if over == CASES else full_key(over, draft.plugin.id),
        measure=spec["measure"],
        place=document.key_place("indicators", id),
        number_field=spec.get("number_field", ""),
        where=_condition("where", id, spec, entity, document, draft),
        of=_condition("of", id, spec, entity, document, draft),
        group_by=spec.get("group_by", ""),
        unit=spec["unit"],
        good=spec["good"],
        cycle=spec["cycle"],
        target=spec.get("target"),
        alarm_at=spec.get("alarm_at"),
        alarm_to=spec.get("alarm_to", ""),
    )


def _condition(
    key: str, id: str, spec: Mapping[str, Any], entity: Entity | None, document: Document, draft: Draft
) -> Expr | None:
    if key not in spec or entity is None:
        return None
    place = document.place("indicators", id, key)
    found = read_condition(spec[key], entity, place, draft)
    if found is not None and entity is CASE_RECORD:
        for path in sorted(paths(found)):
            if path[0] not in RECORD_NAMES:
                hint = did_you_mean(path[0], RECORD_NAMES)
                draft.error("indicator.field", place, f"办件库没有字段 {shown(path[0])}", hint)
    return found


def _check_shape(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    """Which keys a measure takes."""
    measure = spec["measure"]
    for key, measures in (("number_field", ("sum", "avg")), ("of", ("share",))):
        if (key in spec) != (measure in measures):
            place = document.place("indicators", id, key if key in spec else "measure")
            verb, hint = ("不用", f"删去 {key}") if key in spec else ("要写", f"写上 {key}")
            draft.error("indicator.measure", place, f"measure: {measure} {verb} {key}", hint)


def _check_alarm(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    path = ("indicators", id)
    if ("alarm_at" in spec) != ("alarm_to" in spec):
        have, miss = ("alarm_at", "alarm_to") if "alarm_at" in spec else ("alarm_to", "alarm_at")
        draft.error("indicator.alarm", document.place(*path, have), f"写了 {have}，没有 {miss}", f"写上 {miss}")
    if "alarm_to" in spec:
        check_staff_role(spec["alarm_to"], document.place(*path, "alarm_to"), draft)
    if "alarm_at" in spec and "target" in spec:
        at, target = spec["alarm_at"], spec["target"]
        if at > target if spec["good"] == "up" else at < target:
            message = f"好的方向是{'高' if spec['good'] == 'up' else '低'}，报警值 {at} 却比目标 {target} 还好"
            draft.error("indicator.alarm", document.place(*path, "alarm_at"), message, "改正 good、target 或 alarm_at")


def _check_number(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    name = spec.get("number_field")
    if name is None or draft.is_broken_field(entity, name):
        return
    numbers = [n for n, f in entity.fields.items() if (t := type_of(f)) and t.kind in _NUMBERS]
    if name not in numbers:
        message = f"number_field 应是数字字段，{shown(name)} 不是"
        place = document.place("indicators", id, "number_field")
        draft.error("indicator.number", place, message, did_you_mean(name, numbers))


def _check_group(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    """An indicator is shown to whoever may see indicators: its groups must name nobody."""
    name = spec.get("group_by")
    if name is None or draft.is_broken_field(entity, name):
        return
    place = document.place("indicators", id, "group_by")
    known = RECORD_NAMES if entity is CASE_RECORD else frozenset(all_fields(entity))
    groups = {n: f for n, f in all_fields(entity).items() if n in known and (t := type_of(f)) and t.kind in _GROUPED}
    field = groups.get(name)
    if field is None:
        draft.error("indicator.group", place, f"不能按 {shown(name)} 分组", did_you_mean(name, groups))
    elif field.level in ("L3", "L4") or getattr(field, "to", "") == PERSON:
        message = f"{name} 指着一个个人，指标不能按它分组"
        draft.error("indicator.group", place, message, "换成 L1、L2 的字段，如 division、state")


SECTION = Section(
    "indicators",
    ("indicators.yaml", "indicators/*.yaml"),
    "indicators.schema.json",
    build,
    units=("indicators",),
    after=("plugin", "entities"),
)
