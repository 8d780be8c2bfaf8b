"""What a development server says when it is ready: where it is, who you may be, one line that answers."""

from __future__ import annotations

import json

from core.identity.keys import KeyRing
from core.identity.personas import PERSONAS, Persona, build_persona
from core.identity.tokens import Tokens
from core.settings import Settings

TITLES: dict[Persona, str] = {"citizen": "居民", "staff": "工作人员", "admin": "系统管理员"}
QUESTION = "{ corePersons(first: 3) { totalCount nodes { name phone division maskedFields } } }"


def render_welcome(settings: Settings, url: str) -> str:
    tokens = Tokens(KeyRing(settings.secrets_dir))
    minted: dict[Persona, str] = {name: tokens.mint(build_persona(name, settings.data_dir)) for name in PERSONAS}
    lines = [f"接口  {url}/graphql", f"浏览器试用  {url}/explorer（把下面几行整段贴进“令牌”）", ""]
    lines += [f"{TITLES[name]}令牌（{name}）\n{minted[name]}\n" for name in PERSONAS]
    lines.append("按工作人员的权限查三个人（Ctrl+C 停止服务）：")
    body = json.dumps({"query": QUESTION})
    headers = f"-H 'content-type: application/json' -H 'authorization: Bearer {minted['staff']}'"
    lines.append(f"curl -s {url}/graphql {headers} -d '{body}'")
    return "\n".join(lines)
