"""Errors a plugin may raise. A client sees the RequestError family only; anything else is a bug and is masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

#: What a real-name level is called, and how to get there.
REAL_NAME_LEVELS = {1: "手机号登录（一级）", 2: "身份证件核验（二级）", 3: "人脸或现场核验（三级）"}
REAL_NAME_WAYS = {
    1: "请用手机号和验证码登录",
    2: "请用 verifyIdentity 提交姓名和公民身份号码",
    3: "请用 verifyFace 人脸核验，或持证件到政务服务窗口办理",
}


class HostError(Exception):
    """Root of every error the host or a plugin raises on purpose."""

    code: ClassVar[str] = "INTERNAL"


class RequestError(HostError):
    """The caller can act on it. `code` is stable; `message` is Chinese and safe to show to a citizen."""

    code: ClassVar[str] = "BAD_REQUEST"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class InputProblem:
    """One thing wrong with one value of an input."""

    #: Path inside the input, e.g. ("input", "phone").
    path: tuple[str | int, ...]
    #: What is wrong, in Chinese, without repeating personal data.
    message: str
    #: Stable id, e.g. "idno.checksum".
    id: str


class InvalidInputError(RequestError):
    """Some values of the input are wrong; `problems` lists all of them."""

    code = "INVALID_INPUT"

    def __init__(self, message: str, problems: Sequence[InputProblem] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class NotAuthenticatedError(RequestError):
    """No token, or one that no longer holds."""

    code = "NOT_AUTHENTICATED"


class LoginFailedError(RequestError):
    """Account, password or code is wrong, dead or locked: one answer for all of it, so that nothing leaks."""

    code = "LOGIN_FAILED"


class PermissionDeniedError(RequestError):
    """The actor has no rule that allows this. Says nothing about whether the row exists."""

    code = "PERMISSION_DENIED"


class RealNameRequiredError(PermissionDeniedError):
    """It takes a citizen who is known better: 2 identity document checked, 3 face or in person."""

    code = "REAL_NAME_REQUIRED"

    def __init__(self, level: int) -> None:
        super().__init__(f"需要{REAL_NAME_LEVELS[level]}", hint=REAL_NAME_WAYS[level])
        self.level = level


class ConsentRequiredError(PermissionDeniedError):
    """The person has not agreed to, or has taken back, what the values would be held for."""

    code = "CONSENT_REQUIRED"

    def __init__(self, purposes: Mapping[str, Sequence[str]]) -> None:
        """`purposes`: titles of the fields by title of their purpose."""
        told = "；".join(f"“{purpose}”（{'、'.join(fields)}）" for purpose, fields in purposes.items())
        super().__init__(
            f"没有本人同意，不能填写：{told}", hint="由本人或未满十四周岁者的监护人同意后再填；清空不需要同意"
        )


class NotFoundError(RequestError):
    """No such row, or none this actor may see."""

    code = "NOT_FOUND"


class ConflictError(RequestError):
    """The row changed meanwhile, a unique value is taken, or an idempotency key was used for something else."""

    code = "CONFLICT"


class RateLimitedError(RequestError):
    """Too many requests from this actor or address."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(RequestError):
    """A part the answer needs is down, switched off or draining."""

    code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_s: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AuditUnavailableError(UnavailableError):
    """The audit cannot be written, so what would have to be audited was not done."""

    code = "AUDIT_UNAVAILABLE"


class TooLargeError(RequestError):
    """A file has more bytes or rows than the installation takes at once."""

    code = "TOO_LARGE"


class UnreadableError(RequestError):
    """A stored value cannot be unsealed: its key is gone, or its bytes are not those that were written."""

    code = "VALUE_UNREADABLE"
