"""What a password must be: rules as data, every one that is broken named at once."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tongban_sdk import InputProblem, InvalidInputError

from core.identity.hashing import PASSWORD_MAX_CHARS
from core.identity.login_policy import PasswordPolicy

_CLASSES = (str.islower, str.isupper, str.isdigit)
#: How people dress up a word that everybody knows.
_DRESS = str.maketrans("@4301$5!7", "aaeolssit")
#: Letters and digits that nobody takes for one another: one-time passwords are read out and typed.
_PLAIN = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def check_password(policy: PasswordPolicy, password: str, *, names: Iterable[str] = (), field: str) -> None:
    """InvalidInputError with all rules this password breaks. `names`: words of its owner that it must not hold."""
    problems = [InputProblem((field,), message, id) for id, message in _broken(policy, password, names)]
    if problems:
        raise InvalidInputError("口令不符合要求", problems, hint="换一个不常见的口令")


def make_password() -> str:
    """A one-time password: 12 letters and digits of 55 (69 bits), in groups that can be read out."""
    while True:
        made = "-".join("".join(secrets.choice(_PLAIN) for _ in range(4)) for _ in range(3)) + secrets.choice("+=%")
        if classes_of(made) == 4:
            return made


def make_half() -> str:
    """Half of an administrator's one-time password: 46 bits, which nobody guesses at five tries in half an hour."""
    return "-".join("".join(secrets.choice(_PLAIN) for _ in range(4)) for _ in range(2))


def classes_of(password: str) -> int:
    """How many of lower case, upper case, digits, others."""
    others = any(not (c.isdigit() or c.islower() or c.isupper()) for c in password)
    return sum(any(map(is_of, password)) for is_of in _CLASSES) + others


def _broken(policy: PasswordPolicy, password: str, names: Iterable[str]) -> Iterable[tuple[str, str]]:
    if len(password) < policy.length:
        yield "password.short", f"至少 {policy.length} 个字符"
    if len(password) > PASSWORD_MAX_CHARS:
        yield "password.long", f"最多 {PASSWORD_MAX_CHARS} 个字符"
        return
    if classes_of(password) < policy.classes:
        yield "password.classes", f"应含大写字母、小写字母、数字、其他字符中的至少 {policy.classes} 类"
    if any(len(name) >= 4 and name.casefold() in password.casefold() for name in names):
        yield "password.name", "不能包含账号或手机号"
    if is_known(policy.breach_list, password):
        yield "password.breached", "出现在公开泄露的口令表中"


def is_known(breach_list: Path, password: str) -> bool:
    """Whether the list has it, as it is or under the usual dress: P@ssw0rd1!, Password2026."""
    known, plain = _listed(breach_list), password.casefold()
    bare = re.sub(r"[\W\d_]+$", "", plain)
    forms = {plain, plain.strip(string.punctuation), bare, plain.translate(_DRESS), bare.translate(_DRESS)}
    return not known.isdisjoint(forms)


@lru_cache(maxsize=4)
def _listed(path: Path) -> frozenset[str]:
    return frozenset(path.read_text("utf-8").split())
