"""A small pair of good plugins as text, and how tests change and read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.manifest import Reading, plugin_folders, read_plugins

Files = dict[str, str | bytes]

HEAD = """\
manifest: 1
id: {id}
title: 测试
version: {{name: 0.1.0, code: 1}}
department: {{uscc: 1164052201TEA0063E, name: 测试部门}}
case_prefix: TS
data_level_max: L4
"""

GOOD: Mapping[str, str] = {
    "core/plugin.yaml": HEAD.format(id="core")
    + """\
purposes:
  population: {title: 人口, basis: legal_duty, retention: P100Y, text: 用于登记}
roles:
  resident: {title: 居民, code: R01}
""",
    "core/entities/person.yaml": """\
entity: person
title: 人
fields:
  name: {type: string, title: 姓名, level: L3, purpose: population}
subject: self
""",
    "alpha/plugin.yaml": HEAD.format(id="alpha")
    + """\
entry: "plugins.alpha.plugin:Plugin"
purposes:
  care: {title: 关爱, basis: consent, retention: P3Y, text: 用于走访}
roles:
  alpha_clerk: {title: 办事员}
""",
    "alpha/entities/house.yaml": """\
entity: house
title: 房屋
display: room
division_from: block
fields:
  block: {type: ref, title: 楼, to: block, required: true, inverse: houses}
  owner: {type: ref, title: 业主, to: core.person}
  room: {type: string, title: 房号, max: 20, pattern: '^[0-9A-Z-]+$', required: true}
  area: {type: decimal, title: 面积, precision: 8, scale: 2}
  phone: {type: phone, title: 电话, level: L3, purpose: care}
  illness: {type: text, title: 病情, level: L4, purpose: care}
  use: {type: enum, title: 用途, values: {living: 自住, rent: 出租}, default: living}
  kind: {type: code, title: 类别, set: kinds, default: a1}
  tags: {type: list, title: 标签, of: enum, values: {old: 老}}
  number: {type: sequence, title: 编号, format: "HS{division:6}{date:%Y%m%d}{seq:7}"}
  is_big: {type: computed, title: 大户型, as: boolean, expr: area > 144, stored: true}
  at: {type: point, title: 位置, level: L2}
indexes: [[use, -created_at]]
unique: [[block, room]]
subject: owner
""",
    "alpha/entities/block.yaml": """\
entity: block
title: 楼
fields:
  name: {type: string, title: 楼名, required: true, unique: true}
  floors: {type: integer, title: 层数, min: 1, max: 99}
  is_old: {type: boolean, title: 老楼}
""",
    "alpha/access.yaml": """\
rules:
  - {role: resident, entity: house, can: [read], where: owner == me.person, clear: [phone], relation: self}
  - {role: alpha_clerk, entity: house, can: [read, update], fields: [room, area], where: block.floors > 3}
  - {role: alpha_clerk, entity: core.person, can: [read], except: [name]}
  - {role: alpha_clerk, entity: block, can: [create, delete]}
""",
    "alpha/codes/kinds.yaml": """\
code_set: kinds
title: 类别
source: 自编
items:
  - {code: a, title: 甲}
  - {code: a1, title: 甲一, parent: a}
""",
    "alpha/codes/colours.yaml": "code_set: colours\ntitle: 颜色\nsource: 自编\nfile: colours.csv\n",
    "alpha/codes/colours.csv": "code,title,parent\nr,红,\nr1,浅红,r\n",
    "alpha/data/blocks.yaml": "entity: block\nkey: [name]\nrows:\n  - {name: 一号楼, floors: 6, is_old: true}\n",
    "alpha/data/more.yaml": "entity: block\nkey: [name]\nfile: more.csv\n",
    "alpha/data/more.csv": "name,floors,is_old\n二号楼,12,false\n三号楼,,\n",
    "alpha/demo/houses.yaml": """\
demo: 1
rows:
  - as: blocks
    existing: block
  - as: houses
    entity: house
    over: blocks
    each: 2
    fields:
      room: {text: "{n}"}
""",
    "alpha/jobs.yaml": """\
jobs:
  nightly: {title: 夜间整理, cron: "30 2 * * *", run: nightly, timeout_s: 5, max_tries: 3}
  later: {title: 稍后, run: later}
""",
    "alpha/i18n/en.yaml": "entities.house.title: House\nentities.house.fields.use.values.rent: let\n"
    "codes.kinds.a1: A1\n",
    "alpha/README.md": "# Alpha\n",
}


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def changed(name: str, old: str, new: str) -> Files:
    """The good plugins with one text of one file replaced; an empty `old` appends."""
    text = GOOD[name]
    assert old in text, f"{old!r} is not in {name}"
    return {**GOOD, name: text.replace(old, new, 1) if old else text + new}


def read(folder: Path, files: Mapping[str, str | bytes] = GOOD) -> Reading:
    return read_plugins(plugin_folders(write(folder, files)))


def ids(reading: Reading) -> set[str]:
    return {problem.id for problem in reading.problems}


def lines(reading: Reading, folder: Path) -> list[str]:
    """Problems as "file:line:column id", files inside the test's folder."""
    return [f"{str(p.place).removeprefix(f'{folder}/')} {p.id}" for p in reading.problems]
