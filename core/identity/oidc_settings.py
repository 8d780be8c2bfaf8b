"""Identity providers outside, as data: a YAML file, and secrets from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from core.settings import SettingsError

#: Signatures by a key pair only: a provider's public key can never be taken for a shared secret.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
#: Our claims ← those of the provider.
CLAIMS = ("name", "idno", "level")
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_KEYS = frozenset(
    {"title", "issuer", "client_id", "redirect_uris", "scopes", "algorithms", "claims", "levels", "hosts"}
)


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """One provider a citizen may log in by."""

    name: str
    title: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    #: Exactly these; nothing is compared by prefix.
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...] = ("openid",)
    algorithms: tuple[str, ...] = ("ES256", "RS256")
    #: "name", "idno", "level" → the provider's name of the claim.
    claims: Mapping[str, str] = field(default_factory=dict)
    #: The provider's level (as text) → ours, 1 to 3. What is not listed is 1.
    levels: Mapping[str, int] = field(default_factory=dict)
    #: Hosts of its endpoints; the issuer's own is always one.
    hosts: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Whether the host may be called or sent to: a configured one, over TLS unless it is this machine."""
        parts = urlsplit(url)
        local = parts.hostname in LOCAL
        own = urlsplit(self.issuer)
        known = parts.netloc == own.netloc or parts.netloc in self.hosts
        return known and parts.username is None and (parts.scheme == "https" or (parts.scheme == "http" and local))


def read_providers(path: Path | None, env: Mapping[str, str] = os.environ) -> dict[str, OidcProvider]:
    """name → provider; SettingsError with everything that is wrong."""
    if path is None:
        return {}
    try:
        found = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"TONGBAN_OIDC_PROVIDERS {path} 读不了：{str(error).splitlines()[0]}") from None
    if not isinstance(found, dict) or not all(isinstance(spec, dict) for spec in found.values()):
        raise SettingsError(f"TONGBAN_OIDC_PROVIDERS {path} 应为：名称 → 设置")
    problems = [f"{name}：{problem}" for name, spec in found.items() for problem in _problems(str(name), spec)]
    if problems:
        raise SettingsError(f"TONGBAN_OIDC_PROVIDERS {path} 有错：{'；'.join(problems)}")
    return {name: _provider(name, spec, env) for name, spec in found.items()}


def _provider(name: str, spec: Mapping[str, Any], env: Mapping[str, str]) -> OidcProvider:
    lists = {key: tuple(spec[key]) for key in ("redirect_uris", "scopes", "algorithms", "hosts") if key in spec}
    provider = OidcProvider(
        name=name, title=str(spec.get("title", name)), issuer=spec["issuer"].rstrip("/"), client_id=spec["client_id"],
        client_secret=env.get(f"TONGBAN_OIDC_SECRET_{name.upper()}", ""), claims=spec.get("claims", {}),
        levels={str(key): value for key, value in spec.get("levels", {}).items()}, **lists,
    )  # fmt: skip
    if not provider.allows(provider.issuer):
        raise SettingsError(f"TONGBAN_OIDC_PROVIDERS 的 {name}：issuer 应以 https:// 开头")
    return provider


def _problems(name: str, spec: Mapping[str, Any]) -> list[str]:
    found = [f"{key} 不认识" for key in spec if key not in _KEYS]
    if not re.fullmatch("[a-z][a-z0-9_]{1,30}", name):
        found.append("名称应为小写字母、数字和下划线")
    found += [f"缺少 {key}" for key in ("issuer", "client_id") if not isinstance(spec.get(key), str)]
    for key in ("redirect_uris", "scopes", "algorithms", "hosts"):
        value = spec.get(key, [] if key != "redirect_uris" else None)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            found.append(f"{key} 应为文本列表")
        elif key == "algorithms" and not set(value) <= ALGORITHMS:
            found.append(f"algorithms 只能是 {'、'.join(sorted(ALGORITHMS))}")
    claims, levels = spec.get("claims", {}), spec.get("levels", {})
    if not isinstance(claims, dict) or not set(claims) <= set(CLAIMS):
        found.append(f"claims 的键只能是 {'、'.join(CLAIMS)}")
    if not isinstance(levels, dict) or not set(levels.values()) <= {1, 2, 3}:
        found.append("levels 的值只能是 1、2、3")
    return found
