"""What a service item must hold before a case can come in by it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from tongban_sdk.problems import Place

from core.fields import all_fields
from core.fields.made import Sequence as Numbered
from core.fields.refs import File
from core.manifest.cases import Form, Limit, Service
from core.manifest.draft import Draft
from core.manifest.findings import did_you_mean, shown
from core.manifest.form_fields import default_form, missing_fields
from core.manifest.model import Entity
from core.manifest.task_codes import catalog_code_faults, read_task_code, task_code_faults

#: Lengths that can be compared without a calendar, in the smallest unit of their kind.
_SIZES = {"S": ("clock", 1), "MIN": ("clock", 60), "H": ("clock", 3600), "WH": ("WH", 1), "WD": ("WD", 1),
          "D": ("D", 1), "MON": ("MON", 1), "Y": ("MON", 12)}  # fmt: skip
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PUBLIC_LEVELS = ("L1", "L2")


class Places(Protocol):
    def place(self, *path: str | int) -> Place: ...


def check_versions(versions: Sequence[Service], draft: Draft) -> None:
    """Versions follow each other: numbers and days rise, no day has two."""
    counts = Counter(service.version for service in versions)
    for service in versions:
        if counts[service.version] > 1:
            message = f"版本 {service.version} 写了 {counts[service.version]} 次"
            draft.error("service.version-order", service.place, message, "新的一版用更大的版本号")
    for earlier, later in pairwise(sorted(versions, key=lambda s: (s.effective_from, s.version))):
        _check_pair(earlier, later, draft)
    for service in versions:
        if service.effective_to is not None and service.effective_to < service.effective_from:
            message = f"版本 {service.version} 的失效日期早于生效日期"
            draft.error("service.version-overlap", service.place, message, "改正 effective_from 或 effective_to")


def _check_pair(earlier: Service, later: Service, draft: Draft) -> None:
    if later.version < earlier.version:
        message = f"版本 {later.version} 比版本 {earlier.version} 晚生效，版本号却更小"
        draft.error("service.version-order", later.place, message, "后生效的一版用更大的版本号")
    end = earlier.effective_to
    if earlier.effective_from == later.effective_from or (end is not None and end >= later.effective_from):
        message = f"版本 {earlier.version} 与版本 {later.version} 的有效期重叠"
        hint = "删去前一版的 effective_to，它就到后一版生效前一天为止"
        draft.error("service.version-overlap", later.place, message, hint)
    elif end is not None and (later.effective_from - end).days > 1:
        message = f"{end} 之后、{later.effective_from} 之前没有有效的版本，这段时间办不了"
        draft.warning("service.version-gap", later.place, message, "删去前一版的 effective_to，或提前生效")


def check_item(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    _check_case_number(service, entity, at, draft)
    _check_form(service, entity, at, draft)
    _check_workflow(service, at, draft)
    _check_limits(service, at, draft)
    _check_codes(service, at, draft)
    _check_materials(service, entity, at, draft)
    _check_summary(service, entity, at, draft)
    _check_about(service, entity, at, draft)


def _check_about(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    field = entity.fields.get(service.about)
    if not service.about or draft.is_broken_field(entity, service.about) or (field and field.type == "string"):
        return
    message = f"about 应是 {entity.key} 里放办件编号的 string 字段，{shown(service.about)} 不是"
    draft.error("service.about-field", at.place("about"), message, did_you_mean(service.about, entity.fields))


def _check_case_number(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    number = entity.fields.get(entity.case)
    if draft.is_broken_field(entity, entity.case):
        return
    if not isinstance(number, Numbered):
        message = f"实体 {entity.key} 没有办件编号：case 应指向一个 sequence 字段"
        hint = f"在实体里写 case: case_no，并加字段 case_no: {{type: sequence, format: {draft.plugin.case_prefix}…}}"
        draft.error("service.case-field-missing", at.place("entity"), message, hint)
    elif not number.format.startswith(draft.plugin.case_prefix):
        message = f"办件编号 {entity.key}.{number.name} 没有以本应用的 case_prefix {draft.plugin.case_prefix} 开头"
        draft.error("service.case-prefix", at.place("entity"), message, f"把 format 改成 {draft.plugin.case_prefix}…")


def _check_form(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    name = service.form.removeprefix(f"{draft.plugin.id}.")
    form = draft.plugin.forms.get(name) if name else default_form(entity, draft.plugin.rules)
    if f"forms/{name}.yaml" in draft.broken or "access.yaml" in draft.broken:
        return
    if form is None:
        hint = did_you_mean(name, draft.plugin.forms)
        draft.error("service.form-unknown", at.place("form"), f"没有表单 {shown(name)}", hint)
    elif form.entity != service.entity:
        message = f"表单 {form.id} 填的是 {form.entity}，事项记在 {service.entity}"
        draft.error("service.form-entity", at.place("form"), message, "换一个表单或实体")
    elif not name:
        _check_default_form(form, entity, at, draft)


def _check_default_form(form: Form, entity: Entity, at: Places, draft: Draft) -> None:
    names = [name for _, fields in form.groups for name in fields]
    missing = [name for name in missing_fields(entity, names) if not draft.is_broken_field(entity, name)]
    if missing or not names:
        what = f"必填的 {'、'.join(missing)}" if missing else "任何字段"
        message = f"没有写 form，而群众不能填写 {entity.key} 的{what}"
        draft.error(
            "service.form-closed", at.place(), message, "在 access.yaml 里给申请人写 can: [create]，或写上 form"
        )


def _check_workflow(service: Service, at: Places, draft: Draft) -> None:
    name = service.workflow.removeprefix(f"{draft.plugin.id}.")
    if f"workflows/{name}.yaml" in draft.broken:
        return
    workflow = draft.plugin.workflows.get(name)
    if workflow is None:
        hint = did_you_mean(name, draft.plugin.workflows)
        draft.error("service.workflow-unknown", at.place("workflow"), f"没有流程 {shown(name)}", hint)
        return
    if workflow.entity != service.entity:
        message = f"流程 {workflow.id} 走的是 {workflow.entity}，事项记在 {service.entity}"
        draft.error("service.workflow-entity", at.place("workflow"), message, "换一个流程或实体")
    if service.clock_from != "submit" and service.clock_from not in workflow.actions:
        message = f"期限从 {shown(service.clock_from)} 算起，流程 {workflow.id} 没有这个动作"
        hint = did_you_mean(service.clock_from, ("submit", *workflow.actions))
        draft.error("service.clock-from", at.place("clock_from"), message, hint)


def _check_limits(service: Service, at: Places, draft: Draft) -> None:
    if service.promise and service.legal and _is_longer(service.promise, service.legal):
        message = f"承诺时限 {_text(service.promise)} 比法定时限 {_text(service.legal)} 长"
        draft.error("service.promise-longer", at.place("promise"), message, "承诺只能更短")


def _is_longer(limit: Limit, other: Limit) -> bool:
    (kind, size), (other_kind, other_size) = _SIZES[limit.unit], _SIZES[other.unit]
    return kind == other_kind and limit.value * size > other.value * other_size


def _text(limit: Limit) -> str:
    return f"{limit.value} {limit.unit}"


def _check_codes(service: Service, at: Places, draft: Draft) -> None:
    code = read_task_code(service.task_code)
    if code is not None:
        faults, place = task_code_faults(code, service.elements), at.place("task_code")
    else:
        written = service.elements.get("catalog_code", "")
        faults = catalog_code_faults(written, service.elements) if written else []
        place = at.place("elements", "catalog_code")
    for fault in faults:
        hint = "31 位：统一社会信用代码 18、层级 1、基本编码 12（省 2、类型 2、顺序 8）"
        draft.error("service.task-code", place, f"编码有误：{fault}", hint)


def _check_materials(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    seen: set[str] = set()
    for i, material in enumerate(service.materials):
        place = at.place("materials", i)
        if material.id in seen:
            draft.error("service.material-twice", place, f"材料 {material.id} 写了两次", "换一个标识")
        seen.add(material.id)
        name = material.file_field
        if name and not isinstance(entity.fields.get(name), File) and not draft.is_broken_field(entity, name):
            files = [f.name for f in entity.fields.values() if isinstance(f, File)]
            message = f"材料 {material.title} 要存到 {shown(name)}，实体 {entity.key} 没有这个文件字段"
            draft.error(
                "service.material-field", at.place("materials", i, "file_field"), message, did_you_mean(name, files)
            )
        if material.need == "required" and not (name or material.licence):
            message = f"必要的材料 {material.title} 没有地方交：既没有文件字段，也没有电子证照"
            draft.error("service.material-nowhere", place, message, "写上 file_field 或 licence")


def _check_summary(service: Service, entity: Entity, at: Places, draft: Draft) -> None:
    """It stands in lists that people see who never open the case."""
    known = all_fields(entity)
    for name in _PLACEHOLDER.findall(service.summary):
        field = known.get(name)
        if draft.is_broken_field(entity, name):
            continue
        if field is None:
            hint = did_you_mean(name, known)
            draft.error("service.summary-field", at.place("summary"), f"没有字段 {shown(name)}", hint)
        elif field.level not in _PUBLIC_LEVELS:
            message = f"{name} 是 {field.level}，不能写进一句话里：办件列表和待办都显示它"
            draft.error("service.summary-level", at.place("summary"), message, "只用 L1、L2 的字段")
