"""python server.py plugins list|enable|disable|drain|dead|redrive"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable

import uvloop
from tongban_sdk.errors import RequestError

from core.cli import UserError
from core.cli.audited import audited, operator
from core.host import Host, open_host
from core.settings import Settings

HELP = "查看和切换插件，查看和重投失败的任务"
EXAMPLE = "python server.py plugins disable community --division 640522100000"

_STATES = {"enable": "on", "disable": "off", "drain": "draining"}
_WORDS = {
    "on": "已启用", "draining": "停办中", "off": "已停用", "invalid": "清单有错", "waiting": "等待依赖",
    "quarantined": "已隔离", "failed": "启动失败",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add(actions, "list", "列出全部插件、状态和原因，以及各节点")
    for name, help in (("enable", "启用"), ("disable", "停用"), ("drain", "停办：不收新的，办完旧的")):
        action = _add(actions, name, help)
        action.add_argument("plugin", metavar="ID")
        action.add_argument("--division", metavar="CODE", help="只在这个区划（12 位）")
    _add(actions, "dead", "列出多次失败的任务")
    _add(actions, "redrive", "重新投递一个失败的任务").add_argument("job", metavar="JOB_ID")


def _add(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=help)
    action.add_argument("--json", action="store_true", help="以 JSON 输出")
    return action


def run(args: argparse.Namespace, settings: Settings) -> int:
    uvloop.run(_run(args, settings))
    return 0


async def _run(args: argparse.Namespace, settings: Settings) -> None:
    commands: dict[str, Callable[[Host, argparse.Namespace], Awaitable[None]]] = {
        "list": _list, "dead": _dead, "redrive": _redrive,
    }  # fmt: skip
    async with open_host(settings) as host:
        try:
            await commands.get(args.action, _switch)(host, args)
        except RequestError as error:
            raise UserError(error.message) from error


async def _switch(host: Host, args: argparse.Namespace) -> None:
    state = _STATES[args.action]
    async with audited(host.audit, "set_plugin_state", args.plugin):
        await host.registry.set_state(args.plugin, state, args.division, operator())  # type: ignore[arg-type]  # a Chosen
    await _list(host, args)


async def _list(host: Host, args: argparse.Namespace) -> None:
    statuses = (await host.registry.overview()).values()
    nodes = [node for node in await host.registry.nodes() if node.node_id != host.registry.node_id]
    if args.json:
        print(json.dumps([status.to_json() for status in statuses], ensure_ascii=False))
        return
    for status in statuses:
        parts = "".join(f"  {code}：{_WORDS[state]}" for code, state in status.divisions.items())
        reason = f"  {status.reason}" if status.reason else ""
        print(f"{status.plugin_id:16} {_WORDS[status.state]}  {status.version:8} {status.title}{parts}{reason}")
    for node in nodes:
        print(f"节点 {node.node_id}：第 {node.generation} 代，清单 {node.manifest_hash}，接口 {node.schema_hash}")


async def _dead(host: Host, args: argparse.Namespace) -> None:
    letters = await host.registry.jobs.queue.dead_letters()
    if args.json:
        print(json.dumps(letters, ensure_ascii=False, default=str))
        return
    for letter in letters:
        print(f"{letter['id']}  {letter['plugin_id']}.{letter['name']}  试了 {letter['tries']} 次  {letter['error']}")


async def _redrive(host: Host, args: argparse.Namespace) -> None:
    async with audited(host.audit, "redrive_job", args.job):
        if not await host.registry.jobs.queue.redrive(args.job):
            raise UserError(f"没有编号为 {args.job} 的失败任务")
    await asyncio.sleep(0)
    print(args.job)
