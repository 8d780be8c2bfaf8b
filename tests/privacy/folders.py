"""A small plugin about people, written for the tests of this room: one purpose of each basis, a case, a file."""

from __future__ import annotations

from pathlib import Path

PLUGIN = """manifest: 1
id: visiting
title: 走访
description: 测试
version: {name: 1.0.0, code: 1}
department: {uscc: 11640522000000000J, name: 县走访办}
case_prefix: VI
data_level_max: L4
purposes:
  visit: {title: 走访关怀, basis: consent, retention: P2Y, text: "为了上门看望您，我们记下您的近况"}
  duty: {title: 走访登记, basis: legal_duty, retention: P5Y, text: "依法登记走访情况"}
  order: {title: 预约服务, basis: contract, retention: P1Y, text: "为您办理预约的服务"}
roles:
  visiting_service: {title: 后台}
  visiting_visitor: {title: 走访员}
  visiting_parent: {title: 家长}
"""
VISIT = """entity: visit
title: 走访记录
subject: person
case: case_no
fields:
  person: {type: ref, title: 走访对象, to: core.person, required: true}
  case_no: {type: string, title: 办件编号, max: 40}
  day: {type: date, title: 走访日期}
  phone: {type: phone, title: 联系电话, level: L3, purpose: duty}
  feeling: {type: text, title: 近况, level: L3, purpose: visit, max: 200}
  illness: {type: text, title: 病情, level: L4, purpose: visit, max: 200}
  wish: {type: text, title: 预约的服务, level: L3, purpose: order, max: 200}
  nickname: {type: string, title: 称呼, level: L3, mask: name, max: 20, purpose: visit}
  photo: {type: file, title: 照片, level: L3, purpose: visit}
"""
ACCESS = """rules:
  - {role: resident, entity: visit, can: [read], where: "person == me.person", relation: self, clear: "*"}
  - role: visiting_visitor
    entity: visit
    can: [read]
    where: "under(division, me.division)"
    relation: duty
    clear: "*"
  - {role: visiting_visitor, entity: visit, can: [create, update]}
  - role: visiting_parent
    entity: visit
    can: [create, update]
    where: 'me.id == "test" || person.guardians.exists(g, g.guardian == me.person && g.state == "verified")'
    relation: guardian
  - {role: visiting_service, entity: visit, can: [read], except: [illness]}
"""


def write_visiting(folder: Path, *, plugin: str = PLUGIN, visit: str = VISIT, access: str = ACCESS) -> Path:
    """The folder of the plugin under `folder`."""
    made = folder / "visiting"
    (made / "entities").mkdir(parents=True, exist_ok=True)
    (made / "plugin.yaml").write_text(plugin, "utf-8")
    (made / "entities" / "visit.yaml").write_text(visit, "utf-8")
    (made / "access.yaml").write_text(access, "utf-8")
    return made
