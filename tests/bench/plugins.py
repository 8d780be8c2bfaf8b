"""Manifests of made-up plugins, 20 entities each: what a county looks like when it has many applications."""

from __future__ import annotations

from pathlib import Path

ENTITIES = 20

PLUGIN = """\
manifest: 1
id: {id}
title: 应用 {id}
description: 只用于测量
version: {{name: 0.1.0, code: 100}}
department: {{uscc: 11640522MB1234567X, name: 测速单位}}
case_prefix: {prefix}
data_level_max: L2
roles:
  {id}_clerk: {{title: 办事员}}
"""

ENTITY = """\
entity: {name}
title: 事项 {number}
display: title
fields:
  title: {{type: string, title: 标题, max: 100, required: true}}
  note: {{type: text, title: 说明}}
  state:
    type: enum
    title: 状态
    values: {{open: 待办, working: 在办, done: 办结}}
  amount: {{type: money, title: 金额}}
  due_on: {{type: date, title: 期限}}
  happened_at: {{type: datetime, title: 时间}}
  urgent: {{type: boolean, title: 紧急}}
  score: {{type: integer, title: 评分}}
{ref}indexes:
  - [division, state]
"""

REF = "  parent: {{type: ref, title: 上级, to: {to}, inverse: children}}\n"

RULES = """\
  - {{role: {id}_clerk, entity: {name}, can: [read, create, update], where: "under(division, me.division)"}}
  - {{role: system_admin, entity: {name}, can: [read]}}
"""


def write_plugins(folder: Path, count: int, entities: int = ENTITIES) -> list[str]:
    """Write `count` plugin folders, every entity with nine fields and a ref to the one before. Returns the ids."""
    ids = [f"made{number:02d}" for number in range(count)]
    for number, plugin_id in enumerate(ids):
        # Two letters, another pair for each, none that a plugin of the tree has.
        prefix = f"{chr(65 + number // 26)}{chr(65 + number % 26)}"
        _write_plugin(folder / plugin_id, plugin_id, prefix, entities)
    return ids


def _write_plugin(folder: Path, plugin_id: str, prefix: str, entities: int) -> None:
    (folder / "entities").mkdir(parents=True)
    (folder / "plugin.yaml").write_text(PLUGIN.format(id=plugin_id, prefix=prefix))
    rules = ["rules:\n"]
    for number in range(1, entities + 1):
        name = f"item{number:02d}"
        ref = REF.format(to=f"item{number - 1:02d}") if number > 1 else ""
        (folder / "entities" / f"{name}.yaml").write_text(ENTITY.format(name=name, number=number, ref=ref))
        rules.append(RULES.format(id=plugin_id, name=name))
    (folder / "access.yaml").write_text("".join(rules))
