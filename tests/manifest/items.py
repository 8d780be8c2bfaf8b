"""The small grid plugin with a form and a service item, each of their words used once."""

from __future__ import annotations

from collections.abc import Mapping

from tests.manifest.flows import ACCESS, ENTITY, FLOWS
from tests.manifest.folders import Files

SERVICE, FORM = "grid/services/repair.yaml", "grid/forms/repair.yaml"
CODE = "1164052201TEA0063E4002000000001"

ITEMS: Mapping[str, str] = {
    **FLOWS,
    ENTITY: FLOWS[ENTITY]
    + """\
  phone: {type: phone, title: 电话, level: L3, purpose: service}
  house: {type: ref, title: 房屋, to: house}
  floor: {type: integer, title: 楼层, min: 1, max: 60}
  salutation: {type: string, title: 称呼, max: 20}
""",
    "grid/entities/house.yaml": """\
entity: house
title: 房屋
subject: owner
fields:
  owner: {type: ref, title: 业主, to: core.person}
  area: {type: integer, title: 面积}
""",
    ACCESS: FLOWS[ACCESS]
    + """\
  - role: resident
    entity: repair_order
    can: [create]
    fields: [reporter, compound, category, words, photo, paper, location, phone, house, floor, salutation]
    where: reporter == me.person
""",
    FORM: """\
form: repair
title: 报修
entity: repair_order
groups:
  - {title: 报修内容, fields: [compound, category, words, photo]}
  - {title: 在哪里, fields: [house, floor, location, phone, salutation]}
ui:
  words: {widget: textarea, hint: 写清楚坏在哪里, placeholder: 水管漏水}
  house: {prefill: mine, showIf: {properties: {category: {const: water}}}}
  floor: {title: 第几层, showIf: {required: [house]}}
  phone: {prefill: earlier.phone}
refine:
  required: [words]
  properties:
    words: {minLength: 5, pattern: '^[^<>]*$', x-message: 至少写 5 个字}
    floor: {maximum: 30}
consents:
  truth: 我承诺所填内容真实
""",
    SERVICE: f"""\
service: repair
title: 住宅报修
versions:
  - version: 1
    effective_from: 2026-01-01
    entity: repair_order
    workflow: repair
    form: repair
    task_code: {CODE}
    project_type: 承诺件
    promise: {{value: 3, unit: WD}}
    legal: {{value: 20, unit: WD, basis: 行政许可法第四十二条}}
    audience: [person]
    channels: [app, web, window]
    real_name: 2
    topics: [住房]
    synonyms: [修水管]
    on_site_times: 0
    clock_from: close
    summary: "{{category}}报修"
    preconditions:
      - {{when: house == null || house.owner == me.person, message: 只有业主可以申请}}
    materials:
      - {{id: photo, title: 现场照片, file_field: photo, need: optional, material_type: 原件, material_format: 电子}}
      - {{id: deed, title: 不动产权证书, licence: real_estate, source: government, order_num: 2}}
    fee: {{is_fee: true, fee_name: 工本费, fee_stand: 每件 5 元, by_law: 价目表, amount: "5.00"}}
    faq: [{{question: 夜里能报吗, answer: 能}}]
    elements:
      task_type: "20"
      use_level: [县级]
      result_name: 维修回执批文
      finish_type: 出文办结
      is_pay_online: true
  - version: 2
    effective_from: 2027-01-01
    entity: repair_order
    workflow: repair
    form: repair
    project_type: 即办件
    audience: [person, legal]
    channels: [app]
""",
}


def item(name: str, old: str, new: str) -> Files:
    """The plugin with one text of one file replaced."""
    text = ITEMS[name]
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    return {**ITEMS, name: text.replace(old, new)}
