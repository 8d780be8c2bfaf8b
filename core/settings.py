"""Settings: read once from the environment, never again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

Profile = Literal["prod", "dev", "audit"]
#: Who brings the database to the manifests: every process that starts, or only the command `migrate`.
Migrate = Literal["auto", "never"]
ROOT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting the operator must change; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that grows a laptop into a county. Defaults run embedded, in one process."""

    data_dir: Path
    database_url: str
    #: None = embedded: jobs run in this process.
    redis_url: str | None
    profile: Profile
    #: Further folders of plugins beside the in-tree `manifests/`.
    manifests: tuple[Path, ...]
    secrets_dir: Path
    #: Origins that may open a WebSocket; empty = same origin only.
    allowed_origins: tuple[str, ...] = ()
    file_max_bytes: int = 20 * 1024 * 1024
    pool_max: int = 10
    migrate: Migrate = "auto"

    @property
    def is_embedded(self) -> bool:
        return self.redis_url is None

    def with_profile(self, profile: str | None) -> Settings:
        return self if profile is None else replace(self, profile=_profile(profile))


def read_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Read TONGBAN_* from the environment."""
    data_dir = Path(env.get("TONGBAN_DATA_DIR") or ROOT / "var").resolve()
    return Settings(
        data_dir=data_dir,
        database_url=env.get("TONGBAN_DATABASE_URL") or f"sqlite:///{data_dir / 'tongban.sqlite3'}",
        redis_url=_redis_url(env.get("TONGBAN_REDIS_URL") or None),
        profile=_profile(env.get("TONGBAN_PROFILE") or "prod"),
        manifests=tuple(Path(p).resolve() for p in env.get("TONGBAN_MANIFESTS", "").split(os.pathsep) if p),
        secrets_dir=Path(env.get("TONGBAN_SECRETS_DIR") or data_dir / "secrets").resolve(),
        allowed_origins=tuple(o.strip() for o in env.get("TONGBAN_ALLOWED_ORIGINS", "").split(",") if o.strip()),
        file_max_bytes=_integer(env, "TONGBAN_FILE_MAX_BYTES", 20 * 1024 * 1024),
        pool_max=_integer(env, "TONGBAN_POOL_MAX", 10),
        migrate=_migrate(env.get("TONGBAN_MIGRATE") or "auto"),
    )


def _profile(value: str) -> Profile:
    if value not in get_args(Profile):
        raise SettingsError(f"TONGBAN_PROFILE 的值 {value!r} 无效：可用 {'、'.join(get_args(Profile))}")
    return value  # type: ignore[return-value]  # narrowed by the line above


def _migrate(value: str) -> Migrate:
    if value not in get_args(Migrate):
        raise SettingsError(f"TONGBAN_MIGRATE 的值 {value!r} 无效：可用 {'、'.join(get_args(Migrate))}")
    return value  # type: ignore[return-value]  # narrowed by the line above


def _redis_url(value: str | None) -> str | None:
    if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("TONGBAN_REDIS_URL 应以 redis://、rediss:// 或 unix:// 开头")  # it may hold a password
    return value


def _integer(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name} 的值 {text!r} 无效：应为正整数")
    return int(text)
