"""`token`: mint a development token, or change the key that signs tokens."""

from __future__ import annotations

import argparse
import re

from core.cli import UserError
from core.identity.keys import KeyRing
from core.identity.personas import build_persona, persona_names
from core.identity.tokens import Tokens
from core.settings import Settings

HELP = "签发开发用令牌（仅限 TONGBAN_PROFILE=dev），只打印令牌本身；或更换签名密钥"
EXAMPLE = "TONGBAN_PROFILE=dev python server.py token --as staff --division 640522100000"


def arguments(parser: argparse.ArgumentParser) -> None:
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--as",
        dest="persona",
        metavar="PERSONA",
        help="身份：citizen、staff、admin，或演示数据里的人（personas.json），如 grid_worker",
    )
    action.add_argument(
        "--rotate", action="store_true", help="换用下一把密钥签名，打印它的 kid；旧令牌到期前仍然有效（任何环境）"
    )
    parser.add_argument("--person", metavar="ID", help="core.person 的 id")
    parser.add_argument("--division", metavar="CODE", help="12 位区划代码")


def run(args: argparse.Namespace, settings: Settings) -> int:
    if args.rotate:
        ring = KeyRing(settings.secrets_dir)
        ring.rotate()
        print(ring.active.kid)
        return 0
    if settings.profile != "dev":
        raise UserError(f"当前是 {settings.profile} 环境，只有 TONGBAN_PROFILE=dev 才能签发开发令牌")
    if args.persona not in (names := persona_names(settings.data_dir)):
        raise UserError(f"--as {args.persona!r} 应为 {'、'.join(names)}（更多身份来自 demo 命令的演示数据）")
    if args.division is not None and not re.fullmatch(r"[0-9]{12}", args.division):
        raise UserError(f"--division {args.division!r} 不是 12 位区划代码")
    actor = build_persona(args.persona, settings.data_dir, person=args.person, division=args.division)
    print(Tokens(KeyRing(settings.secrets_dir)).mint(actor))
    return 0
