"""Settings: read once from the environment, never again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, get_args

Profile = Literal["prod", "dev", "audit"]
#: Who brings the database to the manifests: every process that starts, or only the command `migrate`.
Migrate = Literal["auto", "never"]
#: Which suite makes new keys: SM4/SM3/SM2, or AES/SHA/ECDSA. Values of both stay readable.
Crypto = Literal["sm", "aes"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
MIGRATES: tuple[Migrate, ...] = get_args(Migrate)
CRYPTOS: tuple[Crypto, ...] = get_args(Crypto)
#: The longest half-year. Source: 网络安全法 (2025 amendment) art. 23(3), six months; wording unverified.
AUDIT_DAYS_MIN = 184
#: A step holds one connection and may ask for another: with one it would wait for itself.
POOL_MIN = 2
#: Where a laptop is reached.
LOCAL = "http://localhost:8000"
T = TypeVar("T")
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
    #: Largest CSV file an import reads.
    import_max_bytes: int = 50 * 1024 * 1024
    pool_max: int = 10
    migrate: Migrate = "auto"
    crypto: Crypto = "sm"
    #: Where the audit's head and anchors lie, out of reach of whoever owns the database; None = data_dir/audit.
    anchor_dir: Path | None = None
    audit_days: int = 190
    #: A county's own log-in policy; None = the host's.
    login_policy: Path | None = None
    #: "file", "console", "none" or a class of the county's; "" = file in development, none elsewhere.
    sms: str = ""
    #: "registry", "none" or a class; "" = registry in development, none elsewhere.
    real_name: str = ""
    #: A class; "" = none.
    face: str = ""
    oidc_providers: Path | None = None
    #: Gateway of messages: "file", "console", "none" or a class; "" = file in development, none elsewhere.
    messages: str = ""
    #: Who collects money: "simulator", "none" or a class; "" = simulator in development, none elsewhere.
    payments: str = ""
    #: Who speaks to outside systems: "core.hotline=package.module:Class, …"; who is not named is simulated in
    #: development, elsewhere its calls wait.
    connectors: str = ""
    #: Where citizens reach this host: what QR codes on documents lead to.
    public_url: str = LOCAL

    @property
    def has_address(self) -> bool:
        """Whether what is printed here leads anywhere; in development it need not."""
        return self.profile != "prod" or self.public_url != LOCAL

    @property
    def is_embedded(self) -> bool:
        return self.redis_url is None

    def with_profile(self, profile: str | None) -> Settings:
        return self if profile is None else replace(self, profile=_one_of("TONGBAN_PROFILE", profile, PROFILES))

    def served_at(self, port: int) -> Settings:
        """In development links lead to the port that listens, unless TONGBAN_PUBLIC_URL says where to."""
        is_local = self.profile == "dev" and self.public_url == LOCAL and port
        return replace(self, public_url=f"http://localhost:{port}") if is_local else self


def read_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Read TONGBAN_* from the environment."""
    data_dir = Path(env.get("TONGBAN_DATA_DIR") or ROOT / "var").resolve()
    return Settings(
        data_dir=data_dir,
        database_url=env.get("TONGBAN_DATABASE_URL") or f"sqlite:///{data_dir / 'tongban.sqlite3'}",
        redis_url=_redis_url(env.get("TONGBAN_REDIS_URL") or None),
        profile=_one_of("TONGBAN_PROFILE", env.get("TONGBAN_PROFILE") or "prod", PROFILES),
        manifests=tuple(Path(p).resolve() for p in env.get("TONGBAN_MANIFESTS", "").split(os.pathsep) if p),
        secrets_dir=Path(env.get("TONGBAN_SECRETS_DIR") or data_dir / "secrets").resolve(),
        allowed_origins=tuple(o.strip() for o in env.get("TONGBAN_ALLOWED_ORIGINS", "").split(",") if o.strip()),
        file_max_bytes=_integer(env, "TONGBAN_FILE_MAX_BYTES", 20 * 1024 * 1024),
        import_max_bytes=_integer(env, "TONGBAN_IMPORT_MAX_BYTES", 50 * 1024 * 1024),
        pool_max=_pool_max(env),
        migrate=_one_of("TONGBAN_MIGRATE", env.get("TONGBAN_MIGRATE") or "auto", MIGRATES),
        anchor_dir=_path(env.get("TONGBAN_ANCHOR_DIR")),
        audit_days=_audit_days(env),
        crypto=_one_of("TONGBAN_CRYPTO", env.get("TONGBAN_CRYPTO") or "sm", CRYPTOS),
        login_policy=_path(env.get("TONGBAN_LOGIN_POLICY")),
        sms=env.get("TONGBAN_SMS") or "",
        real_name=env.get("TONGBAN_REAL_NAME") or "",
        face=env.get("TONGBAN_FACE") or "",
        oidc_providers=_path(env.get("TONGBAN_OIDC_PROVIDERS")),
        messages=env.get("TONGBAN_MESSAGES") or "",
        payments=env.get("TONGBAN_PAYMENTS") or "",
        connectors=env.get("TONGBAN_CONNECTORS") or "",
        public_url=_address(env.get("TONGBAN_PUBLIC_URL") or LOCAL),
    )


def _one_of(name: str, value: str, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if choice == value:
            return choice
    raise SettingsError(f"{name} 的值 {value!r} 无效：可用 {'、'.join(map(str, choices))}")


def _path(value: str | None) -> Path | None:
    return Path(value).resolve() if value else None


def _address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise SettingsError(f"TONGBAN_PUBLIC_URL 的值 {value!r} 无效：应以 https:// 开头，如 https://tb.example.gov.cn")
    return value.rstrip("/")


def _audit_days(env: Mapping[str, str]) -> int:
    days = _integer(env, "TONGBAN_AUDIT_DAYS", 190)
    if days < AUDIT_DAYS_MIN:
        raise SettingsError(f"TONGBAN_AUDIT_DAYS 的值 {days} 太小：日志至少保存六个月，不得少于 {AUDIT_DAYS_MIN} 天")
    return days


def _pool_max(env: Mapping[str, str]) -> int:
    wanted = _integer(env, "TONGBAN_POOL_MAX", 10)
    if wanted < POOL_MIN:
        raise SettingsError(f"TONGBAN_POOL_MAX 的值 {wanted} 太小：办一步要用两个连接，不得少于 {POOL_MIN}")
    return wanted


def _redis_url(value: str | None) -> str | None:
    if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("TONGBAN_REDIS_URL 应以 redis://、rediss:// 或 unix:// 开头")  # it may hold a password
    return value


def _integer(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name} 的值 {text!r} 无效：应为正整数")
    return int(text)
