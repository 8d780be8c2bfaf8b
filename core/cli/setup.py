"""`setup`: the three administrators of a new installation, once."""

from __future__ import annotations

import argparse
import json
import sys

import uvloop
from tongban_sdk import RequestError

from core.cli import UserError
from core.host import open_host
from core.identity.administration import NewSecret, check_login, create_first_admins
from core.settings import Settings

HELP = "首次运行：开立系统、安全、审计三名管理员，打印一次性口令和动态码；已有管理员时拒绝"
EXAMPLE = "python server.py setup --system wang.wei --security li.na --audit ma.jun"
#: Option → role, and what it is called.
ADMINS = {
    "system": ("system_admin", "系统管理员"),
    "security": ("security_admin", "安全管理员"),
    "audit": ("audit_admin", "安全审计员"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    for option, (_, title) in ADMINS.items():
        parser.add_argument(f"--{option}", metavar="LOGIN", help=f"{title}的账号名；不给就询问")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")


def run(args: argparse.Namespace, settings: Settings) -> int:
    logins = {role: _login(getattr(args, option), title) for option, (role, title) in ADMINS.items()}
    if len(set(logins.values())) < len(logins):
        raise UserError("三名管理员应是三个人：账号名不能相同")
    made = uvloop.run(_create(settings, logins))
    if made is None:
        raise UserError("已有管理员，没有改动：以后的管理员由安全管理员在系统里开立（见 docs/login.md）")
    _print(made, as_json=args.json)
    return 0


def _login(given: str | None, title: str) -> str:
    if given is None and sys.stdin.isatty():
        given = input(f"{title}的账号名：")
    if not given:
        raise UserError("缺少账号名：用 --system、--security、--audit 给出三个")
    try:
        return check_login(given)
    except RequestError as error:
        raise UserError(
            f"{title}的账号名 {given!r} 不对：2 到 40 个小写字母、数字、点、横线、下划线，以字母开头"
        ) from error


async def _create(settings: Settings, logins: dict[str, str]) -> list[NewSecret] | None:
    async with open_host(settings) as host:
        return await create_first_admins(host.login.parts, logins)


def _print(made: list[NewSecret], *, as_json: bool) -> None:
    titles = dict(ADMINS.values())
    rows = [
        {"role": m.account.admin_role, "login": m.account.login, "password": m.password, "totp": m.totp_uri}
        for m in made
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        print(titles[str(row["role"])])
        print(f"  账号　　　 {row['login']}\n  一次性口令 {row['password']}\n  动态码　　 {row['totp']}")
    print("每段当面交给一个人，只出现这一次：先把动态码录入手机，再用口令和动态码登录，登录后必须换口令。")
