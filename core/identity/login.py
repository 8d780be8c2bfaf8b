"""All ways to log in, put together once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.audit import Audit
from core.crypto import Vault
from core.fields.times import utc_now
from core.identity.accounts import Accounts
from core.identity.administration import Administration
from core.identity.citizens import Citizens, Parts
from core.identity.codes import Codes
from core.identity.four_eyes import FourEyes
from core.identity.hashing import Hasher
from core.identity.legal import LegalPersons
from core.identity.login_audit import LoginAudit
from core.identity.login_policy import read_policy
from core.identity.officers import Officers
from core.identity.oidc import OidcLogin
from core.identity.oidc_settings import read_providers
from core.identity.providers import (
    ConsoleSms,
    FaceProvider,
    FileSms,
    NoFace,
    NoRealName,
    NoSms,
    RealNameProvider,
    SmsProvider,
    load_provider,
)
from core.identity.quotas import Quotas
from core.identity.real_names import RealNames, Sees
from core.identity.registry_check import RegistryCheck
from core.identity.sessions import Sessions
from core.manifest.model import World
from core.settings import Settings, SettingsError
from core.store.database import Database

#: What staff enter would prove itself.
_REGISTRY_WHY = "它只与本系统登记的姓名和号码比对，不是公安等权威来源；生产环境请写 包.模块:类，或 none"


@dataclass(frozen=True, slots=True)
class LogIn:
    """The room's door: `host.login`."""

    parts: Parts
    citizens: Citizens
    real_names: RealNames
    legal: LegalPersons
    officers: Officers
    administration: Administration
    four_eyes: FourEyes
    oidc: OidcLogin

    def close(self) -> None:
        self.parts.hasher.close()


def open_login(
    settings: Settings, database: Database, vault: Vault, audit: Audit, sessions: Sessions, world: Callable[[], World],
    sees: Sees, clock: Callable[[], datetime] = utc_now,
) -> LogIn:  # fmt: skip
    """SettingsError when the policy or a provider cannot be used. `sees`: see RealNames."""
    policy = read_policy(settings.login_policy)
    quotas = Quotas(database, vault, policy.quotas, is_open=settings.profile != "prod", clock=clock)
    registry = RegistryCheck(database, vault, world)
    outside = {"database": database, "vault": vault, "data_dir": settings.data_dir}
    codes = Codes(database, vault, policy.codes, quotas, _sms(settings, outside), clock)
    accounts, hasher, told = Accounts(database, vault), Hasher(), LoginAudit(audit, vault)
    parts = Parts(accounts, codes, quotas, hasher, sessions, told, policy, clock)
    citizens = Citizens(parts)
    real_names = RealNames(parts, citizens, _real_name(settings, registry, outside), _face(settings, outside), sees)
    oidc = OidcLogin(parts, read_providers(settings.oidc_providers), registry)
    return LogIn(
        parts, citizens, real_names, LegalPersons(parts, citizens), Officers(parts), Administration(parts),
        FourEyes(parts), oidc,
    )  # fmt: skip


def _sms(settings: Settings, outside: dict[str, Any]) -> SmsProvider:
    """Development writes texts to a file; production sends none until it is told how."""
    match settings.sms or ("file" if settings.profile == "dev" else "none"):
        case "none":
            return NoSms()
        case "file":
            return FileSms(settings.data_dir)
        case "console":
            return ConsoleSms()
        case spec:
            sms: SmsProvider = load_provider("TONGBAN_SMS", spec, **outside)
            return sms


def _real_name(settings: Settings, registry: RegistryCheck, outside: dict[str, Any]) -> RealNameProvider:
    match settings.real_name or ("registry" if settings.profile == "dev" else "none"):
        case "none":
            return NoRealName()
        case "registry" if settings.profile == "prod":
            raise SettingsError("TONGBAN_REAL_NAME=registry 只供开发：" + _REGISTRY_WHY)
        case "registry":
            return registry
        case spec:
            known: RealNameProvider = load_provider("TONGBAN_REAL_NAME", spec, **outside)
            return known


def _face(settings: Settings, outside: dict[str, Any]) -> FaceProvider:
    return load_provider("TONGBAN_FACE", settings.face, **outside) if settings.face else NoFace()
