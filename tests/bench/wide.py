"""A service item whose form has twenty fields and two files, beside those of the tests."""

from __future__ import annotations

from typing import Any

from tests.cases.folders import ACCESS, PLUGIN, SERVICE

#: Field → type and what goes with it, and what is filled in. One is sealed.
FIELDS: dict[str, tuple[str, Any]] = {
    "kind": ("enum, required: true, values: {new: 新办, change: 变更, renew: 延续}", "change"),
    "name": ("string, max: 60, required: true", "兴隆五金经营部"),
    "purpose": (
        "text, max: 500, required: true",
        "因门店扩建，经营场所面积由六十平方米增加到一百二十平方米，申请变更登记。",
    ),
    "phone": ("phone, level: L3, purpose: duty", "13995201234"),
    "area": ("decimal, precision: 10, scale: 2", "120.50"),
    "capital": ("integer, min: 0", 500000),
    "staff_count": ("integer, min: 0, max: 10000", 7),
    "opened_on": ("date", "2019-03-18"),
    "moved_at": ("datetime", "2026-11-02T09:30:00+08:00"),
    "opens": ("time", "08:00:00"),
    "is_chain": ("boolean", False),
    "has_fire_check": ("boolean", True),
    "street": ("string, max: 60", "政府街 18 号"),
    "building": ("string, max: 60", "3 号楼"),
    "goods": ("string, max: 200", "五金交电、日用百货、农具零售"),
    "licence_no": ("string, max: 40", "92640522MA75X0A12B"),
    "former_name": ("string, max: 60", "兴隆日杂店"),
    "bank": ("string, max: 60", "海原县农村信用合作联社"),
    "remark": ("text, max: 500", "营业执照正本、副本一并更换。"),
    "wants_post": ("boolean", True),
}
FILES = ("lease", "floor_plan")
VALUES = {name: value for name, (_, value) in FIELDS.items()}
_GIVEN = "".join(f"  {name}: {{type: {type_}, title: {name}}}\n" for name, (type_, _) in FIELDS.items())
_FILES = "".join(f"  {name}: {{type: file, title: {name}, max_bytes: 10485760}}\n" for name in FILES)
ENTITY = f"""entity: wide
title: 变更登记
subject: applicant
case: case_no
fields:
  case_no: {{type: sequence, title: 编号, format: "WKD{{division:6}}{{date:%Y%m%d}}{{seq:7}}", unique: true, level: L1}}
  applicant: {{type: ref, title: 申请人, to: core.person}}
{_GIVEN}{_FILES}  state: {{type: string, title: 状态, max: 40, default: working}}
"""
FORM = f"""form: wide
title: 变更登记
entity: wide
groups:
  - {{title: 内容, fields: [{", ".join((*FIELDS, *FILES))}]}}
"""
WORKFLOW = """workflow: wide
version: 1
title: 变更登记
entity: wide
mirror: state
start: working
states:
  working: {title: 审查, roles: [works_desk], within: {value: 1, unit: WD}}
  done: {title: 已办结, end: done}
actions:
  finish: {title: 办结, from: [working], to: done, roles: [works_desk]}
"""
RULES = """  - {role: resident, entity: wide, can: [read, create], where: "applicant == me.person", except: [state]}
  - {role: works_desk, entity: wide, can: [read, update], where: "under(division, me.division)"}
  - {role: works_service, entity: wide, can: [read, update]}
"""
TEXTS = {
    "plugin": PLUGIN,
    "access": ACCESS + RULES,
    "entities__wide": ENTITY,
    "forms__wide": FORM,
    "workflows__wide": WORKFLOW,
    "services__wide": SERVICE.format(id="wide", title="变更登记", workflow="wide").replace(": report", ": wide"),
}
