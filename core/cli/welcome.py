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
    lines = [f"地址  {url}/graphql    浏览器试用  {url}/explorer", ""]
    lines += [f"{TITLES[name]}令牌（{name}）\n{minted[name]}\n" for name in PERSONAS]
    body = json.dumps({"query": QUESTION})
    headers = f"-H 'content-type: application/json' -H 'authorization: Bearer {minted['staff']}'"
    lines.append(f"curl -s {url}/graphql {headers} -d '{body}'")
    return "\n".join(lines)
