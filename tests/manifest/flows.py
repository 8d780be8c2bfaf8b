"""A small plugin with workflows, dispatch, messages, documents and indicators, each of their words used once."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.folders import GOOD, HEAD, Files

WORKFLOW, DISPATCH = "grid/workflows/repair.yaml", "grid/dispatch/repair.yaml"
MESSAGES, DOCUMENTS, INDICATORS = "grid/messages.yaml", "grid/documents.yaml", "grid/indicators.yaml"
CLEANING, PLUGIN = "grid/workflows/cleaning.yaml", "grid/plugin.yaml"
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
    PLUGIN: HEAD.format(id="grid").replace("L4", "L3")
    + 'entry: "plugins.grid.plugin:Plugin"\n'
    + "purposes:\n  service: {title: 服务, basis: legal_duty, retention: P3Y, text: 用于办理}\n"
    + "roles:\n  grid_service: {title: 后台}\n",
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
    values: {submitted: 待派, checked: 核对, assigned: 已派, working: 处理中, joint: 会办, bundle: 善后,
             arbitration: 裁定, supplement: 补正, checking: 待验收, closed: 办结, refused: 不予, withdrawn: 撤回}
  finished_at: {type: datetime, title: 完工时间}
  cost: {type: money, title: 费用}
  words: {type: text, title: 说明, level: L3, purpose: service}
  paper: {type: file, title: 证明, level: L3, purpose: service}
""",
    "grid/entities/cleaning.yaml": """\
entity: cleaning
title: 保洁单
case: case_no
fields:
  case_no: {type: sequence, title: 单号, format: "TSB{division:6}{date:%Y%m%d}{seq:7}"}
  compound: {type: ref, title: 小区, to: compound, required: true}
  about: {type: string, title: 打扫什么, max: 60}
  level: {type: enum, title: 程度, values: {light: 轻, heavy: 重}}
  step: {type: string, title: 状态, max: 20}
""",
    ACCESS: """\
rules:
  - {role: property_staff, entity: repair_order, can: [update], fields: [finished_at, cost, photo]}
  - {role: dispatcher, entity: repair_order, can: [update], fields: [category]}
  - {role: duty_leader, entity: repair_order, can: [update], fields: [category]}
  - {role: resident, entity: repair_order, can: [update], fields: [words], where: reporter == me.person}
  - {role: resident, entity: cleaning, can: [create], fields: [compound, about, level]}
  - {role: grid_service, entity: repair_order, can: [update]}
  - {role: grid_service, entity: cleaning, can: [update], fields: [step]}
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
mirror: state
start: submitted
merge: {within_m: 50, within_h: 24, same: category, point: location}
pauses: {waiting: 等待材料, correction: 等待补正}
pause_approver: unit_head
escalation:
  - {at_percent: 80, to: unit_head}
  - {at_percent: 100, to: duty_leader}
  - {at_percent: 200, to: supervision}
close_conditions:
  - {when: finished_at != null, message: 没有完工时间}
arbiter: duty_leader
rating: true
rectification: {value: 5, unit: WD}
states:
  submitted:
    title: 待派
    public: 已收到
    roles: [dispatcher]
    within: {value: 10, unit: MIN, calendar: CN, basis: 首问负责制}
    on_due: route
    auto: [{when: category == "gas", action: route}]
  assigned: {title: 已派, assign: dispatch, dispatch: repair, within: {value: 4, unit: WH}}
  working: {title: 处理中, assign: owner, roles: [property_staff]}
  supplement: {title: 补正, assign: applicant, pause: correction}
  joint:
    title: 会办
    parts:
      - {id: visit, title: 上门核实, roles: [grid_worker]}
      - {id: unit, title: 单位会签, roles: [unit_head], dispatch: repair}
    join: quorum
    quorum: 1
  bundle:
    title: 善后
    children:
      - {id: clean, service: clean, values: {compound: compound, about: "category", level: "'light'"}}
      - {id: again, service: grid.clean, after: [clean], values: {compound: compound}}
    auto: [{action: settle}]
  arbitration: {title: 裁定, roles: [duty_leader]}
  checking: {title: 待验收, roles: [grid_worker], within: {value: 3, unit: D}, on_due: accept}
  closed: {title: 已办结, end: done}
  refused: {title: 不予办理, end: refused}
  withdrawn: {title: 已撤回, end: withdrawn}
actions:
  route:
    title: 派单
    from: [submitted, arbitration]
    to: assigned
    roles: [dispatcher, duty_leader, system]
    fields: [category]
    effects: [{message: assigned}]
  begin: {title: 接单, from: [assigned], to: working, roles: [assignee]}
  return: {title: 退回, from: [assigned], to: submitted, roles: [assignee], kind: return,
    times_max: 1, over: arbitration}
  ask: {title: 要求补正, from: [working], to: supplement, roles: [assignee], kind: correct, needs_reason: true}
  supply: {title: 补正, from: [supplement], to: working, roles: [applicant], fields: [words], required: [words]}
  withdraw: {title: 撤回, from: [submitted, supplement], to: withdrawn, roles: [applicant], kind: withdraw}
  suspend: {title: 挂起, from: [working], roles: [assignee], kind: suspend}
  extend: {title: 延期, from: [working], roles: [assignee], kind: extend, by: {value: 1, unit: WD}, times_max: 1}
  finish:
    title: 完工
    from: [working]
    to: joint
    roles: [assignee]
    guard: worker == me.staff || worker == null
    guard_message: 请由接单的维修工完工
    fields: [finished_at, cost, photo]
    required: [photo]
    effects:
      - {message: done, when: cost == null}
      - {event: repair.finished}
      - {hook: price}
      - {set: {field: finished_at, value: now()}}
      - {document: receipt}
      - {open: {service: clean, values: {compound: compound}}}
  sign: {title: 会签, from: [joint], to: bundle, roles: [assignee]}
  settle: {title: 善后完成, from: [bundle], to: checking, roles: [system]}
  accept: {title: 验收, from: [checking], to: closed, roles: [applicant, grid_worker, system], self_approve: false}
  redo: {title: 返工, from: [checking], to: working, roles: [grid_worker], kind: return,
    times_max: 2, over: arbitration}
  refuse: {title: 不予办理, from: [submitted, arbitration], to: refused, roles: [dispatcher, duty_leader], kind: refuse}
  close: {title: 裁定办结, from: [arbitration], to: closed, roles: [duty_leader], kind: arbitrate}
  reopen: {title: 重开, from: [closed], to: working, roles: [applicant], kind: reopen, times_max: 1,
    effects: [{task: {title: 回访, roles: [dispatcher], within: {value: 1, unit: D}}}]}
""",
    CLEANING: """\
workflow: cleaning
version: 1
title: 保洁
entity: cleaning
mirror: step
start: open
rating: false
states:
  open: {title: 待打扫, roles: [property_staff], within: {value: 1, unit: D}}
  done: {title: 打扫完, end: done}
actions:
  clean: {title: 打扫, from: [open], to: done, roles: [assignee]}
""",
    "grid/services/clean.yaml": """\
service: clean
title: 保洁
versions:
  - version: 1
    effective_from: 2026-01-01
    entity: cleaning
    workflow: cleaning
    project_type: 即办件
    audience: [person]
    channels: [app]
""",
    MESSAGES: """\
messages:
  assigned: {title: 派单通知, text: "{unit}：请办理 {case_no}，{due}前办完", to: assignee}
  done:
    title: 完工通知
    text: "您的{item}（{case_no}）已{action}，现在{state}"
    to: applicant
    channels: [inbox, sms, phone]
    must_reach_within: {value: 2, unit: H}
    urgent: true
""",
    DOCUMENTS: """\
documents:
  receipt:
    title: 维修回执
    entity: repair_order
    paragraphs:
      - "兹证明{reporter.name}报修的{compound.name}已于{finished_at}修好，编号{case_no}。"
      - "{unit}，{issued_on}出具，有效期至{valid_to}，验证码{verify_code}。"
    file_field: paper
    licence: repair_receipt
    valid_for: {value: 6, unit: MON}
""",
    "grid/i18n/en.yaml": """\
workflows.repair.states.submitted.public: received
workflows.repair.states.joint.title: together
workflows.repair.actions.finish.title: done
workflows.repair.pauses.waiting: material
messages.done.text: Your {item} ({case_no}) is {action}
documents.receipt.title: Receipt
indicators.on_time.title: On time
dispatch.repair.title: Repairs
""",
    INDICATORS: """\
indicators:
  on_time:
    title: 按期办结率
    over: cases
    measure: share
    where: closed_at != null
    of: is_on_time
    group_by: division
    unit: "%"
    good: up
    cycle: month
    target: 95
    alarm_at: 80
    alarm_to: unit_head
    readers: [unit_head]
    alarm_after: 2
    time_field: closed_at
  orders: {title: 报修量, over: repair_order, measure: count, group_by: category, unit: 件, good: down, cycle: day,
    readers: [unit_head]}
  cost: {title: 平均费用, over: repair_order, measure: avg, number_field: cost, unit: 元, good: down, cycle: year,
    public: true}
""",
}


def flow(name: str, old: str, new: str) -> Files:
    """The plugin with one text of one file replaced."""
    text = FLOWS[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**FLOWS, name: text.replace(old, new)}
