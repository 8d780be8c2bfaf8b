"""`explain`: which rule of which plugin lets somebody see a row, or why none does."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import uvloop
from tongban_sdk.actor import Actor

from core.access.explain import Explanation, FieldVerdict, Verdict, explain_read
from core.cli import UserError
from core.cli.audited import audited
from core.fields import FieldError, all_fields
from core.fields.refs import parse_uuid
from core.host import Host, open_host
from core.identity.personas import PERSONAS, build_persona, persona_names
from core.manifest.model import DELEGATE, Entity
from core.settings import Settings
from core.store.errors import StoreError

HELP = "说明某个身份为什么看得到（或看不到）一行数据"
EXAMPLE = "python server.py explain --as staff --division 640522100000 --read community.repair_order/ID"

_SHOWN = {"clear": "明文", "masked": "脱敏", "hidden": "不显示"}
_LACKS = {"real_name": "实名等级不够", "delegation": "委托不含本应用"}
_CLOSED = {"child": "不满十四周岁或出生日期不明", "consent": "没有同意或已撤回", "relation": "规则没有写明关系"}
_RELATIONS = {
    "self": "本人", "guardian": "监护", "household": "同户", "grid": "网格", "case": "办件", "treatment": "诊疗",
    "teaching": "教学", "duty": "履职",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as", dest="who", required=True, metavar="ID|" + "|".join(PERSONAS), help="身份，或居民的标识"
    )
    parser.add_argument("--read", required=True, metavar="PLUGIN.ENTITY/ID", help="要看的那一行")
    parser.add_argument("--person", metavar="ID", help="core.person 的 id")
    parser.add_argument("--division", metavar="CODE", help="12 位区划代码")
    parser.add_argument("--role", action="append", default=[], metavar="ROLE", help="再加一个角色，可重复")
    parser.add_argument("--staff", metavar="ID", help="core.staff 的 id，看参与的办件")
    parser.add_argument("--org-path", metavar="PATH", help="单位的路径，如 /640522/mz/")
    parser.add_argument("--grid", action="append", default=[], metavar="CODE", help="责任网格，可重复")
    parser.add_argument("--real-name", type=int, choices=range(4), default=0, metavar="0..3", help="实名等级")
    parser.add_argument(
        "--delegate", action="append", metavar="PLUGIN", help="作为 --person 的代办人，委托含此应用，可重复"
    )
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")


def run(args: argparse.Namespace, settings: Settings) -> int:
    key, _, text = args.read.partition("/")
    try:
        id = parse_uuid(text)
    except FieldError:
        raise UserError(f"--read {args.read!r} 应写成 插件.实体/标识，标识是 UUID") from None
    uvloop.run(_run(args, settings, key, id, _actor(args, settings)))
    return 0


def _actor(args: argparse.Namespace, settings: Settings) -> Actor:
    if args.division is not None and not re.fullmatch(r"[1-9][0-9]{11}", args.division, re.ASCII):
        raise UserError(f"--division {args.division!r} 不是 12 位区划代码")
    if args.who in (names := persona_names(settings.data_dir)):
        actor = build_persona(args.who, settings.data_dir, person=args.person, division=args.division)
    else:
        try:
            actor = build_persona("citizen", settings.data_dir, person=parse_uuid(args.who), division=args.division)
        except FieldError:
            raise UserError(f"--as {args.who!r} 应为 {'、'.join(names)} 或居民的标识（UUID）") from None
    roles = frozenset({"anonymous", DELEGATE}) if args.delegate else actor.roles
    return replace(
        actor, roles=roles | frozenset(args.role), scopes=tuple(args.delegate or ()), staff=args.staff or actor.staff,
        org_path=args.org_path or actor.org_path, grids=tuple(args.grid) or actor.grids, real_name=args.real_name,
    )  # fmt: skip


async def _run(args: argparse.Namespace, settings: Settings, key: str, id: str, actor: Actor) -> None:
    try:
        async with open_host(settings) as host:
            entity = host.generation.world.entity(key)
            if entity is None:
                raise UserError(f"没有实体 {key}：插件未启用或名称有误")
            unknown = sorted(set(args.role) - set(host.generation.world.roles))
            if unknown:
                raise UserError(f"没有角色 {'、'.join(unknown)}")
            async with audited(host.audit, "explain", f"{key}/{id} as {args.who}"):
                found = await _explain(host, actor, entity, id)
    except StoreError as error:
        raise UserError(str(error)) from error
    print(json.dumps(_to_json(found), ensure_ascii=False) if args.json else _to_text(found, actor, entity, id))


async def _explain(host: Host, actor: Actor, entity: Entity, id: str) -> Explanation:
    generation = host.generation
    return await explain_read(host.database, generation.world, generation.access, actor, entity, id, datetime.now(UTC))


def _to_text(found: Explanation, actor: Actor, entity: Entity, id: str) -> str:
    lines = [f"{entity.title} {entity.key}/{id}", f"角色：{'、'.join(sorted(actor.roles))}", _summary(found)]
    if found.exists:
        lines += [f"  {_word(verdict)}  {_rule(verdict)}" for verdict in found.verdicts]
    if found.rule:
        titles = {name: field.title for name, field in all_fields(entity).items()}
        lines += [f"  {_field(name, titles[name], verdict)}" for name, verdict in found.fields.items()]
    lines += [f"无效：规则 {rule.id} 的角色 {rule.role} 已不存在" for rule in found.orphans]
    return "\n".join(lines)


def _summary(found: Explanation) -> str:
    if found.rule:
        return f"看得到：插件 {found.rule.plugin_id} 的规则 {found.rule.id}"
    if not found.exists:
        return "看不到：没有这一行，或已删除"
    if not found.verdicts:
        roles = "、".join(found.other_roles) or "无"
        return f"看不到：没有一条规则写给这些角色；有查看规则的角色：{roles}"
    return "看不到：以下规则的条件都不成立"


def _word(verdict: Verdict) -> str:
    return {True: "成立  ", False: "不成立", None: "缺条件"}[verdict.holds]


def _rule(verdict: Verdict) -> str:
    rule = verdict.rule
    why = "".join(f"  {_LACKS[lack]}" for lack in verdict.lacks)
    return f"{rule.id}  角色 {rule.role}  {rule.place}{why}"


def _field(name: str, title: str, verdict: FieldVerdict) -> str:
    parts = [f"{_SHOWN[verdict.shown]}  {name}（{title}）"]
    parts += [verdict.rule.id] if verdict.rule else []
    parts += [f"关系：{_RELATIONS[verdict.relation]}"] if verdict.relation else []
    parts += [_CLOSED[closed] for closed in verdict.closed]
    parts += [f"列表中{_SHOWN[verdict.listed]}"] if verdict.listed != verdict.shown else []
    parts += ["说明目的后可看明文"] if verdict.can_unmask else []
    return "  ".join(parts)


def _to_json(found: Explanation) -> dict[str, Any]:
    return {
        "allowed": found.rule is not None,
        "exists": found.exists,
        "rule": found.rule.id if found.rule else None,
        "plugin": found.rule.plugin_id if found.rule else None,
        "rules": [
            {
                "id": v.rule.id,
                "plugin": v.rule.plugin_id,
                "role": v.rule.role,
                "holds": v.holds,
                "lacks": list(v.lacks),
                "place": str(v.rule.place),
            }
            for v in found.verdicts
        ],
        "orphans": [rule.id for rule in found.orphans],
        "fields": {
            name: {
                "shown": verdict.shown,
                "listed": verdict.listed,
                "rule": verdict.rule.id if verdict.rule else None,
                "relation": verdict.relation,
                "closed": list(verdict.closed),
                "canUnmask": verdict.can_unmask,
            }
            for name, verdict in found.fields.items()
        },
    }
