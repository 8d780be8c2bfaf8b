"""A small plugin with workflows, dispatch, messages, documents and indicators, each of their words used once."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.folders import GOOD, HEAD, Files

WORKFLOW, DISPATCH = "grid/workflows/repair.yaml", "grid/dispatch/repair.yaml"
ENTITY, ACCESS = "grid/entities/repair_order.yaml", "grid/access.yaml"

FLOWS: Mapping[str, str] = {
    "core/plugin.yaml": GOOD["core/plugin.yaml"]
    + """\
  dispatcher: {title: 派遣员}
  grid_worker: {title: 网格员}
  property_staff: {title: 维修工}
  unit_head: {title: 负责人}
  duty_leader: {title: 值班长}
""",
    "core/entities/person.yaml": GOOD["core/entities/person.yaml"],
    "core/entities/org_unit.yaml": "entity: org_unit\ntitle: 单位\nfields:\n  name: {type: string, title: 名称}\n",
    "core/entities/staff.yaml": "entity: staff\ntitle: 人员\nfields:\n  name: {type: string, title: 姓名, level: L2}\n",
    "core/entities/grid.yaml": "entity: grid\ntitle: 网格\nfields:\n  code: {type: grid, title: 编码}\n",
    "grid/plugin.yaml": HEAD.format(id="grid").replace("L4", "L3")
    + 'entry: "plugins.grid.plugin:Plugin"\n'
    + "purposes:\n  service: {title: 服务, basis: legal_duty, retention: P3Y, text: 用于办理}\n",
    "grid/entities/compound.yaml": """\
entity: compound
title: 小区
fields:
  name: {type: string, title: 名称, required: true}
  property_org: {type: ref, title: 物业, to: core.org_unit}
  caretaker: {type: ref, title: 托管人, to: core.staff}
""",
    ENTITY: """\
entity: repair_order
title: 报修单
subject: reporter
case: case_no
fields:
  case_no: {type: sequence, title: 单号, format: "TS{division:6}{date:%Y%m%d}{seq:7}"}
  compound: {type: ref, title: 小区, to: compound, required: true}
  reporter: {type: ref, title: 报修人, to: core.person}
  category: {type: enum, title: 类别, required: true, values: {water: 水, gas: 气}}
  photo: {type: file, title: 照片, level: L3, purpose: service}
  location: {type: point, title: 位置, level: L3, purpose: service}
  grid: {type: grid, title: 网格}
  worker: {type: ref, title: 维修工, to: core.staff}
  state:
    type: enum
    title: 状态
    values: {submitted: 待派, checked: 核对, assigned: 已派, working: 处理中, joint: 会办, arbitration: 裁定,
             supplement: 补正, checking: 待验收, closed: 办结, refused: 不予, withdrawn: 撤回}
  finished_at: {type: datetime, title: 完工时间}
  cost: {type: money, title: 费用}
  words: {type: text, title: 说明, level: L3, purpose: service}
  paper: {type: file, title: 证明, level: L3, purpose: service}
""",
    ACCESS: """\
rules:
  - {role: property_staff, entity: repair_order, can: [update], fields: [finished_at, cost, photo]}
  - {role: dispatcher, entity: repair_order, can: [update], fields: [category]}
  - {role: resident, entity: repair_order, can: [update], fields: [words], where: reporter == me.person}
""",
    DISPATCH: """\
dispatch: repair
title: 报修派单
entity: repair_order
accept_within: {value: 15, unit: MIN}
rules:
  - when: category == "water" && compound.name == "一号院"
    to: {role: property_staff, org: compound.property_org}
    order: [load, distance]
    title: 物业管供水
  - {when: grid != null, to: {role: grid_worker, grid: grid}}
  - {to: {role: property_staff, staff: compound.caretaker}}
fallback:
  - {role: grid_worker}
  - {role: dispatcher}
""",
    WORKFLOW: """\
workflow: repair
version: 1
title: 报修
entity: repair_order
start: submitted
states:
  submitted: {title: 待派, roles: [dispatcher], within: {value: 10, unit: MIN}}
  closed: {title: 已办结, end: done}
actions:
  close: {title: 办结, from: [submitted], to: closed, roles: [dispatcher]}
""",
}


def flow(name: str, old: str, new: str) -> Files:
    """The plugin with one text of one file replaced."""
    text = FLOWS[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**FLOWS, name: text.replace(old, new)}
