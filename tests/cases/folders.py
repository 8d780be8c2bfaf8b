"""A small plugin for the tests of this room: one entity, and a workflow for each way a case can go."""

from __future__ import annotations

from pathlib import Path

PLUGIN = """manifest: 1
id: works
title: 市政
description: 测试
version: {name: 1.0.0, code: 1}
department: {uscc: 11640522000000000J, name: 县市政局}
case_prefix: WK
data_level_max: L3
purposes:
  duty: {title: 市政维护, basis: legal_duty, retention: P5Y, text: "为您处理所反映的问题"}
roles:
  works_service: {title: 后台}
  works_desk: {title: 派遣员}
  works_crew: {title: 维修人员}
  works_chief: {title: 负责人}
"""
REPORT = """entity: report
title: 上报
subject: reporter
case: case_no
fields:
  case_no: {type: sequence, title: 编号, format: "WK{division:6}{date:%Y%m%d}{seq:7}", unique: true, level: L1}
  reporter: {type: ref, title: 上报人, to: core.person}
  kind: {type: enum, title: 类别, required: true, values: {cover: 井盖, lamp: 路灯, tree: 树木}}
  note: {type: string, title: 情况, max: 200}
  grid: {type: grid, title: 网格}
  at: {type: point, title: 位置, level: L2}
  unit: {type: ref, title: 责任单位, to: core.org_unit}
  state: {type: string, title: 状态, max: 40}
  result: {type: string, title: 处理结果, max: 200}
  finished_at: {type: datetime, title: 完工时间}
"""
ACCESS = """rules:
  - {role: resident, entity: report, can: [read, create], where: "reporter == me.person", except: [state, result]}
  - {role: delegate, entity: report, can: [read, create], where: "reporter == me.person", except: [state, result]}
  - {role: resident, entity: report, can: [update], where: "reporter == me.person", fields: [note]}
  - {role: works_desk, entity: report, can: [read, create, update], where: "under(division, me.division)"}
  - {role: works_crew, entity: report, can: [read], where: "participates(case_no)", relation: case}
  - {role: works_crew, entity: report, can: [update], where: "participates(case_no)", fields: [result], relation: case}
  - {role: works_chief, entity: report, can: [read, update], where: "under(division, me.division)"}
  - {role: works_service, entity: report, can: [read, update]}
  - role: works_crew
    entity: core.rectification
    can: [read]
    where: "participates(case_no)"
    fields: [item, stars, measures]
    relation: case
  - role: works_crew
    entity: core.rectification
    can: [update]
    where: "participates(case_no)"
    fields: [measures]
    relation: case
"""
FORM = """form: report
title: 上报
entity: report
groups:
  - {title: 内容, fields: [kind, note, grid, unit, at]}
"""
SERVICE = """service: {id}
title: {title}
versions:
  - version: 1
    effective_from: 2020-01-01
    entity: report
    workflow: {workflow}
    form: report
    project_type: 承诺件
    promise: {{value: 3, unit: WD}}
    legal: {{value: 20, unit: WD, basis: 行政许可法第四十二条}}
    audience: [person]
    channels: [app, window]
    real_name: 2
"""
#: The whole life: pool, dispatch, return to and fro, correction by the applicant, a pause, the end.
REPAIR = """workflow: repair
version: 1
title: 维修
entity: report
mirror: state
start: new
arbiter: works_chief
rectification: {value: 5, unit: WD}
pauses: {material: 等待补正}
close_conditions:
  - {when: "finished_at != null", message: 没有完工时间}
  - {when: "result != null", message: 没有写处理结果}
states:
  new: {title: 待派, roles: [works_desk], within: {value: 10, unit: MIN}, public: 已收到}
  working: {title: 处理中, assign: dispatch, dispatch: crew, roles: [works_crew], within: {value: 4, unit: H}}
  correcting: {title: 待补正, assign: applicant, pause: material, within: {value: 5, unit: D}, public: 请您补充}
  checking: {title: 待核查, roles: [works_chief]}
  ruling: {title: 待裁定, roles: [works_chief]}
  closed: {title: 已办结, end: done}
  refused: {title: 不予受理, end: refused}
actions:
  assign: {title: 派单, from: [new], to: working, roles: [works_desk], fields: [kind, unit]}
  refuse: {title: 不予受理, from: [new], to: refused, roles: [works_desk], kind: refuse, needs_reason: true}
  correct: {title: 要求补正, from: [new], to: correcting, roles: [works_desk], kind: correct, needs_reason: true}
  supplement: {title: 补充, from: [correcting], to: new, roles: [applicant], fields: [note], required: [note]}
  return: {title: 退回, from: [working], to: new, roles: [assignee], kind: return, times_max: 1, over: ruling}
  rule: {title: 裁定, from: [ruling], to: working, roles: [works_chief], kind: arbitrate, fields: [unit]}
  note: {title: 记录, from: [working], to: "", roles: [assignee], fields: [result]}
  finish:
    title: 完工
    from: [working]
    to: checking
    roles: [assignee]
    fields: [result]
    required: [result]
    guard: "size(result) > 1"
    guard_message: 处理结果至少写两个字
    effects: [{set: {field: finished_at, value: "now()"}}, {event: works.finished}]
  pass: {title: 核查通过, from: [checking], to: closed, roles: [works_chief, works_crew], self_approve: false}
"""
CREW = """dispatch: crew
title: 派维修
entity: report
accept_within: {value: 15, unit: MIN}
rules:
  - {title: 责任单位, when: "unit != null", to: {role: works_crew, org: unit}, order: [load, distance]}
  - {title: 井盖, when: 'kind == "cover"', to: {role: works_crew}, order: [distance, load]}
fallback: [{role: works_chief}]
"""
JOINT = """workflow: {id}
version: 1
title: 会办
entity: report
start: joint
states:
  joint:
    title: 会办
    join: {join}
    parts:
      - {{id: a, title: 甲, roles: [works_crew]}}
      - {{id: b, title: 乙, roles: [works_crew]}}
      - {{id: c, title: 丙, roles: [works_crew]}}
  agreed: {{title: 同意, end: done}}
  refused: {{title: 不同意, end: refused}}
actions:
  agree: {{title: 同意, from: [joint], to: agreed, roles: [assignee]}}
  refuse: {{title: 不同意, from: [joint], to: refused, roles: [assignee], kind: refuse, needs_reason: true}}
"""
AUTO = """workflow: auto
version: 1
title: 自动
entity: report
mirror: state
start: checking
states:
  checking:
    title: 核验
    roles: [works_desk]
    auto:
      - {when: 'kind == "lamp"', action: approve}
  issuing: {title: 出具, roles: [works_desk], auto: [{when: 'kind == "lamp"', action: issue}]}
  done: {title: 已出具, end: done}
actions:
  approve: {title: 核验一致, from: [checking], to: issuing, roles: [system, works_desk]}
  issue: {title: 自动出具, from: [issuing], to: done, roles: [system, works_desk]}
"""
PART_C = "      - {id: c, title: 丙, roles: [works_crew]}\n"
JOINS = ("any", "all", "quorum", "vote")


def write_works(folder: Path, **more: str) -> None:
    """The plugin's folder; `more`: further or other files by name with "__" for "/"."""
    files = {
        "plugin": PLUGIN, "entities__report": REPORT, "access": ACCESS, "forms__report": FORM,
        "workflows__repair": REPAIR, "workflows__auto": AUTO, "dispatch__crew": CREW,
        "services__repair": SERVICE.format(id="repair", title="报修", workflow="repair"),
        "services__auto": SERVICE.format(id="auto", title="自动", workflow="auto"),
    }  # fmt: skip
    for join in JOINS:
        files[f"workflows__{join}"] = JOINT.format(id=join, join="quorum\n    quorum: 2" if join == "quorum" else join)
        files[f"services__{join}"] = SERVICE.format(id=join, title=f"会办{join}", workflow=join)
    files["workflows__pair"] = JOINT.format(id="pair", join="vote").replace(PART_C, "")
    files["services__pair"] = SERVICE.format(id="pair", title="两方会办", workflow="pair")
    for name, text in {**files, **more}.items():
        path = folder / "works" / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
