"""python server.py keys list|rotate|reseal"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_args

import uvloop

from core.access.files import FILE
from core.audit import Audit
from core.cli import UserError
from core.cli.audited import audited
from core.crypto import Vault
from core.crypto.contents import Contents
from core.crypto.keys import Key, Use
from core.fields.times import utc_now
from core.manifest.model import World
from core.plugins.catalogue import Catalogue
from core.plugins.registry import new_node_id
from core.settings import Settings
from core.store.database import Database
from core.store.dialect import datetime_text
from core.store.migrate import check_engine
from core.store.tables import table_of
from core.write.key_usage import key_usage
from core.write.plain_files import seal_plain_files
from core.write.upkeep import keep_up

HELP = "查看和更换数据密钥，用新密钥重新加密旧数据"
EXAMPLE = "python server.py keys rotate data"
_USES = {"data": "加密", "lookup": "查找", "audit": "审计", "sign": "签名"}
_STATES = {"current": "在用", "next": "即将启用", "old": "旧", "missing": "不在了"}


@dataclass(frozen=True, slots=True)
class Keys:
    """What the commands work with."""

    database: Database
    vault: Vault
    world: World
    audit: Audit
    contents: Contents


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="列出密钥和用它的数据量；数据里提到而不在了的也列出")
    listed.add_argument("--json", action="store_true", help="以 JSON 输出")
    rotate = actions.add_parser("rotate", help="换一把新密钥：30 秒后各节点开始用它，旧数据仍可读")
    rotate.add_argument("use", choices=get_args(Use), help="；".join(f"{use} {title}" for use, title in _USES.items()))
    actions.add_parser("reseal", help="现在就用新密钥重新加密旧数据（每晚也会自动做）")


def run(args: argparse.Namespace, settings: Settings) -> int:
    return uvloop.run(_run(args, settings))


async def _run(args: argparse.Namespace, settings: Settings) -> int:
    commands: dict[str, Callable[[Keys, argparse.Namespace], Awaitable[int]]] = {
        "list": _list, "rotate": _rotate, "reseal": _reseal,
    }  # fmt: skip
    # Switched off ones included: their data lies in the same database.
    world = World({c.plugin.id: c.plugin for c in await Catalogue(settings).read() if c.plugin is not None})
    database = await Database.open(settings.database_url, statement_timeout_s=600)
    try:
        await check_engine(database)
        vault = await Vault.open(database, settings)
        audit = Audit(database, vault, new_node_id())
        contents = Contents(database, vault, settings.data_dir / "files")
        return await commands[args.action](Keys(database, vault, world, audit, contents), args)
    finally:
        await database.close()


async def _list(keys: Keys, args: argparse.Namespace) -> int:
    usage = await key_usage(keys.database, keys.world)
    rows = [_row(keys.vault, key, usage[key.id]) for key in keys.vault.keys.values()]
    rows += [
        {"id": id, "use": "", "profile": id[:2], "state": "missing", "made_at": "", "active_at": "", "values": count}
        for id, count in usage.items()
        if id not in keys.vault.keys
    ]
    if args.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for row in rows:
        use = _USES.get(row["use"], "？")
        print(
            f"{row['id']:14} {use}  {row['profile']:4} {_STATES[row['state']]}  {row['values']} 个值  {row['made_at']}"
        )
        if row["state"] == "missing":
            print(f"  这 {row['values']} 个值打不开，但没有丢：从备份恢复 tb_key 里的 {row['id']} 即可")
    return 0


def _row(vault: Vault, key: Key, values: int) -> dict[str, Any]:
    is_current = vault.current(key.use) is key
    state = "current" if is_current else "next" if key.active_at > utc_now() else "old"
    return {
        "id": key.id,
        "use": key.use,
        "profile": key.provider.profile,
        "state": state,
        "made_at": datetime_text(key.made_at),
        "active_at": datetime_text(key.active_at),
        "values": values,
    }


async def _rotate(keys: Keys, args: argparse.Namespace) -> int:
    async with audited(keys.audit, "rotate_key", args.use):
        key = await keys.vault.rotate(args.use)
    print(f"{key.id}：{datetime_text(key.active_at)} 起用于{_USES[key.use]}")
    return 0


async def _reseal(keys: Keys, args: argparse.Namespace) -> int:
    async with audited(keys.audit, "reseal"):
        done = await keep_up(keys.database, keys.vault, keys.world, list(keys.world.entities.values()))
        if (files := keys.world.entity(FILE)) is not None:
            await seal_plain_files(keys.database, keys.contents, table_of(files), done)
    for table, count in sorted(done.rows.items()):
        print(f"{table}  {count} 行")
    print(f"共重新加密 {done.rows.total()} 行")
    for key in keys.vault.keys.values():
        if key.active_at > utc_now():
            print(f"新密钥 {key.id} 还没有启用：{datetime_text(key.active_at)} 之后再运行一次")
    troubles = [f"{count} 个值打不开：密钥 {id} 不在了，或密文被改动过" for id, count in done.unreadable.items()]
    troubles += [f"{table} 有 {count} 行与别的行取了相同的唯一值，没有改动" for table, count in done.left.items()]
    if troubles:
        raise UserError("；".join(troubles))
    return 0
