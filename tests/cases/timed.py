"""A workflow in which time decides: a chain of escalation, a limit that leads on, suspension, extension, reopening."""

from __future__ import annotations

from tests.cases.folders import SERVICE

TIMED = """workflow: timed
version: 1
title: 计时
entity: report
start: working
pauses: {material: 等待材料, court: 等待裁判}
pause_approver: works_chief
escalation: [{at_percent: 80, to: works_chief}, {at_percent: 100, to: duty_leader}, {at_percent: 200, to: supervision}]
states:
  working: {title: 办理, roles: [works_desk], within: {value: 2, unit: H}, on_due: overrun}
  late: {title: 超时, roles: [works_desk]}
  done: {title: 已办结, end: done}
  refused: {title: 不予办理, end: refused}
  withdrawn: {title: 已撤回, end: withdrawn}
actions:
  overrun: {title: 超时转出, from: [working], to: late, roles: [system]}
  finish: {title: 办结, from: [working, late], to: done, roles: [works_desk]}
  refuse: {title: 不予办理, from: [working, late], to: refused, roles: [works_desk], kind: refuse}
  suspend:
    {title: 申请挂起, from: [working, late], roles: [assignee], kind: suspend, fields: [result], required: [result]}
  extend:
    title: 延期
    from: [working, late]
    roles: [works_chief]
    kind: extend
    by: {value: 2, unit: WD, basis: 行政许可法第四十二条}
  withdraw: {title: 撤回, from: [working, late], to: withdrawn, roles: [applicant], kind: withdraw}
  reopen: {title: 重开, from: [done, refused], to: working, roles: [works_chief], kind: reopen, needs_reason: true}
"""
TEXTS = {"workflows__timed": TIMED, "services__timed": SERVICE.format(id="timed", title="计时", workflow="timed")}
