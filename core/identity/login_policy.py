"""What log-in demands, as data: core/identity/data/login.yaml and a county's own file over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from core.settings import SettingsError

DATA = Path(__file__).parent / "data"


def _within(low: int, high: int) -> Any:
    """A number a county may choose: looser than the bounds is a mistake or worse."""
    return field(metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePolicy:
    digits: int = _within(6, 8)
    tries: int = _within(1, 5)
    life_s: int = _within(60, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    length: int = _within(8, 64)
    classes: int = _within(3, 4)
    history: int = _within(5, 24)
    expires_days: int = _within(1, 90)
    #: File beside the policy, lower case, one a line.
    breach_list: Path = DATA / "common_passwords.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPolicy:
    failures: int = _within(1, 5)
    minutes: int = _within(30, 1440)


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpPolicy:
    steps_around: int = _within(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPolicy:
    life_s: int = _within(60, 900)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonePolicy:
    stale_days: int = _within(1, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPolicy:
    life_h: int = _within(1, 168)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `count` in `window_s`."""

    count: int = _within(1, 1_000_000)
    window_s: int = _within(1, 7 * 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaPolicy:
    code_phone: Quota
    code_phone_day: Quota
    code_address: Quota
    login_address: Quota
    check_account: Quota
    check_idno: Quota
    oidc_address: Quota
    unmask_account: Quota
    search_account: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    codes: CodePolicy
    password: PasswordPolicy
    lock: LockPolicy
    totp: TotpPolicy
    ticket: TicketPolicy
    phone: PhonePolicy
    confirm: ConfirmPolicy
    dormant_days: int = _within(1, 90)
    quotas: QuotaPolicy


def read_policy(path: Path | None = None) -> Policy:
    """The host's values with those of a file over them; SettingsError names every value that is wrong."""
    values = _read(DATA / "login.yaml")
    problems: list[str] = []
    if path is not None:
        values = _merged(values, _read(path))
    policy = _build(Policy, values, (path or DATA).parent if path else DATA, "", problems)
    if problems:
        raise SettingsError(f"登录策略 {path or DATA / 'login.yaml'} 有错：{'；'.join(problems)}")
    return policy  # type: ignore[no-any-return]  # built from its own class


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"登录策略 {path} 读不了：{str(error).splitlines()[0]}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"登录策略 {path} 应为键值表")
    return found


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    inner = {k: _merged(base[k], v) for k, v in over.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return {**base, **over, **inner}


def _build(kind: Any, values: Any, folder: Path, where: str, problems: list[str]) -> Any:
    """An instance of a policy class; what is wrong is added to `problems`, all of it."""
    if not isinstance(values, dict):
        problems.append(f"{where} 应为键值表")
        return None
    hints = get_type_hints(kind)
    made: dict[str, Any] = {}
    problems += [f"{where}{name} 不认识" for name in values if name not in hints]
    for f in fields(kind):
        name, value = f"{where}{f.name}", values.get(f.name)
        if is_dataclass(hints[f.name]):
            made[f.name] = _build(hints[f.name], value, folder, f"{name}.", problems)
        elif hints[f.name] is Path:
            made[f.name] = _file(value, folder, name, problems)
        else:
            made[f.name] = _number(value, f.metadata["low"], f.metadata["high"], name, problems)
    return kind(**made)


def _number(value: Any, low: int, high: int, name: str, problems: list[str]) -> int:
    if type(value) is not int or not low <= value <= high:
        problems.append(f"{name} 应为 {low} 到 {high} 的整数")
        return low
    return value


def _file(value: Any, folder: Path, name: str, problems: list[str]) -> Path:
    """A file beside the county's own policy, or one of the host's."""
    for place in (folder, DATA):
        if isinstance(value, str) and (found := place / value).is_file():
            return found
    problems.append(f"{name} 指的文件不存在")
    return DATA
