"""A bundle of the shape of 出生一件事: one application of a parent, six papers of another body, in an order."""

from __future__ import annotations

from pathlib import Path

PLUGIN = """manifest: 1
id: {id}
title: {title}
description: 测试
version: {{name: 1.0.0, code: 1}}
department: {{uscc: 11640522000000000J, name: 县卫健局}}
case_prefix: {prefix}
data_level_max: L3
purposes:
  duty: {{title: 办理, basis: legal_duty, retention: P5Y, text: "为您办理"}}
roles:
  {id}_service: {{title: 后台}}
{more}
"""
ENTITY = """entity: {id}
title: {title}
subject: holder
case: case_no
fields:
  case_no:
    {{type: sequence, title: 编号, format: "{prefix}{{division:6}}{{date:%Y%m%d}}{{seq:7}}", unique: true, level: L1}}
  holder: {{type: ref, title: 申请人, to: core.person}}
  baby: {{type: string, title: 新生儿姓名, max: 40, level: L3, purpose: duty{required}}}
  bank: {{type: string, title: 制卡银行, max: 40, level: L2}}
  state: {{type: string, title: 状态, max: 40}}
"""
ACCESS = """rules:
  - {{role: resident, entity: {id}, can: [read, create], where: "holder == me.person", except: [state]}}
  - {{role: resident, entity: {id}, can: [update], where: "holder == me.person", fields: [baby]}}
  - {{role: {plugin}_service, entity: {id}, can: [read, create, update]}}
{more}
"""
FORM = """form: {id}
title: 申请
entity: {id}
groups:
  - {{title: 内容, fields: [baby, bank]}}
{more}
"""
SERVICE = """service: {id}
title: {title}
versions:
  - version: 1
    effective_from: 2020-01-01
    entity: {entity}
    workflow: {entity}
    form: {entity}
    project_type: 承诺件
    promise: {{value: {days}, unit: WD}}
    legal: {{value: 20, unit: WD, basis: 行政许可法第四十二条}}
    audience: [person]
    channels: [app, window]
    real_name: 2
"""
BUNDLE = """workflow: birth
version: 1
title: 出生一件事
entity: birth
mirror: state
start: handling
states:
  handling:
    title: 联办中
    children:
      - {id: certificate, service: bureau.certificate, values: {baby: baby}}
      - {id: vaccine, service: bureau.vaccine, values: {baby: baby}}
      - {id: hukou, service: bureau.hukou, after: [certificate], values: {baby: baby}}
      - {id: card, service: bureau.card, after: [hukou], values: {baby: baby, bank: bank}}
      - {id: medicare, service: bureau.medicare, after: [hukou], values: {baby: baby}}
      - {id: claim, service: bureau.claim, after: [medicare], values: {baby: baby}}
    auto: [{action: finish}]
  done: {title: 已办好, end: done}
  withdrawn: {title: 已撤回, end: withdrawn}
actions:
  finish: {title: 全部办完, from: [handling], to: done, roles: [system]}
  withdraw: {title: 撤回, from: [handling], to: withdrawn, roles: [applicant], kind: withdraw}
"""
PAPER = """workflow: paper
version: 1
title: 办证
entity: paper
mirror: state
start: new
pauses: {name: 等待更正姓名}
states:
  new: {title: 审核, roles: [bureau_clerk]}
  correcting: {title: 待更正, assign: applicant, pause: name}
  done: {title: 已办好, end: done}
  refused: {title: 不予办理, end: refused}
actions:
  issue: {title: 发证, from: [new], to: done, roles: [bureau_clerk]}
  correct: {title: 要求更正, from: [new], to: correcting, roles: [bureau_clerk], kind: correct}
  supplement: {title: 更正, from: [correcting], to: new, roles: [applicant], fields: [baby], required: [baby]}
  refuse: {title: 不予办理, from: [new], to: refused, roles: [bureau_clerk], kind: refuse}
"""
#: Of the vaccine, which knows no withdrawal; the others, once they wait for the applicant.
SHOT = PAPER.replace("workflow: paper", "workflow: shot")
PAPER = PAPER.replace("\nactions:", "\n  withdrawn: {title: 已撤回, end: withdrawn}\nactions:") + (
    "  withdraw: {title: 撤回, from: [correcting], to: withdrawn, roles: [applicant], kind: withdraw}\n"
)
#: Title and working days.
PAPERS = {
    "certificate": ("出生医学证明", 1), "vaccine": ("预防接种证", 5), "hukou": ("户口登记", 3),
    "card": ("社会保障卡", 10), "medicare": ("居民医保登记", 2), "claim": ("生育医疗费用报销", 4),
}  # fmt: skip
CLERK = '  - {role: bureau_clerk, entity: paper, can: [read, update], where: "under(division, me.division)"}'


def write_newborn(folder: Path) -> None:
    """Both plugins; the consent of the one form is one of the social card's, too."""
    truth = "consents: {truth: 所填属实}"
    files = {
        "newborn/plugin": PLUGIN.format(id="newborn", title="出生一件事", prefix="NB", more="requires: [bureau]"),
        "newborn/entities/birth": ENTITY.format(id="birth", title="出生联办", prefix="NB", required=""),
        "newborn/access": ACCESS.format(id="birth", plugin="newborn", more=""),
        "newborn/forms/birth": FORM.format(id="birth", more=truth),
        "newborn/workflows/birth": BUNDLE,
        "newborn/services/birth": SERVICE.format(id="birth", title="出生一件事", entity="birth", days=2),
        "bureau/plugin": PLUGIN.format(id="bureau", title="办证", prefix="BU", more="  bureau_clerk: {title: 办证员}"),
        "bureau/entities/paper": ENTITY.format(id="paper", title="证件", prefix="BU", required=", required: true"),
        "bureau/access": ACCESS.format(id="paper", plugin="bureau", more=CLERK),
        "bureau/forms/paper": FORM.format(id="paper", more=truth),
        "bureau/workflows/paper": PAPER,
        "bureau/workflows/shot": SHOT,
    }
    for id, (title, days) in PAPERS.items():
        files[f"bureau/services/{id}"] = SERVICE.format(id=id, title=title, entity="paper", days=days)
    vaccine = files["bureau/services/vaccine"]
    files["bureau/services/vaccine"] = vaccine.replace("workflow: paper", "workflow: shot")
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
