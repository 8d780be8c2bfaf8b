"""indicators.yaml or indicators/*.yaml: numbers a department answers for. What can be read here can be counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.expr import Expr, paths
from core.fields import Field, all_fields
from core.fields.names import type_of
from core.fields.refs import Ref
from core.fields.sealed import may_be_sealed
from core.manifest.case_record import CASE_RECORD, CASES, GROUP_NAMES, RECORD_NAMES
from core.manifest.definitions import definition_hash, full_key
from core.manifest.document import Document
from core.manifest.draft import Draft
from core.manifest.expressions import read_condition
from core.manifest.findings import did_you_mean, shown
from core.manifest.indicators import Indicator
from core.manifest.model import Entity
from core.manifest.sections import Section
from core.manifest.staff_roles import check_staff_role

_NUMBERS = frozenset({"int", "decimal"})
_TIMES = frozenset({"datetime", "date"})
#: Types of fields a group can be named by: what people wrote names none.
_GROUPED = frozenset({"enum", "code", "boolean", "division", "grid", "ref"})
#: What decides about the number.
_DEFINING = ("over", "measure", "kind", "time_field", "number_field", "where", "of", "group_by", "cycle")


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
    _check_readers(id, spec, document, draft)
    if entity is not None:
        _check_number(id, spec, entity, document, draft)
        _check_time(id, spec, entity, document, draft)
        _check_group(id, spec, entity, document, draft)
    scale = _scale(spec, entity)
    return Indicator(
        plugin_id=draft.plugin.id,
        id=id,
        title=spec["title"],
        over=over if over == CASES else full_key(over, draft.plugin.id),
        measure=spec["measure"],
        place=document.key_place("indicators", id),
        kind=spec.get("kind", "period"),
        time_field=_time_field(spec),
        number_field=spec.get("number_field", ""),
        scale=scale,
        where=_condition("where", id, spec, entity, document, draft),
        of=_condition("of", id, spec, entity, document, draft),
        group_by=spec.get("group_by", ""),
        unit=spec["unit"],
        good=spec["good"],
        cycle=spec["cycle"],
        target=spec.get("target"),
        alarm_at=spec.get("alarm_at"),
        alarm_to=spec.get("alarm_to", ""),
        alarm_after=spec.get("alarm_after", 1),
        readers=frozenset(spec.get("readers", ())) | ({spec["alarm_to"]} if "alarm_to" in spec else set()),
        is_public=spec.get("public", False),
        is_about_persons=spec.get("about", _about(entity)) == "persons",
        hash=definition_hash({key: spec.get(key) for key in _DEFINING} | {"scale": scale})[:16],
    )


def _time_field(spec: Mapping[str, Any]) -> str:
    if spec.get("kind") == "moment":
        return ""
    return str(spec.get("time_field", "filed_at" if spec["over"] == CASES else "created_at"))


def _scale(spec: Mapping[str, Any], entity: Entity | None) -> int:
    field = all_fields(entity).get(spec.get("number_field", "")) if entity else None
    found = type_of(field) if field else None
    return found.scale if found else 0


def _about(entity: Entity | None) -> str:
    return "persons" if entity is None or entity is CASE_RECORD or entity.subject_paths else "things"


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


def _check_readers(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    for number, role in enumerate(spec.get("readers", ())):
        check_staff_role(role, document.place("indicators", id, "readers", number), draft)
    if not (spec.get("readers") or "alarm_to" in spec or spec.get("public")):
        message = f"指标 {id} 没有人看得到"
        draft.error(
            "indicator.readers", document.key_place("indicators", id), message, "写上 readers（角色）或 public: true"
        )


def _check_alarm(id: str, spec: Mapping[str, Any], document: Document, draft: Draft) -> None:
    path = ("indicators", id)
    if "alarm_after" in spec and "alarm_at" not in spec:
        draft.error(
            "indicator.alarm", document.place(*path, "alarm_after"), "写了 alarm_after，没有 alarm_at", "写上 alarm_at"
        )
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
    numbers = [n for n, f in entity.fields.items() if _is_plain(f, entity, _NUMBERS)]
    if name not in numbers:
        message = f"number_field 应是数据库能计算的数字字段，{shown(name)} 不是"
        place = document.place("indicators", id, "number_field")
        draft.error("indicator.number", place, message, did_you_mean(name, numbers))


def _check_time(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    name = spec.get("time_field")
    if name is None or draft.is_broken_field(entity, name):
        return
    place = document.place("indicators", id, "time_field")
    if spec.get("kind") == "moment":
        message = "kind: moment 数的是周期结束时的现状，不看 time_field"
        draft.error("indicator.time", place, message, "删去 time_field，或删去 kind")
        return
    times = [n for n, f in _known(entity).items() if _is_plain(f, entity, _TIMES)]
    if name not in times:
        message = f"time_field 应是日期或时间字段，{shown(name)} 不是"
        draft.error("indicator.time", place, message, did_you_mean(name, times))


def _is_plain(field: Field, entity: Entity, kinds: Collection[str]) -> bool:
    """A value of these kinds that lies in the database as it is."""
    found = type_of(field)
    return found is not None and found.kind in kinds and not may_be_sealed(field, entity)


def _known(entity: Entity) -> Mapping[str, Field]:
    """A record of a case has some of the system fields."""
    fields = all_fields(entity)
    return {n: fields[n] for n in fields if n in RECORD_NAMES} if entity is CASE_RECORD else fields


def _check_group(id: str, spec: Mapping[str, Any], entity: Entity, document: Document, draft: Draft) -> None:
    """An indicator is shown to whoever may see indicators: its groups must name nobody."""
    name = spec.get("group_by")
    if name is None or draft.is_broken_field(entity, name):
        return
    place = document.place("indicators", id, "group_by")
    groups = {n: f for n, f in _known(entity).items() if _may_group(f, entity)}
    field = groups.get(name)
    if field is None:
        draft.error("indicator.group", place, f"不能按 {shown(name)} 分组", did_you_mean(name, groups))
    elif field.level in ("L3", "L4") or _names_person(field, draft):
        message = f"{name} 指着一个个人，指标不能按它分组"
        draft.error("indicator.group", place, message, "换成 L1、L2 的字段，如 division、state")


def _may_group(field: Field, entity: Entity) -> bool:
    if entity is CASE_RECORD:
        return field.name in GROUP_NAMES
    return (field.type in _GROUPED or field.name == "org") and not may_be_sealed(field, entity)


def _names_person(field: Field, draft: Draft) -> bool:
    """By whom the row it leads to is about, or by its name."""
    target = draft.entity_of(field.to) if isinstance(field, Ref) else None
    if target is None:
        return False
    name = all_fields(target).get(target.display)
    return bool(target.subject_paths) or (name is not None and name.level in ("L3", "L4"))


SECTION = Section(
    "indicators",
    ("indicators.yaml", "indicators/*.yaml"),
    "indicators.schema.json",
    build,
    units=("indicators",),
    after=("plugin", "entities"),
)
